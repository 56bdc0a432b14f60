//! `mcp_owner_feedback_request`: asks the owner of the project a question and waits for the answer.
//!
//! It has no target: the question itself goes through the same queue, clocks and audit as an approval, and is settled by an answer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use countersign_kernel::{
    ActionName, ApprovalMode, Language, ParseNameError, RedactedText, ToolName, Violations,
};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::call::{Call, Caller, Question};
use crate::plan::{Fact, Plan};
use crate::tool::{
    ActionDescriptor, ControlTool, Observation, PlanRefusal, ProbeOutcome, StepOutcome, StepWork,
    ToolDescriptor,
};
use crate::tools::answers::{unreadable, unreadable_observation, unreadable_probe};
use crate::tools::facts::{fact_codes, words};
use crate::tools::schema;

const SCHEMA_VERSION: u32 = 1;
const NAME: &str = "mcp_owner_feedback_request";
const ALIAS: &str = "owner.feedback.request";
const ACTION: &str = "ask";
const FIELDS: [&str; 6] = ["question", "context", "options", "allow_custom", "idempotency_key", "dry_run"];

fact_codes! {
    /// The facts of a question.
    AskFact {
        Asked: "question_asked"
            en "The owner is asked to choose one of {options} options."
            ru "Владельца просят выбрать один из вариантов, их {options}.",
        AskedFreely: "question_asked_freely"
            en "The owner is asked to choose one of {options} options or to answer in their own words."
            ru "Владельца просят выбрать один из вариантов (их {options}) или ответить своими словами.",
    }
}

/// The tool.
#[derive(Debug)]
pub struct OwnerFeedback {
    descriptor: ToolDescriptor,
}

impl OwnerFeedback {
    /// The tool.
    pub fn new() -> Self {
        Self { descriptor: descriptor() }
    }
}

impl Default for OwnerFeedback {
    fn default() -> Self {
        Self::new()
    }
}

struct Names {
    tool: ToolName,
    alias: ToolName,
    ask: ActionName,
}

#[expect(
    clippy::expect_used,
    reason = "the names are literals of this file, parsed by every test of the tool"
)]
static NAMES: LazyLock<Names> = LazyLock::new(|| names().expect("the tool's own names are well-formed"));

fn names() -> Result<Names, ParseNameError> {
    Ok(Names {
        tool: ToolName::parse(NAME)?,
        alias: ToolName::parse(ALIAS)?,
        ask: ActionName::parse(ACTION)?,
    })
}

/// What the tool says of itself.
pub fn descriptor() -> ToolDescriptor {
    ToolDescriptor {
        name: NAMES.tool.clone(),
        aliases: vec![NAMES.alias.clone()],
        summary: "Asks the owner of the project a question with 2 to 5 options and waits for the answer."
            .to_owned(),
        schema_version: SCHEMA_VERSION,
        input_schema: input_schema(),
        actions: vec![ActionDescriptor {
            name: NAMES.ask.clone(),
            writes: false,
            default_approval: Some(ApprovalMode::Owner),
            question: true,
        }],
    }
}

fn input_schema() -> Value {
    let properties = json!({
        "question": schema::prose("The question, 10 to 1000 characters. Never write a secret here.", 10, 1000),
        "context": schema::prose("What the owner should know to answer, at most 2000 characters.", 0, 2000),
        "options": {
            "type": "array", "minItems": 2, "maxItems": 5, "uniqueItems": true,
            "description": "2 to 5 different answers to choose from.",
            "items": schema::prose("One option, 1 to 300 characters.", 1, 300),
        },
        "allow_custom": {
            "type": "boolean", "default": true,
            "description": "Whether the owner may answer in their own words instead, by text or voice.",
        },
        "idempotency_key": schema::idempotency_key(),
        "dry_run": schema::dry_run(),
    });
    schema::closed_object(properties, &["question", "options"])
}

fn parse(arguments: &Value) -> Result<Call, Violations> {
    let mut read = Arguments::read(arguments, &FIELDS);
    read.require("question");
    read.require("options");
    let question = read.prose("question", 10, 1000);
    let context = read.prose("context", 0, 2000).filter(|text| !text.as_str().is_empty());
    let options = read.prose_list("options", 2..=5, 300);
    if let Some(options) = &options {
        different(&mut read, options);
    }
    let allow_custom = read.flag("allow_custom").unwrap_or(true);
    let idempotency_key = read.idempotency_key("idempotency_key");
    let dry_run = read.flag("dry_run").unwrap_or(false);
    let question = question.zip(options);
    read.finish(question.map(|(question, options)| Call {
        tool: NAMES.tool.clone(),
        schema_version: SCHEMA_VERSION,
        action: NAMES.ask.clone(),
        environment: None,
        input: json!({}),
        prose: BTreeMap::new(),
        links: Vec::new(),
        question: Some(Question { question, context, options, allow_custom }),
        idempotency_key,
        dry_run,
    }))
}

/// Options have to differ as the owner will see them: trimmed and redacted.
fn different(read: &mut Arguments<'_>, options: &[RedactedText]) {
    for (index, option) in options.iter().enumerate() {
        if let Some(first) = options[..index].iter().position(|other| other == option) {
            read.violate(
                &format!("options[{index}]"),
                format!("must differ from `options[{first}]` once trimmed and redacted"),
            );
        }
    }
}

#[async_trait]
impl ControlTool for OwnerFeedback {
    fn descriptor(&self) -> &ToolDescriptor {
        &self.descriptor
    }

    fn parse(&self, arguments: &Value, _caller: &Caller) -> Result<Call, Violations> {
        parse(arguments)
    }

    async fn observe(&self, _caller: &Caller, _call: &Call) -> Observation {
        // There is nothing to look at: a question has no target.
        Observation::Seen(json!({ "version": 1 }))
    }

    fn plan(&self, _caller: &Caller, call: &Call, _observed: &Observation) -> Result<Plan, PlanRefusal> {
        let question = call.question.as_ref().ok_or_else(unreadable_observation)?;
        let code = if question.allow_custom { AskFact::AskedFreely } else { AskFact::Asked };
        Ok(Plan {
            schema_version: SCHEMA_VERSION,
            facts: vec![code.with(json!({ "options": question.options.len() }))],
            steps: Vec::new(),
            secret: None,
            ownership: None,
        })
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        // A question's plan has no steps; one that turns up is damage.
        unreadable(work.step)
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        unreadable_probe(work.step)
    }

    fn word(&self, fact: &Fact, language: Language) -> String {
        words(fact, language, &[AskFact::find_words])
    }
}

#[cfg(test)]
mod tests;
