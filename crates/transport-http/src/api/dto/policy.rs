//! The policy as staff see it.

use countersign_policy::{Answer, AppliedGuard, BaseRule, Explanation as Explained, Loser};
use countersign_usecases::port::PolicyText;
use serde::Serialize;
use utoipa::ToSchema;

use super::approval::Terms;

/// The active policy text.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Policy {
    /// Its place in the history of texts, from 1.
    pub(in crate::api) number: u64,
    /// Its digest.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) digest: String,
    /// When it was activated.
    #[schema(format = DateTime)]
    pub(in crate::api) activated_at: String,
    /// The text.
    pub(in crate::api) text: String,
}

/// Why the policy answers as it does.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Explanation {
    /// The terms, where it lets the call in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) terms: Option<Terms>,
    /// Why not, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) denial: Option<Denial>,
    /// What held before guards; absent when something unknown was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) base: Option<Rule>,
    /// The guards that applied, in the order of the text.
    pub(in crate::api) guards: Vec<Rule>,
    /// The rules that had no say.
    pub(in crate::api) losers: Vec<LosingRule>,
    /// The policy that was asked.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) policy_digest: String,
}

/// Why the policy says no.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Denial {
    /// The stable code.
    pub(in crate::api) code: String,
    /// The reason, in words.
    pub(in crate::api) reason: String,
}

/// A rule that had a say.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Rule {
    /// `grant`, `defaults`, `tool_default` or `guard`.
    pub(in crate::api) kind: String,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) id: Option<String>,
    /// Its line in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) line: Option<u32>,
    /// The approval it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) approval: Option<String>,
    /// The groups it names.
    pub(in crate::api) delegates: Vec<String>,
    /// How many approvals it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) quorum: Option<u32>,
    /// How long people may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) decide_within_ms: Option<u64>,
    /// How long the executor may take to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) execute_within_ms: Option<u64>,
}

/// A rule that had no say.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct LosingRule {
    /// `grant` or `guard`.
    pub(in crate::api) kind: String,
    /// Its id.
    pub(in crate::api) id: String,
    /// Its line in the text.
    pub(in crate::api) line: u32,
    /// Why not.
    pub(in crate::api) why: String,
}

impl From<PolicyText> for Policy {
    fn from(text: PolicyText) -> Self {
        Self {
            number: text.stamp.number,
            digest: text.stamp.digest.to_string(),
            activated_at: text.activated_at.to_string(),
            text: text.text,
        }
    }
}

impl From<&Explained> for Explanation {
    fn from(explained: &Explained) -> Self {
        let (terms, denial) = match &explained.answer {
            Answer::Allow { terms, .. } => (Some(terms.into()), None),
            Answer::Deny { reason } => {
                (None, Some(Denial { code: reason.code().to_owned(), reason: reason.to_string() }))
            }
        };
        Self {
            terms,
            denial,
            base: explained.base.as_ref().map(Rule::from),
            guards: explained.guards.iter().map(Rule::from).collect(),
            losers: explained.losers.iter().map(LosingRule::from).collect(),
            policy_digest: explained.policy.to_string(),
        }
    }
}

impl From<&BaseRule> for Rule {
    fn from(base: &BaseRule) -> Self {
        Self {
            kind: base.rule.kind().to_owned(),
            id: base.rule.id().map(ToString::to_string),
            line: base.line.map(place),
            approval: Some(base.approval.as_str().to_owned()),
            delegates: base.delegates.iter().map(ToString::to_string).collect(),
            quorum: Some(base.quorum),
            decide_within_ms: Some(base.decide_within.0),
            execute_within_ms: Some(base.execute_within.0),
        }
    }
}

impl From<&AppliedGuard> for Rule {
    fn from(guard: &AppliedGuard) -> Self {
        Self {
            kind: "guard".to_owned(),
            id: Some(guard.id.to_string()),
            line: Some(place(guard.line)),
            approval: guard.approval.as_ref().map(|approval| approval.as_str().to_owned()),
            delegates: guard.delegates.iter().map(ToString::to_string).collect(),
            quorum: guard.quorum,
            decide_within_ms: guard.decide_within.map(|span| span.0),
            execute_within_ms: guard.execute_within.map(|span| span.0),
        }
    }
}

impl From<&Loser> for LosingRule {
    fn from(loser: &Loser) -> Self {
        Self {
            kind: loser.kind.as_str().to_owned(),
            id: loser.id.to_string(),
            line: place(loser.line),
            why: loser.why.to_string(),
        }
    }
}

/// A line. Texts are bounded far below the limit.
fn place(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
