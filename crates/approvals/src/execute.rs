//! Executing: drift, the clock to execute, applying, and what comes of it.

use countersign_kernel::{ApprovalMode, Principal, RedactedText, Timestamp};
use serde_json::Value;

use crate::error::{StateError, not_requested};
use crate::event::{RequestEvent, Transition};
use crate::progress::Progress;
use crate::request::{ActionRequest, Proposal};
use crate::state::{ExpiredPhase, Settled, State};

/// How often a changed target is asked about again before the request fails as `drifting`.
pub const MAX_DRIFTS: u32 = 3;

/// What settled a request that was being executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettledBy {
    /// The executor's own steps.
    Execution,
    /// What a probe saw.
    Probe {
        /// The evidence: names and versions, no secret.
        evidence: Value,
    },
    /// A person, with a reason.
    Person {
        /// Who.
        by: Principal,
        /// Why.
        reason: RedactedText,
    },
    /// The request never began.
    Beforehand,
}

/// What the truth about an `unknown` request turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it was done.
    Applied,
    /// None of it was done, or all was undone.
    Failed,
}

impl ActionRequest {
    /// Until when an approved request may be executed.
    ///
    /// # Errors
    /// It is not `approved`.
    pub fn approved_until(&self) -> Result<Timestamp, StateError> {
        match &self.state {
            State::Approved { execute_by, .. } => Ok(*execute_by),
            State::Requested { .. } | State::Applying { .. } | State::Unknown { .. } | State::Settled(_) => {
                Err(StateError::NotApproved { id: self.facts.id, state: self.state.name() })
            }
        }
    }

    /// Takes a changed plan or stricter terms in, before the first step: asks again, or lets policy approve anew, or gives up on a
    /// target that keeps changing.
    ///
    /// # Errors
    /// It is not `approved`.
    pub fn drift(&self, now_proposed: Proposal, now: Timestamp) -> Result<Transition, StateError> {
        let execute_by = self.approved_until()?;
        if self.revision > MAX_DRIFTS {
            let reason = RedactedText::from_storage(format!("the target changed {} times", self.revision));
            return Ok(self.failed("drifting", reason, now));
        }
        let asks_again = now_proposed.terms.mode != ApprovalMode::None;
        let event = RequestEvent::Drifted {
            approved: Box::new(self.proposal.clone()),
            now: now_proposed.plan_digest,
            asks_again,
        };
        let state = if asks_again {
            State::Requested { decide_by: now.plus(now_proposed.terms.decide_within) }
        } else {
            State::Approved { approved_at: now, execute_by }
        };
        let after = Self {
            proposal: now_proposed,
            revision: self.revision + 1,
            votes: Vec::new(),
            state,
            ..self.clone()
        };
        Ok(Transition::of(self, after, event))
    }

    /// Ends an approved request that did not begin in time.
    ///
    /// # Errors
    /// It is not `approved`, or there is time left.
    pub fn expire_execution(&self, now: Timestamp) -> Result<Transition, StateError> {
        let execute_by = self.approved_until()?;
        if now < execute_by {
            return Err(StateError::NotDue { id: self.facts.id, until: execute_by });
        }
        Ok(self.expired(ExpiredPhase::Unexecuted, now))
    }

    /// Ends an approved request that can't be done as things stand, before the first step.
    ///
    /// # Errors
    /// It is not `approved`.
    pub fn fail_before_start(
        &self,
        code: &str,
        reason: RedactedText,
        now: Timestamp,
    ) -> Result<Transition, StateError> {
        self.approved_until()?;
        Ok(self.failed(code, reason, now))
    }

    /// Begins: from here on a target may have been written to.
    ///
    /// # Errors
    /// It is not `approved`, or its time to execute is over.
    pub fn start(&self, now: Timestamp) -> Result<Transition, StateError> {
        let execute_by = self.approved_until()?;
        if now >= execute_by {
            return Err(StateError::TooLateToExecute { id: self.facts.id, until: execute_by });
        }
        let after = Self { state: State::Applying { started_at: now, execute_by }, ..self.clone() };
        Ok(Transition::of(self, after, RequestEvent::Applying))
    }

    /// Settles a request whose steps are all done.
    ///
    /// # Errors
    /// It is not `applying`, or a step is not done.
    pub fn finish(&self, progress: &Progress, steps: u32, now: Timestamp) -> Result<Transition, StateError> {
        self.applying_until()?;
        if !progress.all_done(steps) {
            return Err(StateError::StepsLeft { id: self.facts.id });
        }
        let event = RequestEvent::Applied { by: SettledBy::Execution, receipts: progress.receipts() };
        Ok(self.become_settled(Settled::Applied { at: now }, event))
    }

    /// Ends the attempts: `failed` when it is certain that nothing was done or all was undone, else `unknown`.
    ///
    /// # Errors
    /// It is not `applying`.
    pub fn give_up(
        &self,
        progress: &Progress,
        code: &str,
        reason: RedactedText,
        now: Timestamp,
    ) -> Result<Transition, StateError> {
        self.applying_until()?;
        if progress.nothing_done() {
            let settled = Settled::Failed { at: now, code: code.to_owned(), reason: reason.clone() };
            let undone = progress.undone_receipts();
            let event =
                RequestEvent::Failed { code: code.to_owned(), reason, by: SettledBy::Execution, undone };
            return Ok(self.become_settled(settled, event));
        }
        let state = State::Unknown { since: now, code: code.to_owned(), reason: reason.clone() };
        let after = Self { state, ..self.clone() };
        Ok(Transition::of(self, after, RequestEvent::Unknown { code: code.to_owned(), reason }))
    }

    /// Settles an `unknown` request by evidence or by a person.
    ///
    /// # Errors
    /// It is not `unknown`.
    pub fn settle_unknown(
        &self,
        verdict: Verdict,
        by: SettledBy,
        progress: &Progress,
        now: Timestamp,
    ) -> Result<Transition, StateError> {
        let (code, reason) = match &self.state {
            State::Unknown { code, reason, .. } => (code.clone(), reason.clone()),
            State::Settled(_) => return Err(not_requested(self.facts.id, &self.state)),
            State::Requested { .. } | State::Approved { .. } | State::Applying { .. } => {
                return Err(StateError::NotUnknown { id: self.facts.id, state: self.state.name() });
            }
        };
        Ok(match verdict {
            Verdict::Applied => {
                let event = RequestEvent::Applied { by, receipts: progress.receipts() };
                self.become_settled(Settled::Applied { at: now }, event)
            }

            Verdict::Failed => {
                let settled = Settled::Failed { at: now, code: code.clone(), reason: reason.clone() };
                let undone = progress.undone_receipts();
                self.become_settled(settled, RequestEvent::Failed { code, reason, by, undone })
            }
        })
    }

    /// Until when a request of which nothing is done yet may be tried again.
    ///
    /// # Errors
    /// It is not `applying`.
    pub fn applying_until(&self) -> Result<Timestamp, StateError> {
        match &self.state {
            State::Applying { execute_by, .. } => Ok(*execute_by),
            State::Requested { .. } | State::Approved { .. } | State::Unknown { .. } | State::Settled(_) => {
                Err(StateError::NotApplying { id: self.facts.id, state: self.state.name() })
            }
        }
    }

    pub(crate) fn failed(&self, code: &str, reason: RedactedText, now: Timestamp) -> Transition {
        let settled = Settled::Failed { at: now, code: code.to_owned(), reason: reason.clone() };
        let event = RequestEvent::Failed {
            code: code.to_owned(),
            reason,
            by: SettledBy::Beforehand,
            undone: Vec::new(),
        };
        self.become_settled(settled, event)
    }
}
