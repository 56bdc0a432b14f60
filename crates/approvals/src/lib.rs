//! An action request: one call of a control tool that policy let in, from the asking to its settlement.
//!
//! Every change is a pure function from the request as it was loaded to a [`Transition`]: the request as it will be, and the one event
//! that says so. There is no other way to obtain a changed request.
//!
//! **Architecture invariant:** no clock, no storage, no network; a transition can't be built outside this crate, and none exists without
//! its event.

pub mod ballot;
pub mod decide;
pub mod error;
pub mod event;
pub mod execute;
pub mod open;
pub mod progress;
pub mod request;
pub mod resolution;
pub mod state;
pub mod transcript;

pub use ballot::{Answer, AnswerBallot, Ballot, Choice, InputMode, Reply, Vote};
pub use decide::Decided;
pub use error::{DecideError, OpenError, StateError};
pub use event::{Decider, RequestEvent, Transition};
pub use execute::{SettledBy, Verdict};
pub use open::open;
pub use progress::{Progress, StepFailure, StepProgress, StepState};
pub use request::{ActionRequest, CallKey, Proposal, QuestionForm, RequestFacts};
pub use resolution::Resolution;
pub use state::{CancelledBy, ExpiredPhase, ParseWordError, Settled, State, StateName};
pub use transcript::{Label, Percent, Transcript};
