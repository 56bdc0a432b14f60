//! Grants and guards, as the compiled policy holds them.

use std::fmt;
use std::str::FromStr;

use countersign_kernel::{ApprovalMode, GroupName, Millis, ParseNameError};

use crate::matching::Match;
use crate::notice::Position;

/// The name of a grant or guard; unique in the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(String);

impl RuleId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleId {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let well_formed = text.len() <= 64
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit";
            Err(ParseNameError::new("a rule id", expected, text))
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Loosens: the most specific match wins.
    Grant,
    /// Tightens: every match applies.
    Guard,
}

impl RuleKind {
    /// The kind's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Guard => "guard",
        }
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule says about approval: a mode, or that there is none to be had. Ordered by strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approval {
    /// Somebody, or nobody, has to agree.
    Mode(ApprovalMode),
    /// Refused.
    Deny,
}

impl Approval {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mode(mode) => mode.as_str(),
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Approval {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "deny" {
            return Ok(Self::Deny);
        }
        let expected = "`none`, `delegated`, `owner` or `deny`";
        text.parse().map(Self::Mode).map_err(|_| ParseNameError::new("an approval", expected, text))
    }
}

/// What a rule says, as far as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) approval: Option<Approval>,
    /// Sorted, without duplicates; empty unless the approval is `delegated`.
    pub(crate) delegates: Vec<GroupName>,
    pub(crate) quorum: Option<u32>,
    pub(crate) decide_within: Option<Millis>,
    pub(crate) execute_within: Option<Millis>,
    /// Where to point when the quorum can't be met.
    pub(crate) quorum_at: Option<Position>,
}

/// A grant or guard.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) kind: RuleKind,
    pub(crate) id: RuleId,
    pub(crate) at: Position,
    pub(crate) when: Match,
    pub(crate) effect: Effect,
}

/// What holds for an action before guards tighten it: a grant or a default with every gap filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) approval: Approval,
    pub(crate) delegates: Vec<GroupName>,
    pub(crate) quorum: u32,
    pub(crate) decide_within: Millis,
    pub(crate) execute_within: Millis,
}
