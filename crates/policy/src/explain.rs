//! Why a cell has its answer: the winning grant or default, every guard that applied, and the rules that didn't, each with its reason.

use std::fmt;

use countersign_kernel::{Digest, GroupName, Millis};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, RuleRef};
use crate::cell::{Axis, Cell};
use crate::evaluate;
use crate::matching::Point;
use crate::policy::CompiledPolicy;
use crate::rule::{Approval, Rule, RuleId, RuleKind};

/// The answer for one cell and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The cell that was asked about.
    pub cell: Cell,
    /// What [`CompiledPolicy::evaluate`] says too.
    pub answer: Answer,
    /// What held before guards; `None` when the cell names something unknown, so that no rule was looked at.
    pub base: Option<BaseRule>,
    /// The guards that applied, in the order of the text.
    pub guards: Vec<AppliedGuard>,
    /// The rules that had no say: grants from the most specific to the least, then guards.
    pub losers: Vec<Loser>,
    /// The policy that was asked.
    pub policy: Digest,
}

/// What held before guards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseRule {
    /// The grant or default.
    pub rule: RuleRef,
    /// The grant's line in the text.
    pub line: Option<usize>,
    /// The approval it gives.
    pub approval: Approval,
    /// The groups it delegates to; empty unless the approval is `delegated`.
    pub delegates: Vec<GroupName>,
    /// How many have to approve.
    pub quorum: u32,
    /// Time to decide.
    pub decide_within: Millis,
    /// Time to execute.
    pub execute_within: Millis,
}

/// A guard that applied, with what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedGuard {
    /// The guard.
    pub id: RuleId,
    /// Its line in the text.
    pub line: usize,
    /// The least strict approval it lets through.
    pub approval: Option<Approval>,
    /// The groups it delegates to; empty unless the approval is `delegated`.
    pub delegates: Vec<GroupName>,
    /// The smallest quorum.
    pub quorum: Option<u32>,
    /// The longest time to decide.
    pub decide_within: Option<Millis>,
    /// The longest time to execute.
    pub execute_within: Option<Millis>,
}

/// A rule that had no say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loser {
    /// Grant or guard.
    pub kind: RuleKind,
    /// The rule.
    pub id: RuleId,
    /// Its line in the text.
    pub line: usize,
    /// Why.
    pub why: Lost,
}

/// Why a rule had no say. Displayed as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It doesn't match the cell.
    NoMatch {
        /// The first axis on which it doesn't.
        axis: Axis,
        /// What the rule asks for there.
        expected: String,
        /// What the cell has there, if anything.
        found: Option<String>,
    },
    /// A grant that matches too is more specific.
    LessSpecific {
        /// The grant that won.
        than: RuleId,
        /// The first axis on which that one is more specific.
        axis: Axis,
    },
    /// A grant that is as specific, matches too and comes first in the text has the same effect.
    SameEffect {
        /// The grant that won.
        as_in: RuleId,
    },
}

impl Lost {
    /// The reason's one spelling.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoMatch { .. } => "no_match",
            Self::LessSpecific { .. } => "less_specific",
            Self::SameEffect { .. } => "same_effect",
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMatch { axis, expected, found: Some(found) } => {
                write!(f, "{axis} is `{found}`, not {expected}")
            }
            Self::NoMatch { axis, expected, found: None } => write!(f, "there is no {axis}, not {expected}"),
            Self::LessSpecific { than, axis } => write!(f, "`{than}` is more specific on {axis}"),
            Self::SameEffect { as_in } => write!(f, "`{as_in}` says the same and comes first"),
        }
    }
}

pub(crate) fn explain(policy: &CompiledPolicy, cell: &Cell) -> Explanation {
    let mut explanation = Explanation {
        cell: cell.clone(),
        answer: policy.evaluate(cell),
        base: None,
        guards: Vec::new(),
        losers: Vec::new(),
        policy: policy.digest(),
    };
    let Ok(ground) = policy.ground(cell) else { return explanation };
    let point = Point::new(cell, ground.tool);
    let winner = policy.winner(&point);
    let (base, rule) = policy.base(winner, ground.traits);
    let guards = policy.applying_guards(&point);
    explanation.answer = evaluate::answer(&ground, base.clone(), rule.clone(), &guards);
    explanation.base = Some(BaseRule {
        rule,
        line: winner.map(|grant| grant.at.line),
        approval: base.approval,
        delegates: base.delegates,
        quorum: base.quorum,
        decide_within: base.decide_within,
        execute_within: base.execute_within,
    });
    explanation.guards = guards.into_iter().map(applied).collect();
    explanation.losers =
        policy.grants.iter().chain(&policy.guards).filter_map(|rule| lost(rule, winner, &point)).collect();
    explanation
}

fn applied(guard: &Rule) -> AppliedGuard {
    AppliedGuard {
        id: guard.id.clone(),
        line: guard.at.line,
        approval: guard.effect.approval,
        delegates: guard.effect.delegates.clone(),
        quorum: guard.effect.quorum,
        decide_within: guard.effect.decide_within,
        execute_within: guard.effect.execute_within,
    }
}

fn lost(rule: &Rule, winner: Option<&Rule>, point: &Point<'_>) -> Option<Loser> {
    let why = match (rule.when.check(point), rule.kind, winner) {
        (Err(axis), ..) => Lost::NoMatch {
            axis,
            expected: rule.when.pattern(axis).to_string(),
            found: point.value(axis).map(str::to_owned),
        },
        (Ok(()), RuleKind::Grant, Some(winner)) if winner.id != rule.id => {
            let forms = |rule: &Rule, axis| rule.when.pattern(axis).form();
            match Axis::ALL.into_iter().find(|axis| forms(winner, *axis) != forms(rule, *axis)) {
                Some(axis) => Lost::LessSpecific { than: winner.id.clone(), axis },
                None => Lost::SameEffect { as_in: winner.id.clone() },
            }
        }
        (Ok(()), RuleKind::Grant | RuleKind::Guard, _) => return None,
    };
    Some(Loser { kind: rule.kind, id: rule.id.clone(), line: rule.at.line, why })
}

impl Explanation {
    /// The explanation as JSON, for surfaces. Durations are in milliseconds.
    pub fn to_json(&self) -> Value {
        let (outcome, terms, denied) = match &self.answer {
            Answer::Allow { terms, .. } => ("allow", terms.to_json(), Value::Null),
            Answer::Deny { reason } => {
                let rule = reason.rule().map(RuleId::as_str);
                (
                    "deny",
                    Value::Null,
                    json!({ "code": reason.code(), "reason": reason.to_string(), "rule": rule }),
                )
            }
        };
        let cell: Map<String, Value> = Axis::ALL
            .into_iter()
            .map(|axis| (axis.as_str().to_owned(), self.cell.value(axis).map_or(Value::Null, Value::from)))
            .collect();
        json!({
            "policy_digest": self.policy.to_string(),
            "cell": cell,
            "outcome": outcome,
            "terms": terms,
            "denied": denied,
            "base": self.base.as_ref().map(BaseRule::to_json),
            "guards": self.guards.iter().map(AppliedGuard::to_json).collect::<Vec<_>>(),
            "losers": self.losers.iter().map(Loser::to_json).collect::<Vec<_>>(),
        })
    }
}

fn names(groups: &[GroupName]) -> Vec<&str> {
    groups.iter().map(GroupName::as_str).collect()
}

impl BaseRule {
    fn to_json(&self) -> Value {
        json!({
            "kind": self.rule.kind(),
            "id": self.rule.id().map(RuleId::as_str),
            "line": self.line,
            "approval": self.approval.as_str(),
            "delegates": names(&self.delegates),
            "quorum": self.quorum,
            "decide_within_ms": self.decide_within.0,
            "execute_within_ms": self.execute_within.0,
        })
    }
}

impl AppliedGuard {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "line": self.line,
            "approval": self.approval.map(Approval::as_str),
            "delegates": names(&self.delegates),
            "quorum": self.quorum,
            "decide_within_ms": self.decide_within.map(|span| span.0),
            "execute_within_ms": self.execute_within.map(|span| span.0),
        })
    }
}

impl Loser {
    fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.as_str(),
            "id": self.id.as_str(),
            "line": self.line,
            "code": self.why.code(),
            "reason": self.why.to_string(),
        })
    }
}
