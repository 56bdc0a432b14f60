//! Plans as staff see them, and what is different when something is asked again.

use std::sync::Arc;

use countersign_kernel::{self as kernel, Language, visible, visible_document};
use countersign_mcp_tools::{self as tools, ControlTool, Fact, ToolRegistry};
use countersign_usecases::look;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What would be done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Plan {
    /// The version of the tool's form.
    pub(in crate::api) schema_version: u32,
    /// What is so now and what will change.
    pub(in crate::api) facts: Vec<PlanFact>,
    /// The steps in order; none for a question.
    pub(in crate::api) steps: Vec<PlannedStep>,
    /// Whether a secret value is generated.
    pub(in crate::api) makes_secret: bool,
}

/// One thing that is so, or will change.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PlanFact {
    /// The message code.
    pub(in crate::api) code: String,
    /// Its parameters. Never a secret value, length or hash.
    #[schema(value_type = Object)]
    pub(in crate::api) params: Value,
    /// The tool's words for it.
    pub(in crate::api) text: String,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PlannedStep {
    /// Its place, from 1.
    pub(in crate::api) number: u32,
    /// What is done.
    pub(in crate::api) kind: String,
    /// Which target.
    pub(in crate::api) target: String,
    /// Whether it can be taken back, or at least be seen afterwards.
    pub(in crate::api) reversibility: String,
}

/// Why a request is asked again: what would be done now is not what was approved. Votes of earlier revisions don't count any more.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Drift {
    /// When that was noticed.
    #[schema(format = DateTime)]
    pub(in crate::api) noticed_at: String,
    /// Facts of the plan approved before that aren't so any more.
    pub(in crate::api) gone_facts: Vec<PlanFact>,
    /// Facts of the plan that are new.
    pub(in crate::api) new_facts: Vec<PlanFact>,
    /// What else is not as it was, such as the version of a target that a step relies on.
    pub(in crate::api) changed_parts: Vec<ChangedPart>,
}

/// A part of a plan, beside its facts, that is not as it was. What it was and is isn't told.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChangedPart {
    /// The target of the step it belongs to; absent for the plan as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) target: Option<String>,
    /// Which part.
    pub(in crate::api) part: String,
    /// The same as a sentence.
    pub(in crate::api) text: String,
}

impl Plan {
    /// A tool that is no longer registered leaves code and parameters of its facts.
    pub(super) fn of(
        plan: &tools::Plan,
        tool: &kernel::ToolName,
        registry: &ToolRegistry,
        language: Language,
    ) -> Self {
        let tool = registry.find(tool);
        let facts = plan.facts.iter().map(|fact| PlanFact::of(fact, tool, language));
        let steps = plan.steps.iter().map(|step| PlannedStep {
            number: step.number,
            kind: step.kind.clone(),
            target: step.target.clone(),
            reversibility: step.reversibility.as_str().to_owned(),
        });
        Self {
            schema_version: plan.schema_version,
            facts: facts.collect(),
            steps: steps.collect(),
            makes_secret: plan.secret.is_some(),
        }
    }
}

impl PlanFact {
    pub(super) fn of(fact: &Fact, tool: Option<&Arc<dyn ControlTool>>, language: Language) -> Self {
        let text = tool.map_or_else(|| fact.to_string(), |tool| tool.word(fact, language));
        Self {
            code: fact.code.clone(),
            params: visible_document(&Value::Object(fact.params.clone())),
            text: visible(&text),
        }
    }
}

impl Drift {
    /// What is different, worded as the plan is.
    pub(super) fn of(
        drift: &look::Drift,
        tool: &kernel::ToolName,
        registry: &ToolRegistry,
        language: Language,
    ) -> Self {
        let tool = registry.find(tool);
        let part = |changed: &tools::ChangedPart| ChangedPart {
            target: changed.target.clone(),
            part: changed.part.clone(),
            text: visible(&changed.word(language)),
        };
        Self {
            noticed_at: drift.noticed_at.to_string(),
            gone_facts: drift.changes.gone.iter().map(|fact| PlanFact::of(fact, tool, language)).collect(),
            new_facts: drift.changes.new.iter().map(|fact| PlanFact::of(fact, tool, language)).collect(),
            changed_parts: drift.changes.parts.iter().map(part).collect(),
        }
    }
}
