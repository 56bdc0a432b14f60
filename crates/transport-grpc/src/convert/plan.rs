//! Plans as people and agents are shown them.

use std::sync::Arc;

use countersign_kernel::{Language, ToolName, visible};
use countersign_mcp_tools::{ChangedPart, ControlTool, Fact, Plan, ToolRegistry};
use countersign_usecases::look::Drift;

use serde_json::Value;

use super::{json, stamp};
use crate::v1;

/// The plan, its facts worded by the tool. A tool that is no longer registered leaves code and parameters.
pub(crate) fn plan(plan: &Plan, tool: &ToolName, tools: &ToolRegistry) -> v1::Plan {
    let tool = tools.find(tool);
    from_parts(plan, plan.facts.iter().map(|fact| word(tool, fact)))
}

/// What is different from the plan that was approved before, worded as the plan is.
pub(crate) fn drift(drift: &Drift, tool: &ToolName, tools: &ToolRegistry) -> v1::Drift {
    let tool = tools.find(tool);
    let worded = |stated: &Fact| fact(stated, &word(tool, stated));
    let part = |changed: &ChangedPart| v1::ChangedPart {
        target: changed.target.clone(),
        part: changed.part.clone(),
        text: visible(&changed.word(Language::English)),
    };
    v1::Drift {
        noticed_at: Some(stamp(drift.noticed_at)),
        gone_facts: drift.changes.gone.iter().map(worded).collect(),
        new_facts: drift.changes.new.iter().map(worded).collect(),
        changed_parts: drift.changes.parts.iter().map(part).collect(),
    }
}

/// The plan, its facts worded already, one text for each in order.
pub(crate) fn worded(plan: &Plan, texts: &[String]) -> v1::Plan {
    from_parts(plan, texts.iter().cloned())
}

fn from_parts(plan: &Plan, texts: impl Iterator<Item = String>) -> v1::Plan {
    let facts = plan.facts.iter().zip(texts).map(|(stated, text)| fact(stated, &text));
    let steps = plan.steps.iter().map(|step| v1::PlannedStep {
        number: step.number,
        kind: step.kind.clone(),
        target: step.target.clone(),
        reversibility: step.reversibility.as_str().to_owned(),
    });
    v1::Plan {
        schema_version: plan.schema_version,
        facts: facts.collect(),
        steps: steps.collect(),
        makes_secret: plan.secret.is_some(),
    }
}

fn word(tool: Option<&Arc<dyn ControlTool>>, fact: &Fact) -> String {
    tool.map_or_else(|| fact.to_string(), |tool| tool.word(fact, Language::English))
}

fn fact(fact: &Fact, text: &str) -> v1::Fact {
    v1::Fact {
        code: fact.code.clone(),
        params: Some(json::shown(&Value::Object(fact.params.clone()))),
        text: visible(text),
    }
}
