//! `GetApproval`: everything an approver decides on, and whether the one who looks may.

use countersign_kernel::RequestId;
use countersign_usecases::access::BearerIdentity;
use countersign_usecases::look::{Liveness, Standing, look_at_request};
use tonic::Status;

use crate::convert::{json, plan, request, run};
use crate::pace::Shared;
use crate::status::{CallId, refuse};
use crate::v1;

pub(super) async fn load(
    shared: &Shared,
    id: RequestId,
    viewer: &BearerIdentity,
    call: &CallId,
) -> Result<v1::Approval, Status> {
    let view = look_at_request(&shared.services, id, viewer).await.map_err(|error| refuse(&error, call))?;
    let found = &view.snapshot.request;
    let liveness = Liveness {
        last_heartbeat: view.snapshot.run.last_heartbeat_at,
        now: view.snapshot.now,
        silent_after: shared.settings.requester_silent_after,
    };
    Ok(v1::Approval {
        summary: Some(request::summary(found, liveness)),
        plan: Some(plan::plan(&view.plan, &found.facts.tool, shared.services.tools())),
        input: Some(json::shown(&view.call.input)),
        prose: request::prose(&view.call),
        code_links: request::code_links(&view.call),
        question_form: request::question(&view.call),
        resolution: request::resolution(&found.state),
        votes: view.votes.iter().map(request::vote).collect(),
        steps: view.steps.iter().map(request::step).collect(),
        links: view.links.into_iter().map(run::link).collect(),
        policy_digest: found.proposal.policy_digest.to_string(),
        viewer: Some(standing(view.standing)),
        drift: view.drift.map(|drift| plan::drift(&drift, &found.facts.tool, shared.services.tools())),
    })
}

fn standing(standing: Standing) -> v1::ViewerStanding {
    v1::ViewerStanding {
        may_decide: standing.why_not.is_none(),
        why_not: standing.why_not.unwrap_or_default().to_owned(),
        own_vote: request::own_vote(standing.own_vote).into(),
    }
}
