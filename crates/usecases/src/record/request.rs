//! Rows of `mcp_action_requests`, `approval_votes` and `call_keys`.

mod state;
mod terms;

pub(crate) use state::{answer_json, phase_name, with_transcript};

use countersign_approvals::{ActionRequest, Ballot, CallKey, Proposal, QuestionForm, RequestFacts, Vote};
use countersign_kernel::{RedactedText, RequestId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stamp::{Row, Stamp, signed};
use super::transcript::{read_input_mode, transcript_json};
use crate::port::StoreError;

/// A row of `mcp_action_requests`. Key: `request_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the columns are the members of `ActionRequest`; docs/architecture.md lists them"
)]
pub struct RequestRecord {
    pub request_id: String,
    pub correlation_id: String,
    pub run_id: String,
    pub project: String,
    pub agent_key: String,
    pub launched_by: String,
    pub tool: String,
    pub action: String,
    pub environment: Option<String>,
    pub intent_digest: String,
    /// SHA-256 of the caller's own key, if it gave one.
    pub call_key_hash: Option<String>,
    /// True while the request is open and has no caller's key. Unique with run, tool, action and intent digest where true.
    pub open_intent: bool,
    pub requested_at: Stamp,
    pub revision: i64,
    /// The call.
    pub payload_snapshot: Value,
    /// The plan.
    pub target_snapshot: Value,
    pub plan_digest: String,
    pub policy_digest: String,
    pub terms: Value,
    pub state: String,
    /// Set in `requested`.
    pub decide_by: Option<Stamp>,
    /// Set in `approved` and `applying`.
    pub execute_by: Option<Stamp>,
    /// When the state was entered; for `requested`, when the request was opened.
    pub state_at: Stamp,
    /// What else is known in this state: who, why, code, answer, phase.
    pub state_detail: Value,
    pub version: i64,
}

/// A row of `approval_votes`. Key: `request_id`, `revision`, `principal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the members of `Vote`")]
pub struct VoteRecord {
    pub request_id: String,
    pub revision: i64,
    pub principal: String,
    pub choice: String,
    pub seen_digest: String,
    pub reason: Option<String>,
    pub input_mode: String,
    pub proof: String,
    pub voted_at: Stamp,
    pub as_sole_owner: bool,
    pub by_group: Option<String>,
    pub transcript: Option<Value>,
}

/// A row of `call_keys`. Key: `run_id`, `tool`, `key_hash`, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are explained in docs/architecture.md")]
pub struct CallKeyRecord {
    pub run_id: String,
    pub tool: String,
    pub key_hash: String,
    pub intent_digest: String,
    pub request_id: String,
    pub created_at: Stamp,
}

/// A request with the votes of all its revisions, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestBundle {
    /// The row.
    pub request: RequestRecord,
    /// Its rows of `approval_votes`, by `voted_at`.
    pub votes: Vec<VoteRecord>,
}

impl From<&ActionRequest> for RequestRecord {
    fn from(request: &ActionRequest) -> Self {
        let facts = &request.facts;
        let key_hash = match &facts.call_key {
            CallKey::Intent => None,
            CallKey::Given { hash } => Some(hash.to_string()),
        };
        let columns = state::columns(&request.state, facts.requested_at);
        Self {
            request_id: facts.id.to_string(),
            correlation_id: facts.correlation_id.to_string(),
            run_id: facts.run.to_string(),
            project: facts.project.to_string(),
            agent_key: facts.agent_key.to_string(),
            launched_by: facts.launched_by.to_string(),
            tool: facts.tool.to_string(),
            action: facts.action.to_string(),
            environment: facts.environment.as_ref().map(ToString::to_string),
            intent_digest: facts.intent_digest.to_string(),
            open_intent: key_hash.is_none() && !request.state.is_settled(),
            call_key_hash: key_hash,
            requested_at: Stamp(facts.requested_at),
            revision: i64::from(request.revision),
            payload_snapshot: request.proposal.call.clone(),
            target_snapshot: request.proposal.plan.clone(),
            plan_digest: request.proposal.plan_digest.to_string(),
            policy_digest: request.proposal.policy_digest.to_string(),
            terms: request.proposal.terms.to_json(),
            state: request.state.name().as_str().to_owned(),
            decide_by: columns.decide_by.map(Stamp),
            execute_by: columns.execute_by.map(Stamp),
            state_at: Stamp(columns.state_at),
            state_detail: columns.detail,
            version: signed(request.version),
        }
    }
}

impl TryFrom<RequestBundle> for ActionRequest {
    type Error = StoreError;

    fn try_from(bundle: RequestBundle) -> Result<Self, StoreError> {
        let record = bundle.request;
        let row = Row { table: "mcp_action_requests", id: &record.request_id };
        let call_key = match &record.call_key_hash {
            None => CallKey::Intent,
            Some(hash) => CallKey::Given { hash: row.parse("call_key_hash", hash)? },
        };
        let facts = RequestFacts {
            id: row.parse("request_id", &record.request_id)?,
            correlation_id: row.parse("correlation_id", &record.correlation_id)?,
            run: row.parse("run_id", &record.run_id)?,
            project: row.parse("project", &record.project)?,
            agent_key: row.parse("agent_key", &record.agent_key)?,
            launched_by: row.parse("launched_by", &record.launched_by)?,
            tool: row.parse("tool", &record.tool)?,
            action: row.parse("action", &record.action)?,
            environment: row.parse_opt("environment", record.environment.as_deref())?,
            intent_digest: row.parse("intent_digest", &record.intent_digest)?,
            call_key,
            question: question(row, &record.payload_snapshot["question"])?,
            requested_at: record.requested_at.0,
        };
        let revision = row.number("revision", record.revision)?;
        let votes = bundle
            .votes
            .into_iter()
            .filter(|vote| vote.revision == record.revision)
            .map(Vote::try_from)
            .collect::<Result<_, _>>()?;
        let state = state::read(row, &record)?;
        Ok(Self {
            facts,
            proposal: Proposal {
                plan_digest: row.parse("plan_digest", &record.plan_digest)?,
                policy_digest: row.parse("policy_digest", &record.policy_digest)?,
                terms: terms::read(row, &record.terms)?,
                call: record.payload_snapshot,
                plan: record.target_snapshot,
            },
            revision,
            votes,
            state,
            version: row.number("version", record.version)?,
        })
    }
}

/// The form of a question is read from the stored call: there is one copy of its words.
fn question(row: Row<'_>, stored: &Value) -> Result<Option<QuestionForm>, StoreError> {
    if stored.is_null() {
        return Ok(None);
    }
    let bad = || row.corrupt("payload_snapshot", "its question has no valid options");
    let options = stored["options"].as_array().ok_or_else(bad)?;
    Ok(Some(QuestionForm {
        options: options
            .iter()
            .map(|option| option.as_str().map(|text| RedactedText::from_storage(text.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(bad)?,
        allow_custom: stored["allow_custom"].as_bool().ok_or_else(bad)?,
    }))
}

impl VoteRecord {
    /// The row of a vote.
    pub fn of(request: RequestId, vote: &Vote) -> Self {
        let ballot = &vote.ballot;
        Self {
            request_id: request.to_string(),
            revision: i64::from(vote.revision),
            principal: ballot.by.to_string(),
            choice: ballot.choice.as_str().to_owned(),
            seen_digest: ballot.seen.to_string(),
            reason: ballot.reason.as_ref().map(ToString::to_string),
            input_mode: ballot.input_mode.as_str().to_owned(),
            proof: ballot.proof.as_str().to_owned(),
            voted_at: Stamp(vote.at),
            as_sole_owner: vote.as_sole_owner,
            by_group: vote.by_group.as_ref().map(ToString::to_string),
            transcript: ballot.input_mode.transcript().map(transcript_json),
        }
    }
}

impl TryFrom<VoteRecord> for Vote {
    type Error = StoreError;

    fn try_from(record: VoteRecord) -> Result<Self, StoreError> {
        let row = Row { table: "approval_votes", id: &record.request_id };
        let by_group = row.parse_opt("by_group", record.by_group.as_deref())?;
        let input_mode = match &record.transcript {
            None => row.parse("input_mode", &record.input_mode)?,
            stored @ Some(_) => read_input_mode(&record.input_mode, stored.as_ref())
                .ok_or_else(|| row.corrupt("transcript", "is not that of spoken words"))?,
        };
        Ok(Self {
            ballot: Ballot {
                by: row.parse("principal", &record.principal)?,
                proof: row.parse("proof", &record.proof)?,
                choice: row.parse("choice", &record.choice)?,
                seen: row.parse("seen_digest", &record.seen_digest)?,
                reason: record.reason.map(RedactedText::from_storage),
                input_mode,
            },
            revision: row.number("revision", record.revision)?,
            at: record.voted_at.0,
            as_sole_owner: record.as_sole_owner,
            by_group,
        })
    }
}

impl CallKeyRecord {
    /// The row that takes the caller's own key for this request, if it gave one.
    pub fn of(request: &ActionRequest, now: Timestamp) -> Option<Self> {
        match &request.facts.call_key {
            CallKey::Intent => None,
            CallKey::Given { hash } => Some(Self {
                run_id: request.facts.run.to_string(),
                tool: request.facts.tool.to_string(),
                key_hash: hash.to_string(),
                intent_digest: request.facts.intent_digest.to_string(),
                request_id: request.facts.id.to_string(),
                created_at: Stamp(now),
            }),
        }
    }
}
