//! Taking the steps: each is intended on the record before it is taken, and recorded after.
//!
//! A step found intended that this worker did not just intend itself may have been taken by one that died: it is looked for first, and
//! taken again only when it certainly was not.

use std::sync::Arc;

use countersign_approvals::{StepProgress, StepState, Transition, Verdict};
use countersign_kernel::{Fault, Millis, Timestamp};
use countersign_mcp_tools::{Call, ControlTool, Plan, ProbeOutcome, SecretValue, Step, StepOutcome};
use serde_json::Value;

use super::begin::state_defect;
use super::{
    StepContext, Turn, backoff, commit, commit_intention, draft_of, ownership, pause_after, stored, words,
};
use crate::call_tool::tool_of;
use crate::error::ServiceError;
use crate::port::{Due, Lease, RequestSnapshot};
use crate::seal::GENERATED;
use crate::services::Services;

/// After so many attempts at one step nobody waits for the target any more: the request fails, or is `unknown`.
const MAX_ATTEMPTS: u32 = 40;

/// After so many leases on a server that lacks the tool or the master key nobody waits for one that has them.
const MAX_UNABLE: u32 = 10;

/// The longest a target's own word keeps an executor away: GitHub's rate limits start anew within an hour.
const MAX_RETRY_AFTER: Millis = Millis::from_secs(3600);

/// A step this worker has intended under its present lease and not yet attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    pub(super) number: u32,
    pub(super) attempts: u32,
}

struct Advance<'a> {
    services: &'a Services,
    snapshot: &'a RequestSnapshot,
    lease: &'a Lease,
    call: Call,
    plan: Plan,
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
        let request = &snapshot.request;
        let sealed = snapshot.sealed.iter().find(|sealed| sealed.purpose == GENERATED);
        let open = |sealed| services.sealer.open(sealed, request.facts.id, request.revision);
        Ok(Self { tool: tool_of(services, call)?, secret: sealed.map(open).transpose()? })
    }
}

pub(super) async fn advance(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    fresh: &mut Option<Fresh>,
) -> Result<Turn, ServiceError> {
    let (call, plan) = stored(&snapshot.request)?;
    let work = Advance { services, snapshot, lease, call, plan };
    let undone = work.plan.steps.iter().find(|step| !work.is_done(step));
    let Some(step) = undone else { return work.finish().await };
    let means = match Means::of(services, snapshot, &work.call) {
        Ok(means) => means,
        Err(error) => return work.unable(&error).await,
    };
    let Some(progress) = snapshot.progress.step(step.number) else {
        return work.intend(step, fresh).await;
    };
    match &progress.state {
        StepState::NotDone if work.too_late() => {
            work.give_up("execution_too_late", "nothing was done by `execute_by`").await
        }
        StepState::NotDone if progress.attempts >= MAX_ATTEMPTS => {
            let last = "the target kept refusing for now, and nobody waits any longer";
            work.give_up("target_unreachable", last).await
        }
        StepState::NotDone => work.intend(step, fresh).await,
        StepState::Intended => {
            let mine = Fresh { number: step.number, attempts: progress.attempts };
            if progress.fence == lease.fence && fresh.take() == Some(mine) {
                work.perform(&means, step, progress).await
            } else {
                work.look_first(&means, step, progress).await
            }
        }
        StepState::Done { .. } => Ok(Turn::GoOn),
    }
}

impl Advance<'_> {
    fn is_done(&self, step: &Step) -> bool {
        self.snapshot.progress.step(step.number).is_some_and(|progress| match progress.state {
            StepState::Done { .. } => true,
            StepState::Intended | StepState::NotDone => false,
        })
    }

    fn context(&self) -> StepContext<'_> {
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

    async fn perform(
        &self,
        means: &Means,
        step: &Step,
        progress: &StepProgress,
    ) -> Result<Turn, ServiceError> {
        let work = self.context().work(step, means.secret.as_ref(), progress.intended_at);
        match means.tool.perform(work).await {
            StepOutcome::Done { receipt } => self.record_done(step, progress, receipt).await,
            StepOutcome::Transient { code, message, retry_after } => {
                self.retry_later(step, progress, code, &message, retry_after).await
            }
            // An earlier attempt that was never answered may have arrived since it was looked for, and be what is in the way now.
            StepOutcome::Permanent { code, message } if progress.attempts > 1 => {
                self.refused_again(means, step, progress, code, &message).await
            }
            StepOutcome::Permanent { code, message } => self.refused(step, progress, code, &message).await,
            StepOutcome::Unclear { code, message } => {
                tracing::warn!(
                    request = %self.snapshot.request.facts.id, step = step.number, code, message,
                    "a write was not answered; looking whether it happened"
                );
                Ok(Turn::Later(Due::After(Millis(200))))
            }
        }
    }

    async fn probe(&self, means: &Means, step: &Step, progress: &StepProgress) -> ProbeOutcome {
        means.tool.probe(self.context().work(step, means.secret.as_ref(), progress.intended_at)).await
    }

    /// Whether nothing is done and the time for it is over: no further attempt may begin.
    fn too_late(&self) -> bool {
        self.snapshot.progress.nothing_done() && self.is_over_at(self.snapshot.now)
    }

    fn is_over_at(&self, time: Timestamp) -> bool {
        self.snapshot.request.applying_until().is_ok_and(|until| time >= until)
    }

    /// Another server may have what this one lacks; when none comes along the request ends with what is on the record.
    async fn unable(&self, error: &ServiceError) -> Result<Turn, ServiceError> {
        if self.lease.attempts < MAX_UNABLE {
            tracing::error!(request = %self.snapshot.request.facts.id, %error, "this server can't go on with a request");
            return Ok(Turn::Later(backoff(self.lease.attempts)));
        }
        self.give_up(error.code(), &error.to_string()).await
    }

    async fn record_done(
        &self,
        step: &Step,
        progress: &StepProgress,
        receipt: Value,
    ) -> Result<Turn, ServiceError> {
        let done = progress.done(receipt, self.lease.fence, self.snapshot.now);
        self.put(step, &done, Turn::GoOn).await
    }

    /// Looks for the effect of an attempt that was never recorded.
    async fn look_first(
        &self,
        means: &Means,
        step: &Step,
        progress: &StepProgress,
    ) -> Result<Turn, ServiceError> {
        match self.probe(means, step, progress).await {
            ProbeOutcome::Done { receipt } => self.record_done(step, progress, receipt).await,
            ProbeOutcome::NotDone => self.put(step, &progress.not_done(self.lease.fence), Turn::GoOn).await,
            ProbeOutcome::CannotTell { why, retry: true } if self.lease.attempts < MAX_ATTEMPTS => {
                tracing::warn!(request = %self.snapshot.request.facts.id, why, "could not look for an effect");
                Ok(Turn::Later(backoff(self.lease.attempts)))
            }
            ProbeOutcome::CannotTell { why, .. } => self.give_up("effect_unknown", &why).await,
        }
    }

    async fn retry_later(
        &self,
        step: &Step,
        progress: &StepProgress,
        code: &'static str,
        message: &str,
        retry_after: Option<Millis>,
    ) -> Result<Turn, ServiceError> {
        let not_done = progress.not_done(self.lease.fence);
        let mut after = self.snapshot.progress.clone();
        after.put(not_done.clone());
        let pause =
            retry_after.map_or_else(|| pause_after(progress.attempts), |asked| asked.min(MAX_RETRY_AFTER));
        // The next attempt would begin too late: the target's own words are the best answer there will be.
        if after.nothing_done() && self.is_over_at(self.snapshot.now.plus(pause)) {
            return self.end(step, &not_done, code, message).await;
        }
        tracing::warn!(request = %self.snapshot.request.facts.id, step = step.number, code, message, "will retry");
        self.put(step, &not_done, Turn::Later(Due::After(pause))).await
    }

    async fn refused(
        &self,
        step: &Step,
        progress: &StepProgress,
        code: &'static str,
        message: &str,
    ) -> Result<Turn, ServiceError> {
        self.end(step, &progress.not_done(self.lease.fence), code, message).await
    }

    async fn refused_again(
        &self,
        means: &Means,
        step: &Step,
        progress: &StepProgress,
        code: &'static str,
        message: &str,
    ) -> Result<Turn, ServiceError> {
        match self.probe(means, step, progress).await {
            ProbeOutcome::Done { receipt } => self.record_done(step, progress, receipt).await,
            ProbeOutcome::NotDone => self.refused(step, progress, code, message).await,
            ProbeOutcome::CannotTell { why, .. } => self.give_up("effect_unknown", &why).await,
        }
    }

    /// Ends the attempts after a step that certainly changed nothing.
    async fn end(
        &self,
        step: &Step,
        not_done: &StepProgress,
        code: &str,
        message: &str,
    ) -> Result<Turn, ServiceError> {
        let request = &self.snapshot.request;
        let mut after = self.snapshot.progress.clone();
        after.put(not_done.clone());
        let ended = request.give_up(&after, code, words(message), self.snapshot.now);
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(request.facts.id, step, not_done);
        self.record_end(&mut draft, ended.map_err(|error| state_defect(request.facts.id, &error))?)?;
        commit(self.services, draft, Turn::Over).await
    }

    /// Ends the attempts with what is on the record.
    async fn give_up(&self, code: &str, message: &str) -> Result<Turn, ServiceError> {
        let request = &self.snapshot.request;
        let ended = request.give_up(&self.snapshot.progress, code, words(message), self.snapshot.now);
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        self.record_end(&mut draft, ended.map_err(|error| state_defect(request.facts.id, &error))?)?;
        commit(self.services, draft, Turn::Over).await
    }

    fn record_end(
        &self,
        draft: &mut crate::commit::Draft<'_>,
        ended: Transition,
    ) -> Result<(), ServiceError> {
        let settled = ended.after().state.is_settled();
        draft.record(ended)?;
        if settled {
            ownership::settle(draft, &self.snapshot.request, Verdict::Failed)?;
        }
        Ok(())
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

    async fn put(&self, step: &Step, progress: &StepProgress, then: Turn) -> Result<Turn, ServiceError> {
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(self.snapshot.request.facts.id, step, progress);
        commit(self.services, draft, then).await
    }
}
