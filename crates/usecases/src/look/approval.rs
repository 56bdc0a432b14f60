//! One request with everything a person decides on, and whether the one who looks may decide.

use std::sync::Arc;

use countersign_approvals::{
    ActionRequest, AnswerBallot, Ballot, Choice, DecideError, InputMode, Reply, Vote,
};
use countersign_kernel::terms::Membership;
use countersign_kernel::{Fault, Millis, RequestId, Timestamp};
use countersign_mcp_tools::{Call, Plan};
use countersign_policy::CompiledPolicy;

use super::{Drift, MOST_LINKS, find_drift, get_request};
use crate::access::{BearerIdentity, Role};
use crate::decisions::electors::Electors;
use crate::decisions::{DecisionError, DecisionReply};
use crate::error::ServiceError;
use crate::policy_text::active_policy;
use crate::port::RequestSnapshot;
use crate::record::{LinkRecord, StepRecord};
use crate::services::Services;

/// A request with everything about it.
pub struct ApprovalView {
    /// The request, its run, and the database's time.
    pub snapshot: RequestSnapshot,
    /// The call that asked for it.
    pub call: Call,
    /// What would be done.
    pub plan: Plan,
    /// Votes of all revisions, oldest first.
    pub votes: Vec<Vote>,
    /// Steps that were begun, of all revisions, in order.
    pub steps: Vec<StepRecord>,
    /// What it is connected with.
    pub links: Vec<LinkRecord>,
    /// What is different from what was approved before, where it is asked again.
    pub drift: Option<Drift>,
    /// What the one who looks may do about it.
    pub standing: Standing,
}

/// What one person may do about a request now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The stable code of what forbids them to decide; none when they may.
    pub why_not: Option<&'static str>,
    /// Their own vote on the revision as it is.
    pub own_vote: Option<Choice>,
}

/// When the requester was last heard of, and what the list is shown at.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    /// The run's last sign of life.
    pub last_heartbeat: Option<Timestamp>,
    /// The database's time.
    pub now: Timestamp,
    /// After how long it counts as silent.
    pub silent_after: Millis,
}

impl Liveness {
    /// As a command was decided on.
    pub const fn of(reply: &DecisionReply, silent_after: Millis) -> Self {
        Self { last_heartbeat: reply.last_heartbeat, now: reply.now, silent_after }
    }

    /// Whether an open request's run has been silent for too long. The call itself was a sign of life.
    pub fn is_silent(self, request: &ActionRequest) -> bool {
        let opened = request.facts.requested_at;
        let last = self.last_heartbeat.map_or(opened, |beat| beat.max(opened));
        !request.state.is_settled() && self.now.since(last) > self.silent_after
    }
}

/// Loads a request for this person to look at.
///
/// # Errors
/// There is no such request.
pub async fn look_at_request(
    services: &Services,
    id: RequestId,
    viewer: &BearerIdentity,
) -> Result<ApprovalView, DecisionError> {
    let snapshot = get_request(services, id).await?;
    Ok(assemble(services, snapshot, viewer).await?)
}

async fn assemble(
    services: &Services,
    snapshot: RequestSnapshot,
    viewer: &BearerIdentity,
) -> Result<ApprovalView, ServiceError> {
    let id = snapshot.request.facts.id;
    let proposal = &snapshot.request.proposal;
    let (call, plan) = (Call::from_json(&proposal.call)?, Plan::from_json(&proposal.plan)?);
    let queries = services.queries();
    let votes = queries.list_votes(id).await?;
    let votes = votes.into_iter().map(TryInto::try_into).collect::<Result<Vec<_>, _>>()?;
    let steps = queries.list_steps(id).await?;
    let links = queries.list_links("request", &[id.to_string()], MOST_LINKS).await?;
    let drift = find_drift(services, &snapshot.request).await?;
    let members = deciders(services).await?;
    let standing = standing(&snapshot.request, snapshot.now, viewer, &members);
    Ok(ApprovalView { snapshot, call, plan, votes, steps, links, drift, standing })
}

/// Who belongs to which group by the policy of the moment; the code of what is wrong with it, where nobody may decide by it.
pub(super) async fn deciders(
    services: &Services,
) -> Result<Result<Arc<CompiledPolicy>, &'static str>, ServiceError> {
    match active_policy(services).await {
        Ok(policy) => Ok(Ok(policy)),
        Err(error @ (ServiceError::NoPolicy | ServiceError::PolicyUnusable { .. })) => Ok(Err(error.code())),
        Err(error) => Err(error),
    }
}

/// What would become of this person's decision: the domain is asked, and nothing is kept.
pub(super) fn standing(
    request: &ActionRequest,
    now: Timestamp,
    viewer: &BearerIdentity,
    policy: &Result<Arc<CompiledPolicy>, &'static str>,
) -> Standing {
    let own_vote = request.vote_of(&viewer.identity.principal).map(|vote| vote.ballot.choice);
    let why_not = match policy {
        _ if !viewer.roles.contains(&Role::Approver) => Some("role_required"),
        Err(code) => Some(*code),
        Ok(policy) => {
            let electors = Electors { policy, asks: &viewer.identity };
            would_count(request, now, viewer, &electors).err().map(|error| error.code())
        }
    };
    Standing { why_not, own_vote }
}

fn would_count(
    request: &ActionRequest,
    now: Timestamp,
    viewer: &BearerIdentity,
    members: &dyn Membership,
) -> Result<(), DecideError> {
    let (by, proof) = (viewer.identity.principal.clone(), viewer.identity.proof);
    let seen = request.proposal.plan_digest;
    let input_mode = InputMode::Button;
    let decided = if request.facts.question.is_some() {
        let ballot = AnswerBallot { by, proof, seen, reply: Reply::Option(0), input_mode };
        request.answer(ballot, members, now)
    } else {
        let ballot = Ballot { by, proof, choice: Choice::Deny, seen, reason: None, input_mode };
        request.decide(ballot, members, now)
    };
    decided.map(|_| ())
}
