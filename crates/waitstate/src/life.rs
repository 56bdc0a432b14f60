//! A run's life: registered, linked, waiting, ending, finished.

use countersign_kernel::{RequestId, Timestamp};

use crate::error::{RegisterError, RunError};
use crate::event::{FinishReason, RunEvent, RunTransition};
use crate::run::{MOST_OPEN_WAITS, Run, RunFacts, RunLinks, RunState, Timer};
use crate::wait::{Wait, WaitReason};
use crate::window::{CallWindow, Counted};

/// Registers a run; its budget runs from now.
pub fn register(facts: RunFacts, links: RunLinks, now: Timestamp) -> RunTransition {
    let deadline_at = now.plus(facts.budget);
    RunTransition::opening(Run {
        facts,
        links,
        registered_at: now,
        state: RunState::Live { timer: Timer::Running { deadline_at } },
        waits: Vec::new(),
        refusals: CallWindow::default(),
        idle_calls: CallWindow::default(),
        last_heartbeat_at: None,
        version: 1,
    })
}

impl Run {
    /// Whether registering again means this very run.
    ///
    /// # Errors
    /// A fact differs, or the run is over.
    pub fn check_same(&self, facts: &RunFacts) -> Result<(), RegisterError> {
        let mine = &self.facts;
        let differing = [
            (mine.agent_key != facts.agent_key, "agent_key"),
            (mine.run_label != facts.run_label, "run_label"),
            (mine.runtime_mode != facts.runtime_mode, "runtime_mode"),
            (mine.project != facts.project, "project"),
            (mine.repository != facts.repository, "repository"),
            (mine.namespace != facts.namespace, "namespace"),
            (mine.launched_by != facts.launched_by, "launched_by"),
            (mine.budget != facts.budget, "time budget"),
        ];
        if let Some((_, field)) = differing.into_iter().find(|(differs, _)| *differs) {
            return Err(RegisterError::OtherFacts { id: mine.id.clone(), field });
        }
        if self.is_live() { Ok(()) } else { Err(RegisterError::Ended { id: mine.id.clone() }) }
    }

    /// Adds an issue or pull request; `None` when nothing is new.
    ///
    /// # Errors
    /// The run has ended, or is linked to another one already.
    pub fn link(&self, links: &RunLinks) -> Result<Option<RunTransition>, RunError> {
        self.check_live()?;
        let mut after = self.clone();
        after.links.issue = self.joined("issue", self.links.issue, links.issue)?;
        after.links.pull_request =
            self.joined("pull request", self.links.pull_request, links.pull_request)?;
        if after.links == self.links {
            return Ok(None);
        }
        Ok(Some(RunTransition::of(self, after, RunEvent::Linked)))
    }

    /// Whether one more request may be opened: asked before anything is done for it.
    ///
    /// # Errors
    /// The run waits for as many as it may.
    pub fn check_room(&self) -> Result<(), RunError> {
        if self.waits.len() < MOST_OPEN_WAITS {
            Ok(())
        } else {
            Err(RunError::TooManyWaits { id: self.facts.id.clone(), count: self.waits.len() })
        }
    }

    /// Opens a wait; the first one pauses the budget.
    ///
    /// # Errors
    /// The run has ended, waits for this request already, or for as many as it may.
    pub fn open_wait(
        &self,
        request: RequestId,
        reason: WaitReason,
        now: Timestamp,
    ) -> Result<RunTransition, RunError> {
        let id = || self.facts.id.clone();
        let RunState::Live { timer } = &self.state else {
            return Err(RunError::Ended { id: id() });
        };
        if self.waits.iter().any(|wait| wait.request == request) {
            return Err(RunError::AlreadyWaiting { id: id(), request });
        }
        self.check_room()?;
        let (budget_left, since) = match timer {
            Timer::Running { deadline_at } => (deadline_at.since(now), now),
            Timer::Paused { budget_left, since } => (*budget_left, *since),
        };
        let mut after = self.clone();
        after.state = RunState::Live { timer: Timer::Paused { budget_left, since } };
        after.waits.push(Wait { request, reason, opened_at: now });
        let event = RunEvent::WaitPaused { request, reason, open_waits: after.waits.len(), budget_left };
        Ok(RunTransition::of(self, after, event))
    }

    /// Says that an open wait goes on for another reason; `None` when it is the same.
    ///
    /// # Errors
    /// The run doesn't wait for this request.
    pub fn change_wait(
        &self,
        request: RequestId,
        reason: WaitReason,
    ) -> Result<Option<RunTransition>, RunError> {
        let mut after = self.clone();
        let Some(wait) = after.waits.iter_mut().find(|wait| wait.request == request) else {
            return Err(RunError::NotWaiting { id: self.facts.id.clone(), request });
        };
        if wait.reason == reason {
            return Ok(None);
        }
        wait.reason = reason;
        Ok(Some(RunTransition::of(self, after, RunEvent::WaitChanged { request, reason })))
    }

    /// Closes a wait; when it was the last one of a live run, the budget runs again from what was left.
    ///
    /// # Errors
    /// The run doesn't wait for this request.
    pub fn close_wait(&self, request: RequestId, now: Timestamp) -> Result<RunTransition, RunError> {
        let mut after = self.clone();
        after.waits.retain(|wait| wait.request != request);
        if after.waits.len() == self.waits.len() {
            return Err(RunError::NotWaiting { id: self.facts.id.clone(), request });
        }
        after.state = match &self.state {
            RunState::Live { timer: Timer::Paused { budget_left, .. } } if after.waits.is_empty() => {
                RunState::Live { timer: Timer::Running { deadline_at: now.plus(*budget_left) } }
            }
            RunState::Live { .. } | RunState::Ending { .. } | RunState::Finished { .. } => self.state.clone(),
        };
        let event = RunEvent::WaitResumed { request, open_waits: after.waits.len() };
        Ok(RunTransition::of(self, after, event))
    }

    /// Begins the end: from here on the run's token is dead. A run that waits for nothing is finished at once.
    ///
    /// # Errors
    /// It has ended already, or the budget it is said to have spent is not spent.
    pub fn begin_end(&self, reason: FinishReason, now: Timestamp) -> Result<RunTransition, RunError> {
        self.check_live()?;
        let spent = self.deadline_at().is_some_and(|deadline| deadline <= now);
        if reason == FinishReason::BudgetExhausted && !spent {
            return Err(RunError::BudgetLeft { id: self.facts.id.clone(), until: self.deadline_at() });
        }
        if self.waits.is_empty() {
            return Ok(self.finished(reason, now));
        }
        let after = Self { state: RunState::Ending { since: now, reason }, ..self.clone() };
        Ok(RunTransition::of(self, after, RunEvent::Ending { reason }))
    }

    /// Completes the end, once no request of the run is open.
    ///
    /// # Errors
    /// It is not ending, or still waits.
    pub fn finish(&self, now: Timestamp) -> Result<RunTransition, RunError> {
        let id = || self.facts.id.clone();
        let reason = match &self.state {
            RunState::Ending { reason, .. } => *reason,
            RunState::Live { .. } | RunState::Finished { .. } => {
                return Err(RunError::NotEnding { id: id() });
            }
        };
        if !self.waits.is_empty() {
            return Err(RunError::StillWaiting { id: id(), count: self.waits.len() });
        }
        Ok(self.finished(reason, now))
    }

    /// Counts a refusal and says whether it is to be recorded by an event of its own.
    ///
    /// # Errors
    /// The run has ended.
    pub fn count_refusal(&self, now: Timestamp) -> Result<(RunTransition, Counted), RunError> {
        self.check_live()?;
        let (refusals, counted) = self.refusals.count(now);
        let after = Self { refusals, ..self.clone() };
        Ok((RunTransition::of(self, after, RunEvent::RefusalCounted), counted))
    }

    /// Counts a call that was answered and changed nothing, and says whether it is to be recorded by an event of its own.
    ///
    /// # Errors
    /// The run has ended.
    pub fn count_idle_call(&self, now: Timestamp) -> Result<(RunTransition, Counted), RunError> {
        self.check_live()?;
        let (idle_calls, counted) = self.idle_calls.count(now);
        let after = Self { idle_calls, ..self.clone() };
        Ok((RunTransition::of(self, after, RunEvent::IdleCallCounted), counted))
    }

    fn finished(&self, reason: FinishReason, now: Timestamp) -> RunTransition {
        let (suppressed_refusals, suppressed_idle_calls) =
            (self.refusals.suppressed, self.idle_calls.suppressed);
        let after = Self { state: RunState::Finished { at: now, reason }, ..self.clone() };
        let event = RunEvent::Finished { reason, suppressed_refusals, suppressed_idle_calls };
        RunTransition::of(self, after, event)
    }

    fn check_live(&self) -> Result<(), RunError> {
        if self.is_live() { Ok(()) } else { Err(RunError::Ended { id: self.facts.id.clone() }) }
    }

    fn joined(
        &self,
        what: &'static str,
        before: Option<u64>,
        added: Option<u64>,
    ) -> Result<Option<u64>, RunError> {
        match (before, added) {
            (Some(number), Some(other)) if number != other => {
                Err(RunError::LinkedElsewhere { id: self.facts.id.clone(), what, number })
            }
            (Some(number), _) => Ok(Some(number)),
            (None, added) => Ok(added),
        }
    }
}
