//! Plans as people and agents are shown them.

use countersign_kernel::ToolName;
use countersign_mcp_tools::{Fact, Plan, ToolRegistry};

use super::json;
use super::visible::visible;
use crate::v1;

/// The plan, its facts worded by the tool. A tool that is no longer registered leaves code and parameters.
pub(crate) fn plan(plan: &Plan, tool: &ToolName, tools: &ToolRegistry) -> v1::Plan {
    let tool = tools.find(tool);
    let text = |fact: &Fact| tool.map_or_else(|| fact.to_string(), |tool| tool.word(fact));
    from_parts(plan, plan.facts.iter().map(text))
}

/// The plan, its facts worded already, one text for each in order.
pub(crate) fn worded(plan: &Plan, texts: &[String]) -> v1::Plan {
    from_parts(plan, texts.iter().cloned())
}

fn from_parts(plan: &Plan, texts: impl Iterator<Item = String>) -> v1::Plan {
    let facts = plan.facts.iter().zip(texts).map(|(fact, text)| v1::Fact {
        code: fact.code.clone(),
        params: Some(json::object(&fact.params)),
        text: visible(&text),
    });
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
