//! What happened to a request, and the transition that carries it.

use std::fmt;

use countersign_kernel::{Digest, OutsideGroup, Principal, RedactedText, Timestamp};
use serde_json::Value;

use crate::ballot::{Answer, Vote};
use crate::execute::SettledBy;
use crate::request::{ActionRequest, Proposal};
use crate::state::{CancelledBy, ExpiredPhase};

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The policy by itself.
    Policy,
    /// A person or service.
    Principal(Principal),
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("policy"),
            Self::Principal(principal) => fmt::Display::fmt(principal, f),
        }
    }
}

/// One thing that happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// Opened; people have to decide.
    Requested {
        /// Until when.
        decide_by: Timestamp,
    },
    /// A vote was counted and the quorum is not met yet.
    Voted {
        /// The vote.
        vote: Vote,
        /// Approvals that count now.
        approvals: u32,
    },
    /// The quorum is met, or policy let it in by itself.
    Approved {
        /// The vote that completed the quorum; none when policy decided.
        vote: Option<Vote>,
        /// Until when the executor may begin.
        execute_by: Timestamp,
    },
    /// Refused.
    Denied {
        /// The vote; none when policy decided.
        vote: Option<Vote>,
        /// Why.
        reason: Option<RedactedText>,
    },
    /// A question was answered.
    Answered {
        /// By whom.
        by: Principal,
        /// What.
        answer: Answer,
        /// Whether the person launched the run and could answer only as the project's sole owner.
        as_sole_owner: bool,
        /// The outside group by which the person is a member of those who decide; none for one whom the policy text names.
        by_group: Option<OutsideGroup>,
    },
    /// Too late.
    Expired {
        /// Which clock ran out.
        phase: ExpiredPhase,
    },
    /// Withdrawn.
    Cancelled {
        /// By whom.
        by: CancelledBy,
        /// Why.
        reason: Option<RedactedText>,
    },
    /// The target or the policy changed before the first step.
    Drifted {
        /// What was approved.
        approved: Box<Proposal>,
        /// The plan as it would be now.
        now: Digest,
        /// Whether people have to decide again; otherwise policy let the new plan in by itself.
        asks_again: bool,
    },
    /// The executor began.
    Applying,
    /// All is done.
    Applied {
        /// What settled it.
        by: SettledBy,
        /// What the steps left behind, in order: names and versions, no secret.
        receipts: Vec<Value>,
    },
    /// Nothing was changed, or all was undone.
    Failed {
        /// The stable code.
        code: String,
        /// What happened.
        reason: RedactedText,
        /// What settled it.
        by: SettledBy,
        /// The receipts of the steps that were done and undone, in order.
        undone: Vec<Value>,
    },
    /// A write may or may not have happened.
    Unknown {
        /// The stable code.
        code: String,
        /// What happened.
        reason: RedactedText,
    },
}

/// A change of one request: as it was expected to be, as it will be, and the event that says so.
#[must_use = "a transition changes nothing until it is recorded in a commit"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    before_version: Option<u64>,
    after: ActionRequest,
    event: RequestEvent,
}

impl Transition {
    pub(crate) fn opening(after: ActionRequest, event: RequestEvent) -> Self {
        Self { before_version: None, after, event }
    }

    pub(crate) fn of(before: &ActionRequest, mut after: ActionRequest, event: RequestEvent) -> Self {
        after.version = before.version + 1;
        Self { before_version: Some(before.version), after, event }
    }

    /// The version the stored request must still have; `None` for a new one.
    pub fn before_version(&self) -> Option<u64> {
        self.before_version
    }

    /// The request as it will be.
    pub fn after(&self) -> &ActionRequest {
        &self.after
    }

    /// What happened.
    pub fn event(&self) -> &RequestEvent {
        &self.event
    }
}
