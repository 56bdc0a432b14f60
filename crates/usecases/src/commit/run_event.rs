//! What each event of a run brings into a commit: its audit event, its waits, its links, its work.

use countersign_audit::EventType;
use countersign_waitstate::{Run, RunEvent, RunTransition};
use serde_json::json;

use super::draft::{Draft, DraftError, Subject};
use crate::port::{WorkKind, WorkSubject};
use crate::record::{Stamp, WaitRecord};

pub(super) fn record(draft: &mut Draft<'_>, transition: &RunTransition) -> Result<(), DraftError> {
    let run = transition.after();
    schedule_end(draft, run);
    let (event_type, detail) = match transition.event() {
        RunEvent::Registered => {
            link(draft, run);
            (EventType::RunRegistered, registered_detail(run))
        }
        RunEvent::Linked => {
            link(draft, run);
            (EventType::RunLinked, json!({"issue": run.links.issue, "pull_request": run.links.pull_request}))
        }
        RunEvent::WaitPaused { request, reason, open_waits, budget_left } => {
            put_open_wait(draft, run, *request);
            let detail = json!({
                "request": request.to_string(), "wait_state": reason.state().as_str(),
                "wait_reason": reason.as_str(), "open_waits": open_waits, "budget_left_ms": budget_left.0,
            });
            (EventType::RunWaitPaused, detail)
        }
        RunEvent::WaitResumed { request, open_waits } => {
            let detail = json!({
                "request": request.to_string(), "open_waits": open_waits,
                "deadline_at": run.deadline_at().map(|at| at.to_string()),
            });
            (EventType::RunWaitResumed, detail)
        }
        RunEvent::Ending { reason } => {
            let detail = json!({"reason": reason.as_str(), "open_waits": run.waits.len(), "settled": false});
            (EventType::RunFinished, detail)
        }
        RunEvent::Finished { reason, suppressed_refusals, suppressed_idle_calls } => {
            let detail = json!({
                "reason": reason.as_str(), "settled": true, "suppressed_refusals": suppressed_refusals,
                "suppressed_idle_calls": suppressed_idle_calls,
            });
            (EventType::RunFinished, detail)
        }
        RunEvent::WaitChanged { request, .. } => {
            // The request's own event, recorded in this same commit, says why.
            put_open_wait(draft, run, *request);
            return Ok(());
        }
        RunEvent::RefusalCounted | RunEvent::IdleCallCounted => return Ok(()),
    };
    draft.event(event_type, Subject { run: Some(run), request: None }, detail)
}

/// The work that ends the run: at the deadline while its budget runs, never while it waits, at once while it is ending.
fn schedule_end(draft: &mut Draft<'_>, run: &Run) {
    use countersign_waitstate::RunState;
    let subject = WorkSubject::run(&run.facts.id);
    draft.drop_scheduled(WorkKind::EndRun, &subject);
    match &run.state {
        RunState::Live { .. } => match run.deadline_at() {
            Some(deadline) => draft.schedule(WorkKind::EndRun, subject, deadline),
            None => draft.unschedule(WorkKind::EndRun, subject),
        },
        RunState::Ending { since, .. } => {
            // Anew, so that a worker that just found nothing to do here can't take this row off the queue.
            draft.unschedule(WorkKind::EndRun, subject.clone());
            draft.schedule(WorkKind::EndRun, subject, *since);
        }
        RunState::Finished { .. } => draft.unschedule(WorkKind::EndRun, subject),
    }
}

fn put_open_wait(draft: &mut Draft<'_>, run: &Run, request: countersign_kernel::RequestId) {
    if let Some(wait) = run.waits.iter().find(|wait| wait.request == request) {
        draft.put_wait(WaitRecord::open(run, wait));
    }
}

fn registered_detail(run: &Run) -> serde_json::Value {
    let facts = &run.facts;
    json!({
        "agent_key": facts.agent_key.as_str(), "run_label": facts.run_label.as_str(),
        "runtime_mode": facts.runtime_mode.as_str(),
        "repository": facts.repository.as_ref().map(|repository| repository.as_str()),
        "namespace": facts.namespace.as_ref().map(|namespace| namespace.as_str()),
        "launched_by": facts.launched_by.as_str(), "budget_ms": facts.budget.0,
        "issue": run.links.issue, "pull_request": run.links.pull_request,
    })
}

fn link(draft: &mut Draft<'_>, run: &Run) {
    let place = match &run.facts.repository {
        Some(repository) => repository.to_string(),
        None => run.facts.project.to_string(),
    };
    let run_id = run.facts.id.to_string();
    if let Some(issue) = run.links.issue {
        draft.link(("issue", format!("{place}#{issue}")), ("run", run_id.clone()));
    }
    if let Some(pull_request) = run.links.pull_request {
        draft.link(("pr", format!("{place}#{pull_request}")), ("run", run_id));
    }
}

impl Draft<'_> {
    /// Forgets what this draft said before about one work row: the last transition decides.
    pub(super) fn drop_scheduled(&mut self, kind: WorkKind, subject: &WorkSubject) {
        use super::WorkWrite;
        self.records.work.retain(|write| match write {
            WorkWrite::Schedule { kind: k, subject: s, .. } | WorkWrite::Remove { kind: k, subject: s } => {
                !(*k == kind && s == subject)
            }
        });
    }

    /// Closes the row of a wait.
    pub(super) fn close_wait_row(&mut self, run: &Run, request: countersign_kernel::RequestId) {
        if let Some(wait) = run.waits.iter().find(|wait| wait.request == request) {
            let closed_at = Some(Stamp(self.context.now));
            self.put_wait(WaitRecord { closed_at, ..WaitRecord::open(run, wait) });
        }
    }
}
