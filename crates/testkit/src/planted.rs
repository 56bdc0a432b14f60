//! Deliberate faults, put between the core and its ports, to show that the contract suite and the crash harness notice them
//! (`cargo xtask crash --planted`). Compiled with the feature `planted` only.
//!
//! The faults are in decorators: the core carries none of it. Each takes away one of the things that keep an effect single, approved, told
//! and forgotten.

mod ledger;
mod targets;
mod work;

use std::fmt;
use std::str::FromStr;

pub use ledger::PlantedLedger;
pub use targets::{PlantedGithub, PlantedKubernetes, PlantedServer};
pub use work::PlantedWork;

/// A deliberate fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Commits are written whether or not their lease still holds.
    NoFence,
    /// Each process writes secret bytes of its own.
    FreshRandomOnRetry,
    /// Commits are written whatever version is stored.
    FinishWithoutVersion,
    /// The database is made before `applying` is committed.
    EffectBeforeCommit,
    /// A database that somebody else made counts as ours.
    AdoptForeignDatabase,
    /// What is stored is done, whether or not it is what was approved.
    SkipDigestCheck,
    /// The run isn't paused while its request is open.
    ResumeBeforeSettled,
    /// Sealed values stay.
    ForgetToErase,
    /// A write that wasn't answered is repeated.
    RetryOnUnknown,
    /// The target looks as it did at first, and is overwritten as it is.
    IgnoreDrift,
    /// A lease never goes to somebody else.
    LeaseWithoutDeadline,
    /// Nobody is the requester, so that everybody may decide.
    SelfApproval,
    /// A transition has no event.
    LoseAnEvent,
    /// The agent isn't told.
    LoseTheOutcome,
    /// A write that was never sent counts as done.
    ClaimWithoutDoing,
    /// What was to be taken back stays, and counts as taken back.
    UndoWithoutDoing,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::NoFence,
        Self::FreshRandomOnRetry,
        Self::FinishWithoutVersion,
        Self::EffectBeforeCommit,
        Self::AdoptForeignDatabase,
        Self::SkipDigestCheck,
        Self::ResumeBeforeSettled,
        Self::ForgetToErase,
        Self::RetryOnUnknown,
        Self::IgnoreDrift,
        Self::LeaseWithoutDeadline,
        Self::SelfApproval,
        Self::LoseAnEvent,
        Self::LoseTheOutcome,
        Self::ClaimWithoutDoing,
        Self::UndoWithoutDoing,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFence => "no_fence",
            Self::FreshRandomOnRetry => "fresh_random_on_retry",
            Self::FinishWithoutVersion => "finish_without_version",
            Self::EffectBeforeCommit => "effect_before_commit",
            Self::AdoptForeignDatabase => "adopt_foreign_database",
            Self::SkipDigestCheck => "skip_digest_check",
            Self::ResumeBeforeSettled => "resume_before_settled",
            Self::ForgetToErase => "forget_to_erase",
            Self::RetryOnUnknown => "retry_on_unknown",
            Self::IgnoreDrift => "ignore_drift",
            Self::LeaseWithoutDeadline => "lease_without_deadline",
            Self::SelfApproval => "self_approval",
            Self::LoseAnEvent => "lose_an_event",
            Self::LoseTheOutcome => "lose_the_outcome",
            Self::ClaimWithoutDoing => "claim_without_doing",
            Self::UndoWithoutDoing => "undo_without_doing",
        }
    }
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePlantError(String);

impl fmt::Display for ParsePlantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no planted fault", self.0)
    }
}

impl std::error::Error for ParsePlantError {}

impl FromStr for Plant {
    type Err = ParsePlantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|plant| plant.as_str() == text)
            .ok_or_else(|| ParsePlantError(text.to_owned()))
    }
}
