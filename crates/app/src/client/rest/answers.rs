//! What the server answers, as far as the command line reads it. What it doesn't read it hands on unread, to whoever asks for JSON.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use countersign_kernel::Digest;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An answer: the document as it came, and what is read of it.
#[derive(Clone, Debug)]
pub(crate) struct Answer<T> {
    /// The server's own document.
    pub(crate) document: Value,
    /// What is read of it.
    pub(crate) read: T,
}

impl<T: for<'de> Deserialize<'de>> Answer<T> {
    /// Reads a document.
    pub(crate) fn read(document: Value) -> Result<Self, serde_json::Error> {
        T::deserialize(&document).map(|read| Self { document, read })
    }
}

/// One page of requests, each still to be read.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) approvals: Vec<Value>,
    pub(super) next_cursor: Option<String>,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Waiting for people.
    Requested,
    /// Waiting for the executor.
    Approved,
    /// Being done.
    Applying,
    /// May have been done; being looked into.
    Unknown,
    /// Done.
    Applied,
    /// The question was answered.
    Answered,
    /// A person or policy said no.
    Denied,
    /// Too late.
    Expired,
    /// Withdrawn.
    Cancelled,
    /// Nothing was changed, or all was undone.
    Failed,
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Choice {
    Approve,
    Deny,
}

/// What lists show of a request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Summary {
    pub(crate) id: String,
    pub(crate) state: RequestState,
    pub(crate) revision: u32,
    pub(crate) etag: EntityTag,
    #[serde(deserialize_with = "digest")]
    pub(crate) plan_digest: Digest,
    pub(crate) project: String,
    pub(crate) environment: Option<String>,
    pub(crate) tool: String,
    pub(crate) action: String,
    pub(crate) agent_key: String,
    pub(crate) launched_by: String,
    pub(crate) decide_by: Option<String>,
    pub(crate) approvals: u32,
    pub(crate) terms: Terms,
    pub(crate) requester_silent: bool,
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// On what terms a request is decided.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Terms {
    pub(crate) quorum: u32,
}

/// A request with everything a person decides on.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Approval {
    pub(crate) summary: Summary,
    pub(crate) plan: Plan,
    pub(crate) prose: Vec<UntrustedText>,
    pub(crate) code_links: Vec<UntrustedLink>,
    pub(crate) question_form: Option<Question>,
    pub(crate) resolution: Option<Resolution>,
    pub(crate) votes: Vec<Vote>,
    pub(crate) steps: Vec<StepProgress>,
    pub(crate) viewer: Viewer,
    pub(crate) drift: Option<Drift>,
}

/// What would be done.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Plan {
    pub(crate) facts: Vec<Worded>,
    pub(crate) steps: Vec<PlannedStep>,
}

/// A fact or a changed part: what the server says of it in words.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Worded {
    pub(crate) text: String,
}

/// One step of a plan.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PlannedStep {
    pub(crate) number: u32,
    pub(crate) kind: String,
    pub(crate) target: String,
}

/// Words of an agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UntrustedText {
    pub(crate) field: String,
    pub(crate) text: String,
}

/// A link of an agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UntrustedLink {
    pub(crate) text: String,
    pub(crate) url: String,
}

/// A question to the owner.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Question {
    pub(crate) question: String,
    pub(crate) context: Option<String>,
    pub(crate) options: Vec<String>,
    pub(crate) allow_custom: bool,
}

/// How a request ended, or why it is in doubt.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Resolution {
    pub(crate) at: String,
    pub(crate) by: String,
    pub(crate) reason: Option<String>,
    pub(crate) code: Option<String>,
}

/// One person's decision. The reason and the revision are not told to whoever came too late.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vote {
    pub(crate) principal: String,
    pub(crate) decision: Choice,
    pub(crate) voted_at: String,
    pub(crate) reason: Option<String>,
    pub(crate) revision: Option<u32>,
}

/// How far a step has come.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StepProgress {
    pub(crate) revision: u32,
    pub(crate) number: u32,
    pub(crate) state: String,
    pub(crate) intended_at: String,
    pub(crate) done_at: Option<String>,
    pub(crate) receipt: Option<Value>,
    pub(crate) attempts: u32,
}

/// What the caller may do about a request now.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Viewer {
    pub(crate) may_decide: bool,
    pub(crate) why_not: Option<String>,
    pub(crate) own_vote: Option<Choice>,
}

/// Why a request is asked again.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drift {
    pub(crate) noticed_at: String,
    pub(crate) gone_facts: Vec<Worded>,
    pub(crate) new_facts: Vec<Worded>,
    pub(crate) changed_parts: Vec<Worded>,
}

/// What became of a command.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Committed {
    pub(crate) approval: Summary,
    pub(crate) repeated: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CommittedBatch {
    pub(crate) decisions: Vec<Committed>,
}

/// What the stream says of an event.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) at: String,
    pub(crate) r#type: String,
    pub(crate) run_id: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) project: Option<String>,
}

/// Why the server refused.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) detail: String,
    pub(crate) code: String,
    pub(crate) request_id: String,
    #[serde(default)]
    pub(crate) errors: Vec<FieldProblem>,
    pub(crate) current: Option<Current>,
    #[serde(default)]
    pub(crate) refused: Vec<RefusedDecision>,
}

/// One field that breaks one rule.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FieldProblem {
    pub(crate) r#in: String,
    pub(crate) pointer: String,
    pub(crate) detail: String,
    pub(crate) value: Option<String>,
}

/// A request as it is, told to whoever came too late.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Current {
    pub(crate) state: RequestState,
    pub(crate) revision: u32,
    pub(crate) etag: EntityTag,
    pub(crate) plan_digest: String,
    pub(crate) resolution: Option<Resolution>,
    pub(crate) votes: Vec<Vote>,
}

/// One decision of a batch that doesn't count.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RefusedDecision {
    pub(crate) id: String,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) current: Option<Current>,
}

/// The version of a request, as `If-Match` takes it. It is shown and given without its quotes, which shells would eat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EntityTag(String);

/// The text is not the version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has to be a version as `show` prints it, such as `7-0a1b2c3d4e5f`")]
pub struct EntityTagError;

impl EntityTag {
    /// As a header carries it.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl FromStr for EntityTag {
    type Err = EntityTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':');
        if bare.is_empty() || !bare.chars().all(plain) {
            return Err(EntityTagError);
        }
        Ok(Self(bare.to_owned()))
    }
}

impl TryFrom<String> for EntityTag {
    type Error = EntityTagError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RequestState {
    /// As it is spelled.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            RequestState::Requested => "requested",
            RequestState::Approved => "approved",
            RequestState::Applying => "applying",
            RequestState::Unknown => "unknown",
            RequestState::Applied => "applied",
            RequestState::Answered => "answered",
            RequestState::Denied => "denied",
            RequestState::Expired => "expired",
            RequestState::Cancelled => "cancelled",
            RequestState::Failed => "failed",
        }
    }
}

impl Choice {
    /// As it is spelled.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Choice::Approve => "approve",
            Choice::Deny => "deny",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a success of an operation in the OpenAPI document.
    fn example(path: &str, method: &str) -> Value {
        let document: Value =
            serde_json::from_str(include_str!("../../../../../openapi/countersign.json")).unwrap();
        let answer = &document["paths"][path][method]["responses"]["200"]["content"]["application/json"];
        assert!(answer["example"].is_object(), "{method} {path} has no example");
        answer["example"].clone()
    }

    fn is_read<T: for<'de> Deserialize<'de>>(document: Value) -> T {
        Answer::read(document.clone())
            .map(|answer| answer.read)
            .unwrap_or_else(|error| panic!("{error}: {document}"))
    }

    #[test]
    fn what_the_openapi_document_shows_is_read() {
        let page: Page = is_read(example("/api/v1/approvals", "get"));
        assert!(!page.approvals.is_empty());
        for summary in page.approvals {
            is_read::<Summary>(summary);
        }
        is_read::<Approval>(example("/api/v1/approvals/{id}", "get"));
        for command in ["decision", "cancel", "resolve-unknown"] {
            is_read::<Committed>(example(&format!("/api/v1/approvals/{{id}}/{command}"), "post"));
        }
        is_read::<CommittedBatch>(example("/api/v1/approvals/batch-decision", "post"));
        is_read::<Committed>(example("/api/v1/questions/{id}/answer", "post"));
    }

    #[test]
    fn the_states_are_those_of_the_openapi_document() {
        let document: Value =
            serde_json::from_str(include_str!("../../../../../openapi/countersign.json")).unwrap();
        let words: Vec<_> = RequestState::value_variants().iter().map(|state| state.as_str()).collect();
        assert_eq!(document["components"]["schemas"]["RequestState"]["enum"], serde_json::json!(words));
        for state in RequestState::value_variants() {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.to_possible_value().unwrap().get_name(), state.as_str());
        }
    }

    #[test]
    fn a_version_is_taken_with_its_quotes_or_without() {
        for text in ["7-0a1b2c", "\"7-0a1b2c\""] {
            assert_eq!(text.parse::<EntityTag>().unwrap().quoted(), "\"7-0a1b2c\"");
        }
        for text in ["", "\"\"", "W/\"7-0a\"", "7-0a\r\nx", "*"] {
            assert!(text.parse::<EntityTag>().is_err(), "{text:?}");
        }
    }
}
