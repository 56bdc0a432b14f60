//! What callers send. These are schemas only: bodies are read by hand, so that one answer names all that is wrong.

use serde::Serialize;
use utoipa::ToSchema;

use super::words::{Choice, InputMode, RuntimeMode, Verdict};

/// A decision on exactly the plan that was shown.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DecisionRequest {
    /// Yes or no.
    pub(in crate::api) decision: Choice,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub(in crate::api) reason: Option<String>,
    /// The `plan_digest` that was shown.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) seen_digest: String,
    /// How it was given; a button when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) input_mode: Option<InputMode>,
    /// The `transcript_proof` that came with the dictated reason. The decision then counts as spoken as long as the reason is exactly what
    /// was heard, and as typed once it was changed; `input_mode` says nothing beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4096, pattern = "^[!-~]*$")]
    pub(in crate::api) transcript_proof: Option<String>,
}

/// A withdrawal.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CancelRequest {
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub(in crate::api) reason: Option<String>,
}

/// What a person found out about an effect that is unknown.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ResolveUnknownRequest {
    /// What became of it.
    pub(in crate::api) verdict: Verdict,
    /// How they know.
    #[schema(min_length = 1, max_length = 1000, pattern = "\\S")]
    pub(in crate::api) reason: String,
}

/// An answer: either the place of an option or the owner's own words.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct AnswerRequest {
    /// The `plan_digest` of the question that was shown.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) seen_digest: String,
    /// The place of an option, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 4)]
    pub(in crate::api) option_index: Option<u32>,
    /// The owner's own words, where they are welcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4000, pattern = "\\S")]
    pub(in crate::api) custom_text: Option<String>,
    /// How it was given; a button when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) input_mode: Option<InputMode>,
    /// The `transcript_proof` that came with dictated words. They then count as spoken as long as they are exactly what was heard, and as typed
    /// once they were changed; `input_mode` says nothing beside it. It says nothing of an option.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4096, pattern = "^[!-~]*$")]
    pub(in crate::api) transcript_proof: Option<String>,
}

/// Several decisions at once: all of them count or none does.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct BatchRequest {
    /// The decisions, each on another request.
    #[schema(min_items = 1, max_items = 50)]
    pub(in crate::api) decisions: Vec<BatchItem>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub(in crate::api) reason: Option<String>,
    /// How they were given; a button when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) input_mode: Option<InputMode>,
}

/// One decision of a batch.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct BatchItem {
    /// The request.
    #[schema(format = "uuid")]
    pub(in crate::api) id: String,
    /// Yes or no.
    pub(in crate::api) decision: Choice,
    /// The `plan_digest` that was shown.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) seen_digest: String,
}

/// A cell of the policy matrix.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ExplainRequest {
    /// The project.
    pub(in crate::api) project: String,
    /// The kind of agent.
    pub(in crate::api) agent_key: String,
    /// What the run is for.
    pub(in crate::api) run_label: String,
    /// What the run can reach by itself.
    pub(in crate::api) runtime_mode: RuntimeMode,
    /// The tool.
    pub(in crate::api) tool: String,
    /// The action.
    pub(in crate::api) action: String,
    /// The environment, for tools that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) environment: Option<String>,
}
