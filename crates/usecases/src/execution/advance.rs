//! Taking the steps: each is intended on the record before it is taken, and recorded after.
//!
//! A step found intended that this worker did not just intend itself may have been taken by one that died: it is looked for first, and
//! taken again only when it certainly was not.

use std::sync::Arc;

use countersign_approvals::{StepProgress, StepState, Verdict};
use countersign_kernel::{Actor, Millis, Timestamp};
use countersign_mcp_tools::{Call, ControlTool, Plan, ProbeOutcome, SecretValue, Step, StepOutcome};
use serde_json::Value;

use super::begin::state_defect;
use super::ending::MAX_ATTEMPTS;
use super::{StepContext, Turn, backoff, commit, commit_intention, draft_of, ownership, stored};
use crate::call_tool::tool_of;
use crate::commit::audit_note::CalledTool;
use crate::commit::{Draft, NoteEvent};
use crate::error::ServiceError;
use crate::port::{Due, Lease, RequestSnapshot, StoreError};
use crate::seal::GENERATED;
use crate::services::{Services, Written};

/// A step this worker has intended under its present lease and not yet attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    pub(super) number: u32,
    pub(super) attempts: u32,
}

/// What a step is taken or looked for with.
pub(super) struct Means {
    pub(super) tool: Arc<dyn ControlTool>,
    pub(super) secret: Option<SecretValue>,
}

impl Means {
    /// # Errors
    /// This server has no such tool, or can't open the sealed value.
    pub(super) fn of(
        services: &Services,
        snapshot: &RequestSnapshot,
        call: &Call,
    ) -> Result<Self, ServiceError> {
        Ok(Self { tool: tool_of(services, call)?, secret: open_sealed(services, snapshot, GENERATED)? })
    }
}

/// The sealed value of this purpose of the present revision, opened.
pub(super) fn open_sealed(
    services: &Services,
    snapshot: &RequestSnapshot,
    purpose: &str,
) -> Result<Option<SecretValue>, ServiceError> {
    let request = &snapshot.request;
    let open = |sealed| services.sealer.open(sealed, request.facts.id, request.revision);
    Ok(snapshot.sealed.iter().find(|sealed| sealed.purpose == purpose).map(open).transpose()?)
}

/// One request that is being applied, as this turn found it.
pub(super) struct Advance<'a> {
    pub(super) services: &'a Services,
    pub(super) snapshot: &'a RequestSnapshot,
    pub(super) lease: &'a Lease,
    pub(super) call: Call,
    pub(super) plan: Plan,
}

/// One step of it.
#[derive(Clone, Copy)]
pub(super) struct At<'s> {
    pub(super) means: &'s Means,
    pub(super) step: &'s Step,
    pub(super) progress: &'s StepProgress,
}

pub(super) async fn advance(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    fresh: &mut Option<Fresh>,
) -> Result<Turn, ServiceError> {
    let (call, plan) = stored(&snapshot.request)?;
    let work = Advance { services, snapshot, lease, call, plan };
    let unwinding = snapshot.progress.unwinding();
    let next = work.plan.steps.iter().find(|step| !work.is_done(step));
    if next.is_none() && !unwinding {
        return work.finish().await;
    }
    let means = match Means::of(services, snapshot, &work.call) {
        Ok(means) => means,
        Err(error) => return work.unable(&error).await,
    };
    match next {
        Some(step) if !unwinding => work.go_on(&means, step, fresh).await,
        Some(_) | None => work.unwind(&means).await,
    }
}

impl Advance<'_> {
    async fn go_on(
        &self,
        means: &Means,
        step: &Step,
        fresh: &mut Option<Fresh>,
    ) -> Result<Turn, ServiceError> {
        let Some(progress) = self.snapshot.progress.step(step.number) else {
            return self.intend(step, fresh).await;
        };
        let at = At { means, step, progress };
        match &progress.state {
            StepState::NotDone if self.too_late() => self.end_too_late().await,
            StepState::NotDone if progress.attempts >= MAX_ATTEMPTS => self.end_tired(at).await,
            StepState::NotDone => self.intend(step, fresh).await,
            StepState::Intended => {
                let mine = Fresh { number: step.number, attempts: progress.attempts };
                if progress.fence == self.lease.fence && fresh.take() == Some(mine) {
                    self.perform(at).await
                } else if let Some(turn) = self.wait_out(at).await? {
                    Ok(turn)
                } else {
                    self.look_first(at).await
                }
            }
            StepState::Done { .. } | StepState::Undoing { .. } | StepState::Undone { .. } => Ok(Turn::GoOn),
        }
    }

    fn is_done(&self, step: &Step) -> bool {
        self.snapshot.progress.step(step.number).is_some_and(|progress| match progress.state {
            StepState::Done { .. } => true,
            StepState::Intended
            | StepState::NotDone
            | StepState::Undoing { .. }
            | StepState::Undone { .. } => false,
        })
    }

    pub(super) fn context(&self) -> StepContext<'_> {
        StepContext {
            request: &self.snapshot.request,
            call: &self.call,
            plan: &self.plan,
            fence: self.lease.fence,
        }
    }

    async fn intend(&self, step: &Step, fresh: &mut Option<Fresh>) -> Result<Turn, ServiceError> {
        let request = &self.snapshot.request;
        let progress =
            self.snapshot.progress.intend(request.revision, step.number, self.lease.fence, self.snapshot.now);
        *fresh = Some(Fresh { number: step.number, attempts: progress.attempts });
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(request.facts.id, step, &progress);
        commit_intention(self.services, draft, self.lease).await
    }

    async fn perform(&self, at: At<'_>) -> Result<Turn, ServiceError> {
        let work = self.context().work(at.step, at.means.secret.as_ref(), at.progress.intended_at);
        match at.means.tool.perform(work).await {
            StepOutcome::Done { receipt } => self.record_done(at, receipt).await,
            StepOutcome::Transient { code, message, retry_after } => {
                self.retry_later(at, code, &message, retry_after).await
            }
            // An earlier attempt that was never answered may have arrived since it was looked for, and be what is in the way now.
            StepOutcome::Permanent { code, message } if at.progress.attempts > 1 => {
                self.refused_again(at, code, &message).await
            }
            StepOutcome::Permanent { code, message } => self.refused(at, code, &message).await,
            StepOutcome::Unclear { code, message } => {
                tracing::warn!(
                    request = %self.snapshot.request.facts.id, step = at.step.number, code, message,
                    "a write was not answered; looking whether it happened"
                );
                Ok(self.wait_out(at).await?.unwrap_or(Turn::Later(Due::After(Millis(200)))))
            }
        }
    }

    pub(super) async fn probe(&self, at: At<'_>) -> ProbeOutcome {
        let work = self.context().work(at.step, at.means.secret.as_ref(), at.progress.intended_at);
        at.means.tool.probe(work).await
    }

    /// Whether nothing is done and the time for it is over: no further attempt may begin.
    fn too_late(&self) -> bool {
        self.snapshot.progress.nothing_done() && self.is_over_at(self.snapshot.now)
    }

    pub(super) fn is_over_at(&self, time: Timestamp) -> bool {
        self.snapshot.request.applying_until().is_ok_and(|until| time >= until)
    }

    pub(super) async fn record_done(&self, at: At<'_>, receipt: Value) -> Result<Turn, ServiceError> {
        let done = at.progress.done(receipt, self.lease.fence, self.snapshot.now);
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(self.snapshot.request.facts.id, at.step, &done);
        if self.services.write(draft.finish()).await? == Written::Stale {
            self.note_lost_lease(at.step).await?;
        }
        Ok(Turn::GoOn)
    }

    /// A record refused because the lease was lost is itself put on record: somebody was overtaken while writing to a target.
    async fn note_lost_lease(&self, step: &Step) -> Result<(), ServiceError> {
        match self.services.ports.work.extend(self.lease).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Stale { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let request = &self.snapshot.request;
        let policy = self.snapshot.policy.map(|stamp| stamp.digest);
        let context = self.services.context_of_role(Actor::system("executor"), self.snapshot.now, policy);
        let mut draft = Draft::about(context, &self.snapshot.run);
        let (number, fence) = (step.number, self.lease.fence);
        draft.note(NoteEvent::Rejected {
            call: CalledTool::of(&request.facts),
            request: Some(request),
            code: "stale_fence",
            reason: format!("the record of step {number} was refused: fence {fence} is no longer held"),
            suppressed_before: 0,
        })?;
        self.services.write(draft.finish()).await.map(|_| ())
    }

    /// An attempt whose answer never came may still arrive at a target that can't refuse it: looking before then would prove nothing.
    pub(super) async fn wait_out(&self, at: At<'_>) -> Result<Option<Turn>, ServiceError> {
        let (now, in_flight) = (self.snapshot.now, at.means.tool.in_flight(at.step));
        match at.progress.quiet_until {
            Some(until) if now < until => Ok(Some(Turn::Later(Due::After(until.since(now))))),
            None if in_flight.0 > 0 => {
                let alone = at.progress.left_alone_until(now.plus(in_flight), self.lease.fence);
                self.put(at.step, &alone, Turn::Later(Due::After(in_flight))).await.map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Looks for the effect of an attempt that was never recorded.
    async fn look_first(&self, at: At<'_>) -> Result<Turn, ServiceError> {
        match self.probe(at).await {
            ProbeOutcome::Done { receipt } => self.record_done(at, receipt).await,
            ProbeOutcome::NotDone => {
                self.put(at.step, &at.progress.not_done(self.lease.fence), Turn::GoOn).await
            }
            ProbeOutcome::CannotTell { why, retry: true } if self.lease.attempts < MAX_ATTEMPTS => {
                tracing::warn!(request = %self.snapshot.request.facts.id, why, "could not look for an effect");
                Ok(Turn::Later(backoff(self.lease.attempts)))
            }
            ProbeOutcome::CannotTell { why, .. } => self.give_up("effect_unknown", &why).await,
        }
    }

    async fn finish(&self) -> Result<Turn, ServiceError> {
        let request = &self.snapshot.request;
        let steps = u32::try_from(self.plan.steps.len()).unwrap_or(u32::MAX);
        let applied = request.finish(&self.snapshot.progress, steps, self.snapshot.now);
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.record(applied.map_err(|error| state_defect(request.facts.id, &error))?)?;
        ownership::settle(&mut draft, request, Verdict::Applied)?;
        commit(self.services, draft, Turn::Over).await
    }

    pub(super) async fn put(
        &self,
        step: &Step,
        progress: &StepProgress,
        then: Turn,
    ) -> Result<Turn, ServiceError> {
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(self.snapshot.request.facts.id, step, progress);
        commit(self.services, draft, then).await
    }
}
