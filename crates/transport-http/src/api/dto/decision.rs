//! What became of a command, and the request as it is for whoever came too late.

use countersign_approvals::ActionRequest;
use countersign_usecases::decisions::DecisionReply;
use countersign_usecases::look::Liveness;
use serde::Serialize;
use utoipa::ToSchema;

use super::approval::{ApprovalSummary, Resolution};
use super::words::{Choice, RequestState};
use crate::api::etag;
use crate::settings::HttpSettings;

/// What became of a command.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Committed {
    /// The request as it is now.
    pub(in crate::api) approval: ApprovalSummary,
    /// Whether the same person had said the same before: nothing was changed.
    pub(in crate::api) repeated: bool,
}

/// What became of a batch: all of it was counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CommittedBatch {
    /// One for each decision, in the order they were sent.
    pub(in crate::api) decisions: Vec<Committed>,
}

/// A request as it is, told to whoever came too late.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Current {
    /// Its id.
    #[schema(format = "uuid")]
    pub(in crate::api) id: String,
    /// Where it stands.
    pub(in crate::api) state: RequestState,
    /// Its revision.
    pub(in crate::api) revision: u32,
    /// Its version.
    pub(in crate::api) version: u64,
    /// The version as `If-Match` takes it.
    pub(in crate::api) etag: String,
    /// What a decision has to name now.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) plan_digest: String,
    /// How it ended: who, when, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) resolution: Option<Resolution>,
    /// Who decided what, when, on this revision.
    pub(in crate::api) votes: Vec<CurrentVote>,
}

/// One person's decision, in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CurrentVote {
    /// Who.
    pub(in crate::api) principal: String,
    /// What.
    pub(in crate::api) decision: Choice,
    /// When.
    #[schema(format = DateTime)]
    pub(in crate::api) voted_at: String,
}

impl Committed {
    /// What became of a command, with the sign of life of the run that asked.
    pub(in crate::api) fn of(reply: &DecisionReply, settings: &HttpSettings) -> Self {
        let liveness = Liveness::of(reply, settings.requester_silent_after);
        Self { approval: ApprovalSummary::of(&reply.request, liveness), repeated: reply.repeated }
    }
}

impl From<&ActionRequest> for Current {
    fn from(request: &ActionRequest) -> Self {
        let votes = request.votes.iter().map(|vote| CurrentVote {
            principal: vote.ballot.by.to_string(),
            decision: vote.ballot.choice.into(),
            voted_at: vote.at.to_string(),
        });
        Self {
            id: request.facts.id.to_string(),
            state: request.state.name().into(),
            revision: request.revision,
            version: request.version,
            etag: etag::of(request),
            plan_digest: request.proposal.plan_digest.to_string(),
            resolution: request.state.resolution().map(Resolution::from),
            votes: votes.collect(),
        }
    }
}
