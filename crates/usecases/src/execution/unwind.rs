//! Taking back what earlier steps did when a later one failed for good: the last one first, each on the record before it is taken back.
//!
//! It always looks first whether a step is undone already, so that a crash in between repeats nothing. What can't be taken back, or was
//! changed by somebody else since, is `unknown`: a person has to look.

use countersign_approvals::{StepProgress, StepState};
use countersign_kernel::Millis;
use countersign_mcp_tools::{ProbeOutcome, SecretValue, Step, StepOutcome, UNDO_FAILED, UndoWork};
use serde_json::Value;

use super::advance::{Advance, At, Means, open_sealed};
use super::ending::MAX_ATTEMPTS;
use super::{Turn, backoff, commit_intention, draft_of, pause_after};
use crate::error::ServiceError;
use crate::port::Due;
use crate::seal::kept_by_step;

/// What was done and what it replaced.
struct Undo {
    receipt: Value,
    kept: Option<SecretValue>,
}

impl Advance<'_> {
    pub(super) async fn unwind(&self, means: &Means) -> Result<Turn, ServiceError> {
        let progress = &self.snapshot.progress;
        let under_way = progress.0.iter().find_map(|step| match &step.state {
            StepState::Undoing { receipt } => Some((step, receipt.clone())),
            StepState::Intended | StepState::NotDone | StepState::Done { .. } | StepState::Undone { .. } => {
                None
            }
        });
        let Some((progress, receipt)) = under_way else { return self.undo_next(means).await };
        let Some(step) = self.plan.steps.iter().find(|step| step.number == progress.number) else {
            return self.give_up(UNDO_FAILED, "a step that is being undone is not in the plan").await;
        };
        let at = At { means, step, progress };
        let kept = match open_sealed(self.services, self.snapshot, &kept_by_step(step.number)) {
            Ok(kept) => kept,
            Err(error) => return self.unable(&error).await,
        };
        if progress.fence != self.lease.fence {
            // Under an earlier lease it may have been tried: what was sent may be on its way, and trying again is intended anew.
            return match (self.wait_out(at).await?, progress.undoing(self.lease.fence)) {
                (Some(turn), _) => Ok(turn),
                (None, Some(again)) => self.intend_undo(step, &again).await,
                (None, None) => Ok(Turn::GoOn),
            };
        }
        self.undo(at, &Undo { receipt, kept }).await
    }

    /// Begins with the next step, or ends when there is none.
    async fn undo_next(&self, means: &Means) -> Result<Turn, ServiceError> {
        if let Some((step, undoing)) = self.next_to_undo(means, &self.snapshot.progress) {
            return self.intend_undo(step, &undoing).await;
        }
        match self.snapshot.progress.failure() {
            Some(failure) => self.give_up(&failure.code, failure.message.as_str()).await,
            None => self.give_up(UNDO_FAILED, "what was done could not all be undone").await,
        }
    }

    async fn undo(&self, at: At<'_>, undo: &Undo) -> Result<Turn, ServiceError> {
        match at.means.tool.probe_undo(self.undo_work(at, undo)).await {
            ProbeOutcome::Done { .. } => return self.record_undone(at).await,
            ProbeOutcome::NotDone if at.progress.attempts > MAX_ATTEMPTS => {
                return self.give_up(UNDO_FAILED, "undoing was refused again and again").await;
            }
            ProbeOutcome::NotDone => {}
            ProbeOutcome::CannotTell { why, retry: true } if self.lease.attempts < MAX_ATTEMPTS => {
                tracing::warn!(request = %self.snapshot.request.facts.id, why, "could not look whether a step is undone");
                return Ok(Turn::Later(backoff(self.lease.attempts)));
            }
            ProbeOutcome::CannotTell { why, .. } => return self.give_up(UNDO_FAILED, &why).await,
        }
        match at.means.tool.undo(self.undo_work(at, undo)).await {
            StepOutcome::Done { .. } => self.record_undone(at).await,
            StepOutcome::Transient { code, message, retry_after } => {
                tracing::warn!(request = %self.snapshot.request.facts.id, step = at.step.number, code, message, "will retry to undo");
                Ok(Turn::Later(Due::After(retry_after.unwrap_or_else(|| pause_after(at.progress.attempts)))))
            }
            StepOutcome::Permanent { message, .. } => self.give_up(UNDO_FAILED, &message).await,
            StepOutcome::Unclear { code, message } => {
                tracing::warn!(
                    request = %self.snapshot.request.facts.id, step = at.step.number, code, message,
                    "undoing was not answered; looking whether it happened"
                );
                Ok(Turn::Later(Due::After(Millis(200))))
            }
        }
    }

    fn undo_work<'w>(&'w self, at: At<'w>, undo: &'w Undo) -> UndoWork<'w> {
        UndoWork {
            step: self.context().work(at.step, at.means.secret.as_ref(), at.progress.intended_at),
            receipt: &undo.receipt,
            kept: undo.kept.as_ref(),
        }
    }

    async fn record_undone(&self, at: At<'_>) -> Result<Turn, ServiceError> {
        self.put(at.step, &at.progress.undone(self.lease.fence), Turn::GoOn).await
    }

    async fn intend_undo(&self, step: &Step, undoing: &StepProgress) -> Result<Turn, ServiceError> {
        let mut draft = draft_of(self.services, self.snapshot, self.lease);
        draft.put_step(self.snapshot.request.facts.id, step, undoing);
        commit_intention(self.services, draft, self.lease).await
    }
}
