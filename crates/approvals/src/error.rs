//! Why a command on a request was refused.

use countersign_kernel::{Digest, Fault, Kind, Principal, RequestId, Timestamp};

use crate::state::{State, StateName};

/// A request can't be opened on these terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A question is answered by one person; it can't be let through or need several.
    #[error(
        "policy gives a question the approval `{mode}` with quorum {quorum}; a question needs a person and only one"
    )]
    QuestionTerms {
        /// The mode policy gave.
        mode: &'static str,
        /// The quorum policy gave.
        quorum: u32,
    },
}

impl Fault for OpenError {
    fn kind(&self) -> Kind {
        match self {
            Self::QuestionTerms { .. } => Kind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::QuestionTerms { .. } => "policy_question_terms",
        }
    }
}

/// The state of a request forbids a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is over.
    #[error("request `{id}` was already {state} by {by} at {at}")]
    Settled {
        /// The request.
        id: RequestId,
        /// How it ended.
        state: StateName,
        /// Who ended it.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The decision has been made.
    #[error("request `{id}` was already approved at {at}")]
    Approved {
        /// The request.
        id: RequestId,
        /// When.
        at: Timestamp,
    },
    /// The executor has begun.
    #[error("request `{id}` is already being executed")]
    Executing {
        /// The request.
        id: RequestId,
    },
    /// It has not been approved.
    #[error("request `{id}` is {state}, not approved")]
    NotApproved {
        /// The request.
        id: RequestId,
        /// Where it stands.
        state: StateName,
    },
    /// It is not being executed.
    #[error("request `{id}` is {state}, not applying")]
    NotApplying {
        /// The request.
        id: RequestId,
        /// Where it stands.
        state: StateName,
    },
    /// Its outcome is not in doubt.
    #[error("request `{id}` is {state}; there is nothing unknown about it")]
    NotUnknown {
        /// The request.
        id: RequestId,
        /// Where it stands.
        state: StateName,
    },
    /// The clock in question has not run out.
    #[error("request `{id}` has until {until}")]
    NotDue {
        /// The request.
        id: RequestId,
        /// The deadline.
        until: Timestamp,
    },
    /// The clock in question has run out.
    #[error("request `{id}` could be executed only until {until}")]
    TooLateToExecute {
        /// The request.
        id: RequestId,
        /// The deadline.
        until: Timestamp,
    },
    /// It can still reach `settled` on its own steps; all of them are not done yet.
    #[error("request `{id}` still has steps that are not done")]
    StepsLeft {
        /// The request.
        id: RequestId,
    },
}

impl Fault for StateError {
    fn kind(&self) -> Kind {
        Kind::Conflict
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Settled { .. } => "already_settled",
            Self::Approved { .. } => "already_approved",
            Self::Executing { .. } => "already_executing",
            Self::NotApproved { .. } => "not_approved",
            Self::NotApplying { .. } => "not_applying",
            Self::NotUnknown { .. } => "not_unknown",
            Self::NotDue { .. } => "not_due",
            Self::TooLateToExecute { .. } => "execution_too_late",
            Self::StepsLeft { .. } => "steps_left",
        }
    }
}

/// A decision or answer doesn't count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The state forbids it.
    #[error(transparent)]
    State(#[from] StateError),
    /// The time to decide is over.
    #[error("request `{id}` could be decided only until {until}")]
    Late {
        /// The request.
        id: RequestId,
        /// The deadline.
        until: Timestamp,
    },
    /// The decision was made on something else than what would be done now.
    #[error(
        "the decision names plan `{seen}`, but request `{id}` is now at revision {revision} with plan `{current}`"
    )]
    OtherPlan {
        /// The request.
        id: RequestId,
        /// The digest that was shown.
        seen: Digest,
        /// The digest as it is.
        current: Digest,
        /// The revision as it is.
        revision: u32,
    },
    /// The requester of record can't decide.
    #[error("`{who}` launched the run that made request `{id}` and can't decide it")]
    Requester {
        /// The request.
        id: RequestId,
        /// The person.
        who: Principal,
    },
    /// Not one of those whom policy asks.
    #[error("`{who}` is not among those who decide request `{id}`")]
    NotADecider {
        /// The request.
        id: RequestId,
        /// The person.
        who: Principal,
    },
    /// A question can't be approved.
    #[error("request `{id}` is a question: answer it")]
    IsQuestion {
        /// The request.
        id: RequestId,
    },
    /// Only a question can be answered.
    #[error("request `{id}` is not a question: approve or deny it")]
    NotAQuestion {
        /// The request.
        id: RequestId,
    },
    /// There is no such option.
    #[error("request `{id}` has {count} options; there is none at place {index}")]
    NoSuchOption {
        /// The request.
        id: RequestId,
        /// The place asked for, from 0.
        index: u32,
        /// How many there are.
        count: u32,
    },
    /// Own words were not asked for.
    #[error("request `{id}` takes one of its options only")]
    CustomNotAllowed {
        /// The request.
        id: RequestId,
    },
}

impl Fault for DecideError {
    fn kind(&self) -> Kind {
        match self {
            Self::State(state) => state.kind(),
            Self::Late { .. }
            | Self::OtherPlan { .. }
            | Self::IsQuestion { .. }
            | Self::NotAQuestion { .. } => Kind::Conflict,
            Self::Requester { .. } | Self::NotADecider { .. } => Kind::Denied,
            Self::NoSuchOption { .. } | Self::CustomNotAllowed { .. } => Kind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::State(state) => state.code(),
            Self::Late { .. } => "decision_too_late",
            Self::OtherPlan { .. } => "plan_changed",
            Self::Requester { .. } => "requester_cannot_decide",
            Self::NotADecider { .. } => "not_a_decider",
            Self::IsQuestion { .. } => "is_a_question",
            Self::NotAQuestion { .. } => "not_a_question",
            Self::NoSuchOption { .. } => "no_such_option",
            Self::CustomNotAllowed { .. } => "custom_not_allowed",
        }
    }
}

/// The refusal that fits a request which is not `requested`.
pub(crate) fn not_requested(id: RequestId, state: &State) -> StateError {
    match state {
        State::Approved { approved_at, .. } => StateError::Approved { id, at: *approved_at },
        State::Requested { .. } | State::Applying { .. } | State::Unknown { .. } => {
            StateError::Executing { id }
        }
        State::Settled(settled) => {
            StateError::Settled { id, state: state.name(), by: settled.by(), at: settled.at() }
        }
    }
}
