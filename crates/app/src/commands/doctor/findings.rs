//! What the doctor has found, said as it is found.

use std::fmt::Display;

use countersign_mcp_tools::ports::{Access, TargetError, TargetErrorKind};

use crate::commands::say;

/// Counts what is bad while it says what is found.
#[derive(Default)]
pub(super) struct Findings {
    bad: u32,
}

impl Findings {
    /// How many things are bad.
    pub(super) fn bad_ones(&self) -> u32 {
        self.bad
    }

    /// Something is as it should be.
    pub(super) fn good(&self, what: &str, seen: impl Display) {
        say(format!("ok    {what}: {seen}"));
    }

    /// Something to know, such as what could not be looked at.
    pub(super) fn note(&self, what: &str, seen: impl Display) {
        say(format!("note  {what}: {seen}"));
    }

    /// Something to mend, and how.
    pub(super) fn bad(&mut self, what: &str, seen: impl Display, advice: &str) {
        self.bad += 1;
        say(format!("BAD   {what}: {seen}\n      -> {advice}"));
    }

    /// What a target says of our credentials.
    pub(super) fn access(&mut self, what: &str, access: Result<Access, TargetError>) {
        match access {
            Ok(Access::Allowed) => self.good(what, "answers, and our credentials suffice"),
            Ok(Access::Refused { why }) => {
                self.bad(what, why, "give our credentials the rights docs/operations.md lists");
            }
            Err(error) => self.refusal(what, &error),
        }
    }

    /// A target that didn't do what was asked.
    pub(super) fn refusal(&mut self, what: &str, error: &TargetError) {
        let advice = match error.kind {
            TargetErrorKind::Unreachable | TargetErrorKind::NoAnswer => {
                "check the address and that the network lets us through"
            }
            TargetErrorKind::Unauthorized => "the credentials are not accepted: replace them",
            TargetErrorKind::Forbidden => "give our credentials the rights docs/operations.md lists",
            TargetErrorKind::NotFound => {
                "check the names in the configuration and the policy text, and that our credentials may see it"
            }
            TargetErrorKind::Conflict
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid
            | TargetErrorKind::RateLimited { .. }
            | TargetErrorKind::Broken => "try again; if it stays so, look at the target's own logs",
        };
        self.bad(what, error, advice);
    }
}
