//! The terms of an approval: what policy answered for one cell of the matrix, carried by the request it let in.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::name::{GroupName, ParseNameError};
use crate::principal::{OutsideGroup, Principal};
use crate::time::Millis;

/// Who has to agree before an action runs. A refusal (`deny`) is not a mode: there is no request then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalMode {
    /// Nobody: the policy itself is the decider.
    None,
    /// The named delegates.
    Delegated,
    /// The owners of the project.
    Owner,
}

impl ApprovalMode {
    /// The mode's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delegated => "delegated",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for ApprovalMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApprovalMode {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "delegated" => Ok(Self::Delegated),
            "owner" => Ok(Self::Owner),
            other => Err(ParseNameError::new("an approval mode", "`none`, `delegated` or `owner`", other)),
        }
    }
}

/// Whether the person who launched a run may decide its requests when the project has no other owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoleOwner {
    /// Never: the default.
    Deny,
    /// Yes, if that person is the only owner; every event of such a decision says so.
    Allow,
}

impl SoleOwner {
    /// The setting's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

impl FromStr for SoleOwner {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "deny" => Ok(Self::Deny),
            "allow" => Ok(Self::Allow),
            other => Err(ParseNameError::new("a sole_owner setting", "`deny` or `allow`", other)),
        }
    }
}

/// What becomes of a run's open requests when the run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnRunEnd {
    /// All are cancelled: the default.
    Cancel,
    /// What is approved still runs; the rest is cancelled.
    Execute,
}

impl OnRunEnd {
    /// The setting's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Execute => "execute",
        }
    }
}

impl FromStr for OnRunEnd {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cancel" => Ok(Self::Cancel),
            "execute" => Ok(Self::Execute),
            other => Err(ParseNameError::new("an on_run_end setting", "`cancel` or `execute`", other)),
        }
    }
}

/// The effective terms of one request: part of its plan digest, so that what an approver saw includes who else has to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who has to agree.
    pub mode: ApprovalMode,
    /// The groups whose members may decide; sorted, without duplicates; empty for mode `none`.
    pub deciders: Vec<GroupName>,
    /// How many different members have to approve; at least 1.
    pub quorum: u32,
    /// Time to decide, from the opening of a revision.
    pub decide_within: Millis,
    /// Time to execute, from the approval.
    pub execute_within: Millis,
    /// Whether the launcher may decide as the only owner.
    pub sole_owner: SoleOwner,
    /// What becomes of the request when its run ends.
    pub on_run_end: OnRunEnd,
}

impl Terms {
    /// Whether these terms ask for more than `before` did: such a request has to be asked again.
    pub fn stricter_than(&self, before: &Self) -> bool {
        let narrower = !self.deciders.is_empty()
            && self.mode == before.mode
            && before.deciders.iter().any(|group| !self.deciders.contains(group));
        self.mode > before.mode
            || self.quorum > before.quorum
            || narrower
            || (before.sole_owner == SoleOwner::Allow && self.sole_owner == SoleOwner::Deny)
    }

    /// The terms as they enter the plan digest. Durations are in whole milliseconds.
    pub fn to_json(&self) -> Value {
        json!({
            "mode": self.mode.as_str(),
            "deciders": self.deciders.iter().map(GroupName::as_str).collect::<Vec<_>>(),
            "quorum": self.quorum,
            "decide_within_ms": self.decide_within.0,
            "execute_within_ms": self.execute_within.0,
            "sole_owner": self.sole_owner.as_str(),
            "on_run_end": self.on_run_end.as_str(),
        })
    }
}

/// Answers who belongs to a group now. Implemented by the active policy; asked again when a quorum completes.
pub trait Membership {
    /// Whether `who` is a member of any of `groups`, by name.
    fn is_member(&self, who: &Principal, groups: &[GroupName]) -> bool;

    /// Whether whoever is in this outside group is a member of any of `groups`.
    fn has_outside(&self, outside: &OutsideGroup, groups: &[GroupName]) -> bool;

    /// The outside group by which `who`, who asks right now, has proved to be a member of any of `groups`. Nobody who asked earlier is known
    /// by this: what they proved then is kept with their vote.
    fn proved_by(&self, who: &Principal, groups: &[GroupName]) -> Option<OutsideGroup>;

    /// How many different principals the groups have together. `None` when an outside group is among them: nobody here can count those.
    fn size(&self, groups: &[GroupName]) -> Option<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            mode: ApprovalMode::Delegated,
            deciders: vec![GroupName::parse("sre").unwrap()],
            quorum: 1,
            decide_within: Millis::from_secs(3600),
            execute_within: Millis::from_secs(900),
            sole_owner: SoleOwner::Deny,
            on_run_end: OnRunEnd::Cancel,
        }
    }

    #[test]
    fn stricter_means_asking_for_more() {
        let before = terms();
        assert!(!terms().stricter_than(&before));
        assert!(Terms { mode: ApprovalMode::Owner, ..terms() }.stricter_than(&before));
        assert!(!Terms { mode: ApprovalMode::None, deciders: vec![], ..terms() }.stricter_than(&before));
        assert!(Terms { quorum: 2, ..terms() }.stricter_than(&before));
        let other = vec![GroupName::parse("dba").unwrap()];
        assert!(Terms { deciders: other, ..terms() }.stricter_than(&before));
        let allowed = Terms { sole_owner: SoleOwner::Allow, ..terms() };
        assert!(terms().stricter_than(&allowed));
    }

    #[test]
    fn a_shorter_clock_alone_does_not_ask_again() {
        let shorter = Terms { decide_within: Millis(1), execute_within: Millis(1), ..terms() };
        assert!(!shorter.stricter_than(&terms()));
    }
}
