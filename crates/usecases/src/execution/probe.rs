//! Looking, read-only, what became of an `unknown` request. What the probe proves is settled, with the evidence; what it can't prove is
//! left to a person. Nothing is ever written to a target here.

use countersign_approvals::{Progress, SettledBy, State, StepState, Verdict};
use countersign_kernel::Actor;
use countersign_mcp_tools::{ProbeOutcome, UndoWork};
use serde_json::{Value, json};

use super::advance::{Means, open_sealed};
use super::begin::state_defect;
use super::{StepContext, Turn, backoff, drop_work, fence_of, ownership, stored, subject_request};
use crate::commit::Draft;
use crate::error::ServiceError;
use crate::port::{Lease, RequestSnapshot};
use crate::seal::kept_by_step;
use crate::services::{Services, Written};

/// After so many looks without an answer only a person can tell.
const MAX_LOOKS: u32 = 20;

/// What looking at all steps gave.
struct Seen {
    progress: Progress,
    evidence: Vec<Value>,
    undecided: bool,
}

/// Looks under a lease of `Probe` work.
///
/// # Errors
/// Storage can't be reached, or a stored document can't be read.
pub async fn probe(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    let Some(id) = subject_request(&lease.subject) else {
        return Err(ServiceError::Defect(format!("work about `{}`, which is no request", lease.subject)));
    };
    let Some(snapshot) = services.ports.ledger.load_request(id).await? else { return Ok(Turn::Over) };
    match &snapshot.request.state {
        State::Unknown { .. } => {}
        State::Requested { .. } | State::Approved { .. } | State::Applying { .. } | State::Settled(_) => {
            return drop_work(services, &snapshot, lease).await;
        }
    }
    let (call, plan) = stored(&snapshot.request)?;
    let context = StepContext { request: &snapshot.request, call: &call, plan: &plan, fence: lease.fence };
    let seen = match look(services, &snapshot, &context).await {
        Ok(seen) => seen,
        Err(error) => {
            // Another server may have the tool or the master key that this one lacks; else a person decides.
            tracing::error!(request = %id, %error, "this server can't look what became of a request");
            return later_or_never(services, &snapshot, lease).await;
        }
    };
    let steps = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    let verdict = if seen.progress.all_done(steps) {
        Verdict::Applied
    } else if seen.progress.nothing_done() && !seen.undecided {
        Verdict::Failed
    } else if seen.undecided {
        return later_or_never(services, &snapshot, lease).await;
    } else {
        // Some steps are done and some are not, or looking never tells: a person decides.
        return drop_work(services, &snapshot, lease).await;
    };
    settle(services, &snapshot, lease, seen, verdict).await
}

/// Looks again later; after many looks a person has to decide.
async fn later_or_never(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
) -> Result<Turn, ServiceError> {
    if lease.attempts < MAX_LOOKS {
        return Ok(Turn::Later(backoff(lease.attempts)));
    }
    drop_work(services, snapshot, lease).await
}

/// # Errors
/// This server has no such tool, or can't open a sealed value.
async fn look(
    services: &Services,
    snapshot: &RequestSnapshot,
    context: &StepContext<'_>,
) -> Result<Seen, ServiceError> {
    let means = Means::of(services, snapshot, context.call)?;
    let mut seen = Seen { progress: snapshot.progress.clone(), evidence: Vec::new(), undecided: false };
    for step in &context.plan.steps {
        let Some(progress) = snapshot.progress.step(step.number) else { continue };
        let work = context.work(step, means.secret.as_ref(), progress.intended_at);
        let (outcome, undoing) = match &progress.state {
            StepState::Intended => (means.tool.probe(work).await, false),
            StepState::Undoing { receipt } => {
                let kept = open_sealed(services, snapshot, &kept_by_step(step.number))?;
                let undo = UndoWork { step: work, receipt, kept: kept.as_ref() };
                (means.tool.probe_undo(undo).await, true)
            }
            StepState::Done { .. } | StepState::NotDone | StepState::Undone { .. } => continue,
        };
        match (outcome, undoing) {
            (ProbeOutcome::Done { receipt }, false) => {
                seen.evidence.push(json!({"step": step.number, "found": true, "receipt": receipt}));
                seen.progress.put(progress.done(receipt, context.fence, snapshot.now));
            }
            (ProbeOutcome::NotDone, false) => {
                seen.evidence.push(json!({"step": step.number, "found": false}));
                seen.progress.put(progress.not_done(context.fence));
            }
            (ProbeOutcome::Done { receipt }, true) => {
                seen.evidence.push(json!({"step": step.number, "undone": true, "receipt": receipt}));
                seen.progress.put(progress.undone(context.fence));
            }
            (ProbeOutcome::NotDone, true) => {
                seen.evidence.push(json!({"step": step.number, "undone": false}));
                seen.progress.put(progress.still_done(context.fence));
            }
            (ProbeOutcome::CannotTell { why, retry }, _) => {
                tracing::warn!(request = %snapshot.request.facts.id, step = step.number, why, "a probe does not tell");
                seen.undecided = seen.undecided || retry;
            }
        }
    }
    Ok(seen)
}

async fn settle(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    seen: Seen,
    verdict: Verdict,
) -> Result<Turn, ServiceError> {
    let request = &snapshot.request;
    let (_, plan) = stored(request)?;
    let policy = snapshot.policy.map(|stamp| stamp.digest);
    let context = services.context_of_role(Actor::system("prober"), snapshot.now, policy);
    let mut draft = Draft::about(context, &snapshot.run);
    draft.guard(fence_of(lease));
    for step in &plan.steps {
        if let Some(progress) = seen.progress.step(step.number) {
            draft.put_step(request.facts.id, step, progress);
        }
    }
    let by = SettledBy::Probe { evidence: Value::Array(seen.evidence) };
    let settled = request
        .settle_unknown(verdict, by, &seen.progress, snapshot.now)
        .map_err(|error| state_defect(request.facts.id, &error))?;
    draft.record(settled)?;
    ownership::settle(&mut draft, request, verdict)?;
    match services.write(draft.finish()).await? {
        Written::Yes => Ok(Turn::Over),
        Written::Stale => Ok(Turn::Later(backoff(1))),
    }
}
