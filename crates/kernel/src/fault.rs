//! How errors present themselves to the outside: a kind that transports map, and a stable code that documentation explains.

use crate::violation::Violations;

/// What kind of fault it is. Each transport maps kinds to its own statuses in one exhaustive place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input is wrong; the same call will never succeed.
    Invalid,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// The caller may not do this.
    Denied,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// A key or id is taken by other content.
    AlreadyExists,
    /// The state of the thing forbids it.
    Conflict,
    /// A race was lost too often; trying again is sensible.
    Busy,
    /// A limit of the caller is used up.
    Exhausted,
    /// Something Countersign needs can't be reached now; trying again is sensible.
    Unavailable,
    /// A defect or damaged data; the source is logged, not shown.
    Internal,
}

/// An error that callers see.
pub trait Fault: std::error::Error {
    /// The kind, for the transport's map.
    fn kind(&self) -> Kind;

    /// The stable code; there is a page `docs/errors/<code>.md` for each.
    fn code(&self) -> &'static str;

    /// Every offending field, for kind [`Kind::Invalid`].
    fn violations(&self) -> Option<&Violations> {
        None
    }
}
