//! How a target answered when it did not do what was asked, in the same words for every target.

use countersign_kernel::Millis;

use crate::tool::{ProbeOutcome, StepOutcome};

/// A target did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {message}")]
pub struct TargetError {
    /// What kind of answer it was.
    pub kind: TargetErrorKind,
    /// Which target and object, such as `kubernetes secret shop-dev/app`.
    pub target: String,
    /// What it said, without secrets.
    pub message: String,
}

/// What kind of answer a target gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetErrorKind {
    /// No connection: the request was never sent.
    Unreachable,
    /// The request was sent and no whole answer came (time-out, connection cut): a write may have happened.
    NoAnswer,
    /// Our credentials were not accepted (401).
    Unauthorized,
    /// Our credentials may not do this (403).
    Forbidden,
    /// The object or what contains it is not there (404).
    NotFound,
    /// The object changed or belongs to another manager (409).
    Conflict,
    /// The object carries the fence of a newer executor than ours: another Countersign writes there, or our store was set back.
    Fenced,
    /// There is no room for one more: a quota or a limit of the target.
    QuotaExceeded,
    /// The target refuses the content (422 or 400).
    Invalid,
    /// Too many requests (429, or 403 with a rate-limit answer): certainly not done.
    RateLimited {
        /// How long to wait, if it said so.
        retry_after: Option<Millis>,
    },
    /// The target failed (5xx): a write may have happened.
    Broken,
}

impl TargetErrorKind {
    /// The stable code; there is a page `docs/errors/<code>.md` for each.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "target_unreachable",
            Self::NoAnswer => "target_no_answer",
            Self::Unauthorized => "target_unauthorized",
            Self::Forbidden => "target_forbidden",
            Self::NotFound => "target_not_found",
            Self::Conflict => "target_conflict",
            Self::Fenced => "target_fenced",
            Self::QuotaExceeded => "target_quota_exceeded",
            Self::Invalid => "target_invalid",
            Self::RateLimited { .. } => "target_rate_limited",
            Self::Broken => "target_broken",
        }
    }
}

impl TargetError {
    /// What this answer to a **write** means for a step.
    pub fn into_step_outcome(self) -> StepOutcome {
        let code = self.kind.code();
        let message = self.to_string();
        match self.kind {
            TargetErrorKind::Unreachable => StepOutcome::Transient { code, message, retry_after: None },
            TargetErrorKind::RateLimited { retry_after } => {
                StepOutcome::Transient { code, message, retry_after }
            }
            TargetErrorKind::NoAnswer | TargetErrorKind::Broken => StepOutcome::Unclear { code, message },
            TargetErrorKind::Unauthorized
            | TargetErrorKind::Forbidden
            | TargetErrorKind::NotFound
            | TargetErrorKind::Conflict
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid => StepOutcome::Permanent { code, message },
        }
    }

    /// What this answer to a **look** means for a probe: nothing can be told now. Credentials get repaired and targets come back, so those
    /// are worth another look.
    pub fn into_probe_outcome(self) -> ProbeOutcome {
        let retry = match self.kind {
            TargetErrorKind::Unreachable
            | TargetErrorKind::NoAnswer
            | TargetErrorKind::RateLimited { .. }
            | TargetErrorKind::Broken
            | TargetErrorKind::Unauthorized
            | TargetErrorKind::Forbidden => true,
            TargetErrorKind::NotFound
            | TargetErrorKind::Conflict
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid => false,
        };
        ProbeOutcome::CannotTell { why: self.to_string(), retry }
    }
}

/// Whether our own credentials could do it, as far as the target tells beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// They could.
    Allowed,
    /// They couldn't.
    Refused {
        /// What is missing.
        why: String,
    },
}
