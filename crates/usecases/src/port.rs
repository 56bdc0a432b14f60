//! The doors of the use cases: storage, work, reading, upkeep, sessions, identities, speech, warrants, randomness. Adapters implement them and decide nothing.

pub mod entropy;
pub mod identity_provider;
pub mod ledger;
pub mod queries;
pub mod sessions;
pub mod stopwatch;
pub mod store_error;
pub mod token;
pub mod transcriber;
pub mod upkeep;
pub mod wake;
pub mod warrant;
pub mod work;

pub use entropy::{Entropy, Ids};
pub use identity_provider::{Challenge, IdentityProvider, ProviderError, Returned};
pub use ledger::{
    CallLookup, CallSnapshot, DatabaseSnapshot, KeyHit, Ledger, PolicyStamp, PolicyText, RequestSnapshot,
    RunSnapshot,
};
pub use queries::{
    AskedCount, DayCounts, EventCursor, EventFilter, EventPage, Order, Queries, RequestCursor, RequestFilter,
    RequestPage, RequestStatus, RunCursor, RunFilter, RunPage, RunRequest, RunRequestPage, StateCount,
    Statistics,
};
pub use sessions::{AttemptSnapshot, SessionSnapshot, SessionStore};
pub use stopwatch::Stopwatch;
pub use store_error::StoreError;
pub use token::{IssuedToken, RunTokens, TokenError};
pub use transcriber::{Heard, Transcriber, TranscriberError};
pub use upkeep::Upkeep;
pub use wake::Wake;
pub use warrant::{Warrant, WarrantError, WarrantIssuer};
pub use work::{Due, Lease, WorkKind, WorkQueue, WorkSubject};
