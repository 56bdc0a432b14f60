//! Explanations of the policy as messages, and the cell a caller asks about.

use countersign_policy::{Answer, AppliedGuard, BaseRule, Cell, Explanation, Loser};
use tonic::Status;

use super::fields::Fields;
use super::words;
use crate::status::CallId;
use crate::v1;
use crate::v1::explain_policy_response::Answer as AnswerMessage;

/// The cell a caller asks about.
pub(crate) fn read_cell(message: &v1::ExplainPolicyRequest, call: &CallId) -> Result<Cell, Status> {
    let mut fields = Fields::new();
    let project = fields.name("project", &message.project);
    let agent_key = fields.name("agent_key", &message.agent_key);
    let run_label = fields.name("run_label", &message.run_label);
    let runtime_mode = words::read_runtime_mode(message.runtime_mode);
    let runtime_mode = fields.chosen("runtime_mode", words::RUNTIME_MODE_RULE, runtime_mode);
    let tool = fields.name("tool", &message.tool);
    let action = fields.name("action", &message.action);
    let environment = fields.maybe_name("environment", message.environment.as_deref());
    let cell = (|| {
        Some(Cell {
            project: project?,
            agent_key: agent_key?,
            run_label: run_label?,
            runtime_mode: runtime_mode?,
            tool: tool?,
            action: action?,
            environment,
        })
    })();
    fields.finish(cell, call)
}

pub(crate) fn explanation(explanation: &Explanation) -> v1::ExplainPolicyResponse {
    let answer = match &explanation.answer {
        Answer::Allow { terms, .. } => AnswerMessage::Allow(words::terms(terms)),
        Answer::Deny { reason } => AnswerMessage::Deny(v1::PolicyDenial {
            code: reason.code().to_owned(),
            reason: reason.to_string(),
        }),
    };
    v1::ExplainPolicyResponse {
        answer: Some(answer),
        base: explanation.base.as_ref().map(base),
        guards: explanation.guards.iter().map(guard).collect(),
        losers: explanation.losers.iter().map(loser).collect(),
        policy_digest: explanation.policy.to_string(),
    }
}

fn base(base: &BaseRule) -> v1::PolicyRule {
    v1::PolicyRule {
        kind: base.rule.kind().to_owned(),
        id: base.rule.id().map(ToString::to_string).unwrap_or_default(),
        line: base.line.map(place),
        approval: Some(base.approval.as_str().to_owned()),
        delegates: base.delegates.iter().map(ToString::to_string).collect(),
        quorum: Some(base.quorum),
        decide_within_ms: Some(base.decide_within.0),
        execute_within_ms: Some(base.execute_within.0),
    }
}

fn guard(guard: &AppliedGuard) -> v1::PolicyRule {
    v1::PolicyRule {
        kind: "guard".to_owned(),
        id: guard.id.to_string(),
        line: Some(place(guard.line)),
        approval: guard.approval.as_ref().map(|approval| approval.as_str().to_owned()),
        delegates: guard.delegates.iter().map(ToString::to_string).collect(),
        quorum: guard.quorum,
        decide_within_ms: guard.decide_within.map(|span| span.0),
        execute_within_ms: guard.execute_within.map(|span| span.0),
    }
}

fn loser(loser: &Loser) -> v1::PolicyLoser {
    v1::PolicyLoser {
        kind: loser.kind.as_str().to_owned(),
        id: loser.id.to_string(),
        line: place(loser.line),
        why: loser.why.to_string(),
    }
}

/// A line or column. Texts are bounded far below the limit.
pub(crate) fn place(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
