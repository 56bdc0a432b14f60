//! An agent's run: its waits, its paused time budget, and the inbox of outcomes it has not acknowledged yet.
//!
//! A run that waits for a person does not spend its budget. Waiting begins with the first open wait and ends when the last one settles;
//! the outcome then stays in the run's inbox until the agent says it has it.
//!
//! **Architecture invariant:** no clock and no timer live here. A deadline is a value; a work row somewhere else reads it. A changed run
//! exists only inside a [`RunTransition`] with its event.

pub mod error;
pub mod event;
pub mod life;
pub mod outcome;
pub mod run;
pub mod wait;
pub mod window;

pub use error::{RegisterError, RunError};
pub use event::{FinishReason, RunEvent, RunTransition};
pub use life::register;
pub use outcome::{NextAction, Outcome, OutcomeStatus};
pub use run::{Run, RunFacts, RunLinks, RunState, RunStatus, Timer};
pub use wait::{Wait, WaitReason, WaitState};
pub use window::{CallWindow, Counted};
