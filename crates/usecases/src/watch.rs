//! Watching targets that can't refuse: comparing what was applied last with what is there now, looking for what carries our mark and is on
//! no record, and putting on the record what somebody did past Countersign.
//!
//! One work row for all targets, leased like any other: one replica looks at a time. Nothing is ever written to a target here, and nothing
//! is put right: a person decides what a finding means.

use std::collections::BTreeMap;

use countersign_approvals::{ActionRequest, StateName, StepState};
use countersign_kernel::{Actor, RequestId};
use countersign_mcp_tools::{ControlTool, DoneStep, Explanation, Finding, Inspection};

use crate::commit::Draft;
use crate::error::ServiceError;
use crate::execution::{Turn, fence_of, stored};
use crate::port::{Due, EventFilter, Lease, WorkKind, WorkSubject};
use crate::record::StepRecord;
use crate::services::{Services, Written};

/// Targets read at once.
const PAGE: u32 = 200;

/// Findings of one request that are read back at once.
const EVENTS: u32 = 500;

/// What findings are called in the record.
const EVENT: &str = "bypass.detected";

/// Has the targets watched from now on, if this process is told to watch. One row for all replicas: the first look is due at once.
///
/// # Errors
/// Storage can't be reached.
pub async fn begin(services: &Services) -> Result<(), ServiceError> {
    if services.watch_every().is_none() {
        return Ok(());
    }
    let now = services.ports.queries.ping().await?;
    let mut draft = Draft::new(services.context_of_role(Actor::system("watcher"), now, None));
    draft.schedule(WorkKind::Watch, WorkSubject::targets(), now);
    match services.write(draft.finish()).await? {
        Written::Yes => Ok(()),
        Written::Stale => {
            Err(ServiceError::Defect("scheduling the watch was stale without a guard".to_owned()))
        }
    }
}

/// Looks at all targets once, under a lease of `Watch` work.
///
/// # Errors
/// Storage can't be reached, or a stored document can't be read.
pub async fn watch(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    let Some(every) = services.watch_every() else {
        return Err(ServiceError::Defect("this process was not told to watch".to_owned()));
    };
    let mut before = String::new();
    loop {
        let page = services.ports.queries.list_newest_steps(&before, PAGE).await?;
        for newest in &page {
            look(services, lease, &before, newest).await?;
            before.clone_from(&newest.target);
        }
        if page.is_empty() {
            break;
        }
    }
    for tool in services.tools.iter() {
        survey(services, lease, tool.as_ref()).await?;
    }
    Ok(Turn::Later(Due::After(every)))
}

/// Looks for what carries our mark and no step leads to. It is put on the record of the request that the mark names, where that is ours.
async fn survey(services: &Services, lease: &Lease, tool: &dyn ControlTool) -> Result<(), ServiceError> {
    let survey = tool.survey().await;
    for why in survey.not_seen {
        tracing::warn!(tool = %tool.descriptor().name, why, "not all targets could be watched");
    }
    if survey.strays.is_empty() {
        return Ok(());
    }
    // Of strays that no request of ours is named by there may be many: another Countersign may keep its databases on the same server.
    let of_nobody = last_findings(services, None).await?;
    for stray in survey.strays {
        let named = services.ports.ledger.load_request(stray.marked_by).await?;
        let about = named.map(|snapshot| snapshot.request.facts.id);
        let known = match about {
            Some(id) => known(services, id, &stray.target, &stray.finding).await?,
            None => is_last(&of_nobody, &stray.target, &stray.finding),
        };
        if !known {
            record(services, lease, about, &stray.target, &stray.finding).await?;
        }
    }
    Ok(())
}

/// Looks at the target of this step, which follows the target `before`.
async fn look(
    services: &Services,
    lease: &Lease,
    before: &str,
    newest: &StepRecord,
) -> Result<(), ServiceError> {
    let Some(request) = applied(services, newest).await? else { return Ok(()) };
    let (finding, unless) = match inspect(services, &request, newest).await? {
        Inspection::Changed { finding, unless } => (finding, unless),
        Inspection::AsLeft | Inspection::NotWatched => return Ok(()),
        Inspection::CouldNotLook { why } => {
            tracing::warn!(target = newest.target, why, "a target could not be watched");
            return Ok(());
        }
    };
    // What was seen may be our own doing meanwhile: then the newest step is another one now, since it was on record before it was done.
    let again = services.ports.queries.list_newest_steps(before, 1).await?;
    if again.first() != Some(newest)
        || explained(services, newest, unless).await?
        || known(services, request.facts.id, &newest.target, &finding).await?
    {
        return Ok(());
    }
    record(services, lease, Some(request.facts.id), &newest.target, &finding).await
}

/// The request that this step belongs to, if it is the last word on its target: the step is done, and its request is applied. What is being
/// written, in doubt, or settled otherwise has left nothing that could be counted on.
async fn applied(services: &Services, newest: &StepRecord) -> Result<Option<ActionRequest>, ServiceError> {
    if newest.state != "done" {
        return Ok(None);
    }
    let Ok(id) = newest.request_id.parse::<RequestId>() else { return Ok(None) };
    let snapshot = services.ports.ledger.load_request(id).await?;
    let request = snapshot.map(|snapshot| snapshot.request);
    Ok(request.filter(|request| {
        request.state.name() == StateName::Applied && i64::from(request.revision) == newest.revision
    }))
}

async fn inspect(
    services: &Services,
    request: &ActionRequest,
    newest: &StepRecord,
) -> Result<Inspection, ServiceError> {
    let (call, plan) = stored(request)?;
    let progress = countersign_approvals::StepProgress::try_from(newest.clone())?;
    let step = plan.steps.iter().find(|step| step.number == progress.number);
    let (Some(tool), Some(step)) = (services.tools.find(&call.tool), step) else {
        return Ok(Inspection::NotWatched);
    };
    let (StepState::Done { receipt }, Some(done_at)) = (&progress.state, progress.done_at) else {
        return Ok(Inspection::NotWatched);
    };
    let done = DoneStep { request: request.facts.id, call: &call, plan: &plan, step, receipt, done_at };
    Ok(tool.inspect(done).await)
}

/// Whether a later write of ours to another part of the same object is behind it.
async fn explained(
    services: &Services,
    newest: &StepRecord,
    unless: Explanation,
) -> Result<bool, ServiceError> {
    match unless {
        Explanation::Nothing => return Ok(false),
        Explanation::LaterWriteToObject => {}
    }
    let Some((object, _)) = newest.target.split_once('#') else { return Ok(false) };
    let siblings = services.ports.queries.list_newest_steps(object, PAGE).await?;
    let of_object =
        |step: &&StepRecord| step.target.strip_prefix(object).is_some_and(|rest| rest.starts_with('#'));
    Ok(siblings.iter().filter(of_object).any(|step| step.intended_at > newest.intended_at))
}

/// Whether the last finding about this target on the record of the request is this very one.
async fn known(
    services: &Services,
    request: RequestId,
    target: &str,
    finding: &Finding,
) -> Result<bool, ServiceError> {
    Ok(is_last(&last_findings(services, Some(request)).await?, target, finding))
}

fn is_last(findings: &BTreeMap<String, String>, target: &str, finding: &Finding) -> bool {
    findings.get(target).is_some_and(|last| *last == finding.mark(target))
}

/// The last finding about each target on the record of the request, or of none, as marks of [`Finding::mark`].
async fn last_findings(
    services: &Services,
    request: Option<RequestId>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let filter = EventFilter { request, type_prefix: Some(EVENT.to_owned()), ..EventFilter::default() };
    let request = request.map(|id| id.to_string());
    let (mut after, mut found) = (None, BTreeMap::new());
    loop {
        let page = services.ports.queries.list_events(&filter, after.as_ref(), EVENTS).await?;
        let full = u32::try_from(page.events.len()).is_ok_and(|read| read >= EVENTS);
        for event in page.events.into_iter().filter(|event| event.request_id == request) {
            if let (Some(target), Some(finding)) =
                (event.detail["target"].as_str(), event.detail["finding"].as_str())
            {
                found.insert(target.to_owned(), finding.to_owned());
            }
        }
        after = page.next;
        if !full || after.is_none() {
            return Ok(found);
        }
    }
}

async fn record(
    services: &Services,
    lease: &Lease,
    request: Option<RequestId>,
    target: &str,
    finding: &Finding,
) -> Result<(), ServiceError> {
    let snapshot = match request {
        Some(id) => services.ports.ledger.load_request(id).await?,
        None => None,
    };
    let context = |now, policy| services.context_of_role(Actor::system("watcher"), now, policy);
    let mut draft = match &snapshot {
        Some(found) => Draft::about(context(found.now, found.policy.map(|stamp| stamp.digest)), &found.run),
        None => {
            let policy = services.ports.ledger.load_policy(None).await?;
            let now = services.ports.queries.ping().await?;
            Draft::new(context(now, policy.map(|text| text.stamp.digest)))
        }
    };
    draft.guard(fence_of(lease));
    draft.note_bypass(snapshot.as_ref().map(|found| &found.request), target, finding)?;
    match services.write(draft.finish()).await? {
        Written::Yes => {
            let deviation = finding.deviation.as_str();
            let request = request.map(tracing::field::display);
            tracing::warn!(target, deviation, request, "somebody wrote past Countersign");
        }
        // The lease is somebody else's by now, who sees the same.
        Written::Stale => {}
    }
    Ok(())
}
