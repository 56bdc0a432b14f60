//! What a watcher compares: a step as it was left, and the target as it is now; and what it finds that no step leads to.

use countersign_kernel::{Digest, Millis, RequestId, Timestamp};
use serde_json::{Value, json};

use crate::call::Call;
use crate::plan::{Plan, Step};

/// How far a target's clock and the database's may be apart before a later time means a later write.
pub const CLOCK_SLACK: Millis = Millis::from_secs(60);

/// A step that was done, as it is on the record.
#[derive(Debug)]
pub struct DoneStep<'a> {
    /// The request it belongs to.
    pub request: RequestId,
    /// The call.
    pub call: &'a Call,
    /// The plan that was done.
    pub plan: &'a Plan,
    /// The step.
    pub step: &'a Step,
    /// What the target answered then.
    pub receipt: &'a Value,
    /// When it was recorded as done, by the database's clock.
    pub done_at: Timestamp,
}

/// What comparing gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Inspection {
    /// There is nothing to compare.
    NotWatched,
    /// The target is as the step left it, as far as can be seen.
    AsLeft,
    /// It is not.
    Changed {
        /// What is different.
        finding: Finding,
        /// What would make it no finding after all.
        unless: Explanation,
    },
    /// The target could not be looked at.
    CouldNotLook {
        /// Why, in words without secrets.
        why: String,
    },
}

/// What could explain a difference; the tool sees the target, and only the ledger knows what else was written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// Nothing: the step's own target is not as it was left.
    Nothing,
    /// A later write of ours to another part of the same object, which is the text of the target before its `#`.
    LaterWriteToObject,
}

/// How a target deviates from what was left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// What was written is gone, or has another name now.
    Removed,
    /// Something else has its name: it was removed and made anew.
    Replaced,
    /// It was written after us.
    Rewritten,
    /// It lost the mark that says whose it is, or carries another's.
    Unmarked,
    /// Something has a name that we had freed, and isn't ours.
    Unowned,
    /// It carries our mark, and no record of ours gives it to the request that the mark names.
    Unregistered,
}

impl Deviation {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Rewritten => "rewritten",
            Self::Unmarked => "unmarked",
            Self::Unowned => "unowned",
            Self::Unregistered => "unregistered",
        }
    }
}

/// One difference between what was left and what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What kind of difference.
    pub deviation: Deviation,
    /// What was left: names and versions, no secret.
    pub left: Value,
    /// What is seen instead: names, versions and times, no secret. A look that sees the same later gives the same.
    pub seen: Value,
}

/// Something that carries our mark and that no done step leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Stray {
    /// The target as a step on it would name it.
    pub target: String,
    /// The request that its mark names. It need not be one of ours.
    pub marked_by: RequestId,
    /// What is wrong with it.
    pub finding: Finding,
}

/// What looking over all targets of a tool gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// What was found.
    pub strays: Vec<Stray>,
    /// What could not be looked at and why, in words without secrets.
    pub not_seen: Vec<String>,
}

impl Finding {
    /// Tells one finding about a target from another: the same text for the same finding.
    pub fn mark(&self, target: &str) -> String {
        let whole = json!({"target": target, "deviation": self.deviation.as_str(), "left": self.left, "seen": self.seen});
        Digest::of_json(&whole)
            .map_or_else(|_| self.deviation.as_str().to_owned(), |digest| digest.to_string())
    }
}

impl Inspection {
    /// A finding that nothing explains.
    pub(crate) fn changed(deviation: Deviation, left: Value, seen: Value) -> Self {
        Self::Changed { finding: Finding { deviation, left, seen }, unless: Explanation::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_its_own_mark() {
        let finding = |deviation, seen: Value| Finding { deviation, left: json!({"id": "1"}), seen };
        let one = finding(Deviation::Rewritten, json!({"at": "now"}));
        assert_eq!(one.mark("a"), one.clone().mark("a"));
        assert_ne!(one.mark("a"), one.mark("b"));
        assert_ne!(one.mark("a"), finding(Deviation::Removed, json!({"at": "now"})).mark("a"));
        assert_ne!(one.mark("a"), finding(Deviation::Rewritten, json!({"at": "then"})).mark("a"));
    }
}
