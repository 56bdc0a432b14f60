//! Ending a run: when its budget is spent, and for settling its open requests once it is ending.

use countersign_approvals::{CancelledBy, State};
use countersign_kernel::{Actor, OnRunEnd, RequestId, RunId, Timestamp};
use countersign_waitstate::{FinishReason, Run, RunState};

use crate::commit::{Draft, Mark};
use crate::error::ServiceError;
use crate::execution::{Turn, backoff, fence_of};
use crate::port::{Due, Lease, RunSnapshot};
use crate::services::{ATTEMPTS, Services, Written};

/// Ends a run under a lease of `EndRun` work.
///
/// # Errors
/// Storage can't be reached.
pub async fn end_run(services: &Services, lease: &Lease) -> Result<Turn, ServiceError> {
    let Ok(id) = RunId::parse(lease.subject.as_str()) else {
        return Err(ServiceError::Defect(format!("work about `{}`, which is no run", lease.subject)));
    };
    let _turn = services.turn_of(&id).await;
    for _ in 0..ATTEMPTS {
        let snapshot = services.ports.ledger.load_run(&id).await?;
        let Some(run) = &snapshot.run else { return Ok(Turn::Over) };
        match &run.state {
            RunState::Live { .. } => match run.deadline_at() {
                // It waits: its budget is paused and nothing can end it here.
                None => return drop_row(services, &snapshot, run, lease).await,
                Some(deadline) if snapshot.now < deadline => {
                    return Ok(Turn::Later(Due::After(deadline.since(snapshot.now))));
                }
                Some(_) => begin_end(services, &snapshot, run, lease).await?,
            },
            RunState::Ending { .. } => {
                let mut left = 0;
                for wait in &run.waits {
                    left += usize::from(!settle(services, wait.request).await?);
                }
                if left > 0 {
                    // What is being executed ends the run itself when it settles.
                    return drop_row(services, &snapshot, run, lease).await;
                }
            }
            RunState::Finished { .. } => return Ok(Turn::Over),
        }
    }
    Ok(Turn::Later(backoff(1)))
}

async fn begin_end(
    services: &Services,
    snapshot: &RunSnapshot,
    run: &Run,
    lease: &Lease,
) -> Result<(), ServiceError> {
    let transition = run.begin_end(FinishReason::BudgetExhausted, snapshot.now)?;
    let mut draft = draft(services, snapshot, run);
    draft.guard(fence_of(lease));
    draft.record_run(transition)?;
    for outcome in &snapshot.unread {
        draft.mark_outcome(outcome, Mark::Undeliverable);
    }
    services.write(draft.finish()).await.map(|_| ())
}

async fn drop_row(
    services: &Services,
    snapshot: &RunSnapshot,
    run: &Run,
    lease: &Lease,
) -> Result<Turn, ServiceError> {
    let mut draft = draft(services, snapshot, run);
    draft.guard(fence_of(lease));
    draft.unschedule(lease.kind, lease.subject.clone());
    services.write(draft.finish()).await.map(|_| Turn::Over)
}

fn draft<'s>(services: &'s Services, snapshot: &RunSnapshot, run: &Run) -> Draft<'s> {
    let policy = snapshot.policy.map(|stamp| stamp.digest);
    Draft::about(services.context_of_role(Actor::system("sweeper"), snapshot.now, policy), run)
}

/// Settles one request of a run that is ending, as its terms say. `false` when it has to be left to the executor.
async fn settle(services: &Services, id: RequestId) -> Result<bool, ServiceError> {
    for _ in 0..ATTEMPTS {
        let Some(snapshot) = services.ports.ledger.load_request(id).await? else { return Ok(true) };
        let request = &snapshot.request;
        match (&request.state, request.proposal.terms.on_run_end) {
            (State::Settled(_), _) => return Ok(true),
            (State::Applying { .. } | State::Unknown { .. }, _)
            | (State::Approved { .. }, OnRunEnd::Execute) => return Ok(false),
            (State::Requested { .. }, _) | (State::Approved { .. }, OnRunEnd::Cancel) => {}
        }
        let now: Timestamp = snapshot.now;
        let cancelled = request
            .cancel(CancelledBy::RunEnd, None, now)
            .map_err(|error| ServiceError::Defect(error.to_string()))?;
        let policy = snapshot.policy.map(|stamp| stamp.digest);
        let context = services.context_of_role(Actor::system("sweeper"), now, policy);
        let mut draft = Draft::about(context, &snapshot.run);
        draft.record(cancelled)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(true);
        }
    }
    Ok(false)
}
