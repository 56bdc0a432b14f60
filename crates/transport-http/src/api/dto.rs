//! What goes over the wire, as schemas: closed objects, words for enumerations, RFC 3339 for times.
//!
//! Bodies of requests are described here and read by hand, so that one answer names all that is wrong with them; a test holds the two
//! together.

pub(super) mod approval;
pub(super) mod change;
pub(super) mod decision;
pub(super) mod event;
pub(super) mod plan;
pub(super) mod policy;
pub(super) mod request;
pub(super) mod run;
pub(super) mod transcript;
pub(super) mod words;

use countersign_usecases::record::LinkRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// A connection of two things.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    /// `issue`, `pr`, `run`, `request`, `delivery` or `event`.
    from_kind: String,
    /// An id of that kind; issues and pull requests as `owner/name#number`.
    from_id: String,
    /// `issue`, `pr`, `run`, `request`, `delivery` or `event`.
    to_kind: String,
    /// An id of that kind.
    to_id: String,
}

impl From<LinkRecord> for Link {
    fn from(record: LinkRecord) -> Self {
        Self {
            from_kind: record.from_kind,
            from_id: record.from_id,
            to_kind: record.to_kind,
            to_id: record.to_id,
        }
    }
}
