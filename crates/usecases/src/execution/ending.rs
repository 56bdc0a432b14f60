//! How attempts end that did not succeed: tried again later, taken back, `failed` or `unknown`.

use countersign_approvals::{Progress, StepFailure, StepProgress, Transition, Verdict};
use countersign_kernel::{Fault, Millis};
use countersign_mcp_tools::{ProbeOutcome, Step};

use super::advance::{Advance, At, Means};
use super::begin::state_defect;
use super::{Turn, backoff, commit, commit_intention, draft_of, ownership, pause_after, words};
use crate::commit::Draft;
use crate::error::ServiceError;
use crate::port::Due;

/// After so many attempts at one step nobody waits for the target any more.
pub(super) const MAX_ATTEMPTS: u32 = 40;

/// After so many leases on a server that lacks the tool or the master key nobody waits for one that has them.
const MAX_UNABLE: u32 = 10;

/// The longest a target's own word keeps an executor away: GitHub's rate limits start anew within an hour.
const MAX_RETRY_AFTER: Millis = Millis::from_secs(3600);

impl Advance<'_> {
    pub(super) async fn retry_later(
        &self,
        at: At<'_>,
        code: &'static str,
        message: &str,
        retry_after: Option<Millis>,
    ) -> Result<Turn, ServiceError> {
        let failed = self.failed(at.progress, code, message);
        let pause =
            retry_after.map_or_else(|| pause_after(at.progress.attempts), |asked| asked.min(MAX_RETRY_AFTER));
        // The next attempt would begin too late: the target's own words are the best answer there will be.
        if self.with(&failed).nothing_done() && self.is_over_at(self.snapshot.now.plus(pause)) {
            return self.end(at, &failed, code, message).await;
        }
        tracing::warn!(request = %self.snapshot.request.facts.id, step = at.step.number, code, message, "will retry");
        self.put(at.step, &failed, Turn::Later(Due::After(pause))).await
    }

    pub(super) async fn refused(
        &self,
        at: At<'_>,
        code: &'static str,
        message: &str,
    ) -> Result<Turn, ServiceError> {
        self.end(at, &self.failed(at.progress, code, message), code, message).await
    }

    pub(super) async fn refused_again(
        &self,
        at: At<'_>,
        code: &'static str,
        message: &str,
    ) -> Result<Turn, ServiceError> {
        match self.probe(at).await {
            ProbeOutcome::Done { receipt } => self.record_done(at, receipt).await,
            ProbeOutcome::NotDone => self.refused(at, code, message).await,
            ProbeOutcome::CannotTell { why, .. } => self.give_up("effect_unknown", &why).await,
        }
    }

    /// Nothing was done in time: ends with what the target said last, if it said anything.
    pub(super) async fn end_too_late(&self) -> Result<Turn, ServiceError> {
        match self.snapshot.progress.failure() {
            Some(failure) => self.give_up(&failure.code, failure.message.as_str()).await,
            None => self.give_up("execution_too_late", "nothing was done by `execute_by`").await,
        }
    }

    /// The target refused for now, so often that nobody waits any longer.
    pub(super) async fn end_tired(&self, at: At<'_>) -> Result<Turn, ServiceError> {
        let message = "the target kept refusing for now, and nobody waits any longer";
        self.end(at, at.progress, "target_unreachable", message).await
    }

    /// This server can't go on. Another one may have what it lacks; after some leases it ends with what is on the record.
    pub(super) async fn unable(&self, error: &ServiceError) -> Result<Turn, ServiceError> {
        if self.lease.attempts < MAX_UNABLE {
            tracing::error!(request = %self.snapshot.request.facts.id, %error, "this server can't go on with a request");
            return Ok(Turn::Later(backoff(self.lease.attempts)));
        }
        self.give_up(error.code(), &error.to_string()).await
    }

    /// Ends the attempts after a step that certainly changed nothing: takes back what earlier steps did where all of that can be, else gives
    /// up.
    async fn end(
        &self,
        at: At<'_>,
        not_done: &StepProgress,
        code: &str,
        message: &str,
    ) -> Result<Turn, ServiceError> {
        let request = &self.snapshot.request;
        let after = self.with(not_done);
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(request.facts.id, at.step, not_done);
        if let Some((step, undoing)) = self.next_to_undo(at.means, &after) {
            draft.put_step(request.facts.id, step, &undoing);
            return commit_intention(self.services, draft, self.lease).await;
        }
        let ended = request.give_up(&after, code, words(message), self.snapshot.now);
        self.record_end(&mut draft, ended.map_err(|error| state_defect(request.facts.id, &error))?)?;
        commit(self.services, draft, Turn::Over).await
    }

    /// The step to take back next; `None` when nothing is done, when something is in doubt, or when not all of it can be taken back.
    pub(super) fn next_to_undo(&self, means: &Means, progress: &Progress) -> Option<(&Step, StepProgress)> {
        let step_of = |number| self.plan.steps.iter().find(|step| step.number == number);
        let undoable = |done: &StepProgress| step_of(done.number).is_some_and(|step| means.tool.undoes(step));
        if progress.in_doubt() || !progress.done_last_first().all(undoable) {
            return None;
        }
        let last = progress.done_last_first().next()?;
        Some((step_of(last.number)?, last.undoing(self.lease.fence)?))
    }

    /// Ends the attempts with what is on the record.
    pub(super) async fn give_up(&self, code: &str, message: &str) -> Result<Turn, ServiceError> {
        let request = &self.snapshot.request;
        let ended = request.give_up(&self.snapshot.progress, code, words(message), self.snapshot.now);
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        self.record_end(&mut draft, ended.map_err(|error| state_defect(request.facts.id, &error))?)?;
        commit(self.services, draft, Turn::Over).await
    }

    fn record_end(&self, draft: &mut Draft<'_>, ended: Transition) -> Result<(), ServiceError> {
        let settled = ended.after().state.is_settled();
        draft.record(ended)?;
        if settled {
            ownership::settle(draft, &self.snapshot.request, Verdict::Failed)?;
        }
        Ok(())
    }

    fn failed(&self, progress: &StepProgress, code: &str, message: &str) -> StepProgress {
        let failure = StepFailure { code: code.to_owned(), message: words(message) };
        progress.failed(failure, self.lease.fence)
    }

    fn with(&self, step: &StepProgress) -> Progress {
        let mut after = self.snapshot.progress.clone();
        after.put(step.clone());
        after
    }
}
