//! The words that all Countersign crates share: ids, time, names, principals, canonical JSON and digests, redacted text, terms of
//! approval and faults.
//!
//! It exists so that the domain crates can speak to one another without depending on one another.
//!
//! **Architecture invariant:** there is no I/O, no ambient clock, no randomness and no environment in this crate. Ids are built from
//! bytes somebody else drew; time is a value.

pub mod canonical;
pub mod digest;
pub mod fault;
pub mod id;
pub mod language;
pub mod name;
pub mod principal;
pub mod redact;
pub mod terms;
pub mod time;
pub mod violation;
pub mod visible;

pub use canonical::{CanonicalError, to_canonical};
pub use digest::Digest;
pub use fault::{Fault, Kind};
pub use id::{CommitId, CorrelationId, DeliveryId, EventId, RequestId, RunId, SessionId, WorkerId};
pub use language::Language;
pub use name::{
    ActionName, AgentKey, DatabaseName, Environment, GroupName, Namespace, ParseNameError, ProjectKey,
    Repository, RunLabel, RuntimeMode, ToolName,
};
pub use principal::{Actor, ActorKind, OutsideGroup, Principal, Proof};
pub use redact::{RedactedText, TextError};
pub use terms::{ApprovalMode, OnRunEnd, SoleOwner, Terms};
pub use time::{Millis, Timestamp};
pub use violation::{Violation, Violations};
pub use visible::{visible, visible_document};
