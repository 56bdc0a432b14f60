//! How far the steps of a plan have come. Rows of `action_steps`.

use std::str::FromStr;

use countersign_kernel::Timestamp;
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
}

impl StepState {
    /// The one spelling.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::NotDone => "not_done",
            Self::Done { .. } => "done",
        }
    }

    /// The state of this name; a receipt belongs to `done` only.
    ///
    /// # Errors
    /// The name is unknown, or the receipt is missing or misplaced.
    pub fn from_parts(name: &str, receipt: Option<Value>) -> Result<Self, ParseWordError> {
        match (name, receipt) {
            ("intended", None) => Ok(Self::Intended),
            ("not_done", None) => Ok(Self::NotDone),
            ("done", Some(receipt)) => Ok(Self::Done { receipt }),
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
}

/// The steps of one revision that were begun, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Progress(pub Vec<StepProgress>);

impl Progress {
    /// The step of this number, if it was begun.
    pub fn step(&self, number: u32) -> Option<&StepProgress> {
        self.0.iter().find(|step| step.number == number)
    }

    /// Whether it is certain that no step changed anything.
    pub fn nothing_done(&self) -> bool {
        self.0.iter().all(|step| match step.state {
            StepState::NotDone => true,
            StepState::Intended | StepState::Done { .. } => false,
        })
    }

    /// Whether the first `count` steps, which are all the plan has, are done.
    pub fn all_done(&self, count: u32) -> bool {
        (1..=count).all(|number| {
            self.step(number).is_some_and(|step| match step.state {
                StepState::Done { .. } => true,
                StepState::Intended | StepState::NotDone => false,
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
                StepState::Intended | StepState::NotDone => None,
            })
            .collect();
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, receipt)| receipt).collect()
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
        Self { state: StepState::Done { receipt }, done_at: Some(now), fence, ..self.clone() }
    }

    /// The same step, certainly not done.
    #[must_use]
    pub fn not_done(&self, fence: u64) -> Self {
        Self { state: StepState::NotDone, fence, ..self.clone() }
    }
}
