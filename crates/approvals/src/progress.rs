//! How far the steps of a plan have come. Rows of `action_steps`.

use std::str::FromStr;

use countersign_kernel::{RedactedText, Timestamp};
use serde_json::Value;

use crate::state::ParseWordError;

/// What is known of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Committed before the write: it may have happened since.
    Intended,
    /// The last attempt ended and certainly changed nothing.
    NotDone,
    /// Done, with the target's receipt.
    Done {
        /// Names and versions the target gave; no secret.
        receipt: Value,
    },
    /// Done, and committed to be undone because a later step failed for good: it may have been undone since.
    Undoing {
        /// The receipt of what was done.
        receipt: Value,
    },
    /// Done and undone.
    Undone {
        /// The receipt of what was done.
        receipt: Value,
    },
}

impl StepState {
    /// The one spelling.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::NotDone => "not_done",
            Self::Done { .. } => "done",
            Self::Undoing { .. } => "undoing",
            Self::Undone { .. } => "undone",
        }
    }

    /// What the target said when it was done, as long as that is known.
    pub fn receipt(&self) -> Option<&Value> {
        match self {
            Self::Intended | Self::NotDone => None,
            Self::Done { receipt } | Self::Undoing { receipt } | Self::Undone { receipt } => Some(receipt),
        }
    }

    /// The state of this name; a receipt belongs to what was done only.
    ///
    /// # Errors
    /// The name is unknown, or the receipt is missing or misplaced.
    pub fn from_parts(name: &str, receipt: Option<Value>) -> Result<Self, ParseWordError> {
        match (name, receipt) {
            ("intended", None) => Ok(Self::Intended),
            ("not_done", None) => Ok(Self::NotDone),
            ("done", Some(receipt)) => Ok(Self::Done { receipt }),
            ("undoing", Some(receipt)) => Ok(Self::Undoing { receipt }),
            ("undone", Some(receipt)) => Ok(Self::Undone { receipt }),
            (other, _) => Err(ParseWordError::named(other)),
        }
    }
}

impl FromStr for StepState {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_parts(text, None)
    }
}

/// Why the last attempt at a step ended without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// The target's stable code, such as `target_forbidden`.
    pub code: String,
    /// What it said, without secrets.
    pub message: RedactedText,
}

/// One step that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProgress {
    /// The revision whose plan it belongs to.
    pub revision: u32,
    /// Its number in the plan, from 1.
    pub number: u32,
    /// What is known of it.
    pub state: StepState,
    /// When it was first intended, by the database's clock.
    pub intended_at: Timestamp,
    /// When it was seen to be done.
    pub done_at: Option<Timestamp>,
    /// The fence of the executor that touched it last.
    pub fence: u64,
    /// Attempts begun.
    pub attempts: u32,
    /// Until when an attempt whose answer never came may still arrive; looking before then proves nothing.
    pub quiet_until: Option<Timestamp>,
    /// Why the last attempt ended without effect.
    pub failure: Option<StepFailure>,
}

/// The steps of one revision that were begun, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Progress(pub Vec<StepProgress>);

impl Progress {
    /// The step of this number, if it was begun.
    pub fn step(&self, number: u32) -> Option<&StepProgress> {
        self.0.iter().find(|step| step.number == number)
    }

    /// Whether it is certain that no step changed anything, or that all that was done is undone.
    pub fn nothing_done(&self) -> bool {
        self.0.iter().all(|step| match step.state {
            StepState::NotDone | StepState::Undone { .. } => true,
            StepState::Intended | StepState::Done { .. } | StepState::Undoing { .. } => false,
        })
    }

    /// Whether steps are being taken back: then no step is taken any more.
    pub fn unwinding(&self) -> bool {
        self.0.iter().any(|step| match step.state {
            StepState::Undoing { .. } | StepState::Undone { .. } => true,
            StepState::Intended | StepState::NotDone | StepState::Done { .. } => false,
        })
    }

    /// Whether an attempt is in doubt: taking back what else was done would then prove nothing.
    pub fn in_doubt(&self) -> bool {
        self.0.iter().any(|step| match step.state {
            StepState::Intended | StepState::Undoing { .. } => true,
            StepState::NotDone | StepState::Done { .. } | StepState::Undone { .. } => false,
        })
    }

    /// The steps that are done and not undone, the last one first: the order of taking back.
    pub fn done_last_first(&self) -> impl Iterator<Item = &StepProgress> {
        self.0.iter().rev().filter(|step| match step.state {
            StepState::Done { .. } => true,
            StepState::Intended
            | StepState::NotDone
            | StepState::Undoing { .. }
            | StepState::Undone { .. } => false,
        })
    }

    /// Why a step could not be taken, the last one's first.
    pub fn failure(&self) -> Option<&StepFailure> {
        self.0.iter().rev().find_map(|step| match step.state {
            StepState::NotDone => step.failure.as_ref(),
            StepState::Intended
            | StepState::Done { .. }
            | StepState::Undoing { .. }
            | StepState::Undone { .. } => None,
        })
    }

    /// Whether the first `count` steps, which are all the plan has, are done.
    pub fn all_done(&self, count: u32) -> bool {
        (1..=count).all(|number| {
            self.step(number).is_some_and(|step| match step.state {
                StepState::Done { .. } => true,
                StepState::Intended
                | StepState::NotDone
                | StepState::Undoing { .. }
                | StepState::Undone { .. } => false,
            })
        })
    }

    /// The receipts of the steps that are done, in order.
    pub fn receipts(&self) -> Vec<Value> {
        let mut done: Vec<_> = self
            .0
            .iter()
            .filter_map(|step| match &step.state {
                StepState::Done { receipt } => Some((step.number, receipt.clone())),
                StepState::Intended
                | StepState::NotDone
                | StepState::Undoing { .. }
                | StepState::Undone { .. } => None,
            })
            .collect();
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, receipt)| receipt).collect()
    }

    /// The receipts of the steps that were undone, in order.
    pub fn undone_receipts(&self) -> Vec<Value> {
        let receipt = |step: &StepProgress| match &step.state {
            StepState::Undone { receipt } => Some(receipt.clone()),
            StepState::Intended | StepState::NotDone | StepState::Done { .. } | StepState::Undoing { .. } => {
                None
            }
        };
        self.0.iter().filter_map(receipt).collect()
    }

    /// Begins a step, or begins it again after an attempt that changed nothing.
    #[must_use]
    pub fn intend(&self, revision: u32, number: u32, fence: u64, now: Timestamp) -> StepProgress {
        let before = self.step(number);
        StepProgress {
            revision,
            number,
            state: StepState::Intended,
            intended_at: before.map_or(now, |step| step.intended_at),
            done_at: None,
            fence,
            attempts: before.map_or(0, |step| step.attempts) + 1,
            quiet_until: None,
            failure: before.and_then(|step| step.failure.clone()),
        }
    }

    /// Takes a changed step in.
    pub fn put(&mut self, step: StepProgress) {
        self.0.retain(|other| other.number != step.number);
        self.0.push(step);
        self.0.sort_by_key(|step| step.number);
    }
}

impl StepProgress {
    /// The same step, done.
    #[must_use]
    pub fn done(&self, receipt: Value, fence: u64, now: Timestamp) -> Self {
        let state = StepState::Done { receipt };
        Self { state, done_at: Some(now), fence, quiet_until: None, failure: None, ..self.clone() }
    }

    /// The same step, certainly not done.
    #[must_use]
    pub fn not_done(&self, fence: u64) -> Self {
        Self { state: StepState::NotDone, fence, quiet_until: None, ..self.clone() }
    }

    /// The same step, certainly not done, and why.
    #[must_use]
    pub fn failed(&self, failure: StepFailure, fence: u64) -> Self {
        Self { failure: Some(failure), ..self.not_done(fence) }
    }

    /// The same step, left alone until an attempt that may be on its way must have arrived.
    #[must_use]
    pub fn left_alone_until(&self, quiet_until: Timestamp, fence: u64) -> Self {
        Self { quiet_until: Some(quiet_until), fence, ..self.clone() }
    }

    /// Begins to take the step back, or begins again; `None` when there is nothing to take back.
    #[must_use]
    pub fn undoing(&self, fence: u64) -> Option<Self> {
        let (receipt, attempts) = match &self.state {
            StepState::Done { receipt } => (receipt, 1),
            StepState::Undoing { receipt } => (receipt, self.attempts + 1),
            StepState::Intended | StepState::NotDone | StepState::Undone { .. } => return None,
        };
        let state = StepState::Undoing { receipt: receipt.clone() };
        Some(Self { state, fence, attempts, quiet_until: None, ..self.clone() })
    }

    /// The step that was being taken back, now certainly undone; as it is when it was not being taken back.
    #[must_use]
    pub fn undone(&self, fence: u64) -> Self {
        let state = match &self.state {
            StepState::Undoing { receipt } => StepState::Undone { receipt: receipt.clone() },
            other @ (StepState::Intended
            | StepState::NotDone
            | StepState::Done { .. }
            | StepState::Undone { .. }) => other.clone(),
        };
        Self { state, fence, quiet_until: None, ..self.clone() }
    }

    /// The step that was being taken back and certainly still stands; as it is when it was not being taken back.
    #[must_use]
    pub fn still_done(&self, fence: u64) -> Self {
        let state = match &self.state {
            StepState::Undoing { receipt } => StepState::Done { receipt: receipt.clone() },
            other @ (StepState::Intended
            | StepState::NotDone
            | StepState::Done { .. }
            | StepState::Undone { .. }) => other.clone(),
        };
        Self { state, fence, quiet_until: None, ..self.clone() }
    }
}
