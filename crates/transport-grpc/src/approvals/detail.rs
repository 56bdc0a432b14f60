//! `GetApproval`: everything an approver decides on, and whether the one who looks may.

use countersign_approvals::{AnswerBallot, Ballot, Choice, DecideError, InputMode, Reply};
use countersign_kernel::{Fault, RequestId};
use countersign_mcp_tools::{Call, Plan};
use countersign_usecases::ServiceError;
use countersign_usecases::look::{find_drift, get_request};
use countersign_usecases::policy_text::active_policy;
use countersign_usecases::port::RequestSnapshot;
use tonic::Status;

use crate::access::Role;
use crate::convert::request::{self, Liveness};
use crate::convert::{json, plan, run};
use crate::identity::BearerIdentity;
use crate::pace::Shared;
use crate::status::{CallId, refuse};
use crate::v1;

pub(super) async fn load(
    shared: &Shared,
    id: RequestId,
    viewer: &BearerIdentity,
    call: &CallId,
) -> Result<v1::Approval, Status> {
    let snapshot = get_request(&shared.services, id).await.map_err(|error| refuse(&error, call))?;
    let stored = stored(&snapshot).map_err(|error| refuse(&error, call))?;
    let unreadable = |error| refuse(&ServiceError::from(error), call);
    let queries = shared.services.queries();
    let votes = queries.list_votes(id).await.map_err(unreadable)?;
    let votes =
        votes.into_iter().map(TryInto::try_into).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let steps = queries.list_steps(id).await.map_err(unreadable)?;
    let links = queries.list_links("request", &id.to_string()).await.map_err(unreadable)?;
    let drift =
        find_drift(&shared.services, &snapshot.request).await.map_err(|error| refuse(&error, call))?;
    let viewer = standing(shared, &snapshot, viewer).await.map_err(|error| refuse(&error, call))?;
    let found = &snapshot.request;
    let liveness = Liveness {
        last_heartbeat: snapshot.run.last_heartbeat_at,
        now: snapshot.now,
        silent_after: shared.settings.requester_silent_after,
    };
    Ok(v1::Approval {
        summary: Some(request::summary(found, liveness)),
        plan: Some(plan::plan(&stored.plan, &found.facts.tool, shared.services.tools())),
        input: Some(json::document(&stored.call.input)),
        prose: request::prose(&stored.call),
        code_links: request::code_links(&stored.call),
        question_form: request::question(&stored.call),
        resolution: request::resolution(&found.state),
        votes: votes.iter().map(request::vote).collect(),
        steps: steps.iter().map(request::step).collect(),
        links: links.into_iter().map(run::link).collect(),
        policy_digest: found.proposal.policy_digest.to_string(),
        viewer: Some(viewer),
        drift: drift.map(|drift| plan::drift(&drift, &found.facts.tool, shared.services.tools())),
    })
}

struct Stored {
    call: Call,
    plan: Plan,
}

fn stored(snapshot: &RequestSnapshot) -> Result<Stored, ServiceError> {
    let proposal = &snapshot.request.proposal;
    Ok(Stored { call: Call::from_json(&proposal.call)?, plan: Plan::from_json(&proposal.plan)? })
}

/// What would become of this person's decision: the domain is asked, and nothing is kept.
async fn standing(
    shared: &Shared,
    snapshot: &RequestSnapshot,
    viewer: &BearerIdentity,
) -> Result<v1::ViewerStanding, ServiceError> {
    let own_vote = request::own_vote(snapshot.request.vote_of(&viewer.identity.principal));
    let answer = |why_not: &str| v1::ViewerStanding {
        may_decide: why_not.is_empty(),
        why_not: why_not.to_owned(),
        own_vote: own_vote.into(),
    };
    if !viewer.roles.contains(&Role::Approver) {
        return Ok(answer("role_required"));
    }
    let members = match active_policy(&shared.services).await {
        Ok(members) => members,
        Err(error @ (ServiceError::NoPolicy | ServiceError::PolicyUnusable { .. })) => {
            return Ok(answer(error.code()));
        }
        Err(error) => return Err(error),
    };
    let why_not = would_count(snapshot, viewer, &*members).err().map_or("", |error| error.code());
    Ok(answer(why_not))
}

fn would_count(
    snapshot: &RequestSnapshot,
    viewer: &BearerIdentity,
    members: &dyn countersign_kernel::terms::Membership,
) -> Result<(), DecideError> {
    let request = &snapshot.request;
    let (by, proof) = (viewer.identity.principal.clone(), viewer.identity.proof);
    let seen = request.proposal.plan_digest;
    let input_mode = InputMode::Button;
    let decided = if request.facts.question.is_some() {
        let ballot = AnswerBallot { by, proof, seen, reply: Reply::Option(0), input_mode };
        request.answer(ballot, members, snapshot.now)
    } else {
        let ballot = Ballot { by, proof, choice: Choice::Deny, seen, reason: None, input_mode };
        request.decide(ballot, members, snapshot.now)
    };
    decided.map(|_| ())
}
