//! Why a command on a run was refused.

use countersign_kernel::{Fault, Kind, RequestId, RunId, Timestamp};

/// A run can't be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The id belongs to a run with other facts.
    #[error("run `{id}` is already registered with another {field}")]
    OtherFacts {
        /// The run.
        id: RunId,
        /// The first fact that differs.
        field: &'static str,
    },
    /// The id belongs to a run that is over.
    #[error("run `{id}` has already ended")]
    Ended {
        /// The run.
        id: RunId,
    },
}

impl Fault for RegisterError {
    fn kind(&self) -> Kind {
        match self {
            Self::OtherFacts { .. } => Kind::AlreadyExists,
            Self::Ended { .. } => Kind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::OtherFacts { .. } => "run_exists",
            Self::Ended { .. } => "run_ended",
        }
    }
}

/// The state of a run forbids a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The run is ending or over.
    #[error("run `{id}` has ended")]
    Ended {
        /// The run.
        id: RunId,
    },
    /// The run already waits for this request.
    #[error("run `{id}` already waits for request `{request}`")]
    AlreadyWaiting {
        /// The run.
        id: RunId,
        /// The request.
        request: RequestId,
    },
    /// The run doesn't wait for this request.
    #[error("run `{id}` does not wait for request `{request}`")]
    NotWaiting {
        /// The run.
        id: RunId,
        /// The request.
        request: RequestId,
    },
    /// Too many of its requests are open.
    #[error("run `{id}` has {count} open requests, and more are not opened before some of them are settled")]
    TooManyWaits {
        /// The run.
        id: RunId,
        /// How many are open.
        count: usize,
    },
    /// A link is there already and differs.
    #[error("run `{id}` is already linked to {what} {number}")]
    LinkedElsewhere {
        /// The run.
        id: RunId,
        /// `issue` or `pull request`.
        what: &'static str,
        /// The number it is linked to.
        number: u64,
    },
    /// Its budget is not spent.
    #[error("the budget of run `{id}` is not spent{}", .until.map(|at| format!("; it lasts until {at}")).unwrap_or_default())]
    BudgetLeft {
        /// The run.
        id: RunId,
        /// The deadline; none while the budget is paused.
        until: Option<Timestamp>,
    },
    /// It is not ending.
    #[error("run `{id}` is not ending")]
    NotEnding {
        /// The run.
        id: RunId,
    },
    /// Requests of it are still open.
    #[error("run `{id}` still waits for {count} requests")]
    StillWaiting {
        /// The run.
        id: RunId,
        /// How many.
        count: usize,
    },
}

impl Fault for RunError {
    fn kind(&self) -> Kind {
        match self {
            Self::Ended { .. }
            | Self::AlreadyWaiting { .. }
            | Self::NotWaiting { .. }
            | Self::BudgetLeft { .. }
            | Self::NotEnding { .. }
            | Self::StillWaiting { .. } => Kind::Conflict,
            Self::LinkedElsewhere { .. } => Kind::AlreadyExists,
            Self::TooManyWaits { .. } => Kind::Exhausted,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Ended { .. } => "run_ended",
            Self::AlreadyWaiting { .. } => "already_waiting",
            Self::NotWaiting { .. } => "not_waiting",
            Self::TooManyWaits { .. } => "too_many_open_requests",
            Self::LinkedElsewhere { .. } => "run_linked_elsewhere",
            Self::BudgetLeft { .. } => "budget_left",
            Self::NotEnding { .. } => "run_not_ending",
            Self::StillWaiting { .. } => "run_still_waiting",
        }
    }
}

/// The text is not one of the words this crate stores and shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a value this field knows")]
pub struct ParseWordError(String);

impl ParseWordError {
    pub(crate) fn named(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}
