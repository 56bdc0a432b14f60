//! The request itself.

use countersign_kernel::{
    ActionName, AgentKey, CorrelationId, Digest, Environment, Principal, ProjectKey, RedactedText, RequestId,
    RunId, Terms, Timestamp, ToolName,
};
use serde_json::Value;

use crate::ballot::{Choice, Vote};
use crate::state::State;

/// What makes two calls the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallKey {
    /// The intent itself, unique among open requests of the run.
    Intent,
    /// A key the caller gave, unique for ever; only its hash is known.
    Given {
        /// SHA-256 of the key.
        hash: Digest,
    },
}

/// The shape of a question, as far as an answer is checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionForm {
    /// The options in order.
    pub options: Vec<RedactedText>,
    /// Whether the owner's own words are welcome.
    pub allow_custom: bool,
}

/// What never changes about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// Its id.
    pub id: RequestId,
    /// Connects all its events.
    pub correlation_id: CorrelationId,
    /// The run that asked.
    pub run: RunId,
    /// The run's project.
    pub project: ProjectKey,
    /// The agent that asked.
    pub agent_key: AgentKey,
    /// The person or service that launched the run: with the agent, the requester of record.
    pub launched_by: Principal,
    /// The tool.
    pub tool: ToolName,
    /// The action.
    pub action: ActionName,
    /// The environment, for tools that have one.
    pub environment: Option<Environment>,
    /// What is wanted.
    pub intent_digest: Digest,
    /// What makes a repeated call the same call.
    pub call_key: CallKey,
    /// The question, if it is one.
    pub question: Option<QuestionForm>,
    /// When it was opened.
    pub requested_at: Timestamp,
}

/// What is proposed in one revision: everything an approver sees and everything that will run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The call as stored (`payload_snapshot`).
    pub call: Value,
    /// The plan as stored (`target_snapshot`).
    pub plan: Value,
    /// The digest over call, plan and terms.
    pub plan_digest: Digest,
    /// The effective terms.
    pub terms: Terms,
    /// The policy text that gave these terms.
    pub policy_digest: Digest,
}

/// One call of a control tool that policy let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRequest {
    /// What never changes.
    pub facts: RequestFacts,
    /// What is proposed now.
    pub proposal: Proposal,
    /// 1 for the first proposal; grows each time the target drifted.
    pub revision: u32,
    /// Votes on this revision, at most one per principal.
    pub votes: Vec<Vote>,
    /// Where it stands.
    pub state: State,
    /// Grows by one with every transition.
    pub version: u64,
}

impl ActionRequest {
    /// The vote of this principal on the current revision.
    pub fn vote_of(&self, who: &Principal) -> Option<&Vote> {
        self.votes.iter().find(|vote| vote.ballot.by == *who)
    }

    /// Approvals cast on the current revision, whether or not the voters still belong to the group.
    pub fn approvals(&self) -> impl Iterator<Item = &Vote> {
        self.votes.iter().filter(|vote| vote.ballot.choice == Choice::Approve)
    }
}
