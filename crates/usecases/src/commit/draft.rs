//! Drafting a commit: domain transitions go in, and each brings its state, its audit event, its wait change and its work **together**.
//!
//! There is no way to put a state into a commit without its event: the rows are private, and every method here takes a transition or a
//! note. A new event of a domain does not compile until it has its audit entry (exhaustive `match`, no `_`).

use countersign_approvals::{ActionRequest, StepProgress, Transition};
use countersign_audit::{AuditEvent, EntryError, EventType, Pseudonym, Salt};
use countersign_kernel::{Actor, Digest, RequestId, Timestamp};
use countersign_mcp_tools::{DecodeError, Finding, Step};
use countersign_waitstate::{Outcome, Run, RunError, RunTransition};
use serde_json::Value;

use super::{
    Commit, CommitRecords, DatabaseEvent, DatabaseWrite, Guard, Mark, OutcomeMark, Versioned, WorkWrite,
    database_event, request_event, run_event,
};
use crate::port::{Ids, WorkKind, WorkSubject};
use crate::record::{
    EventRecord, Kept, LinkRecord, OutcomeRecord, OwnerRow, PolicyRecord, PrincipalRecord, RequestRecord,
    RunRecord, SealedRecord, SearchRecord, Stamp, StepRecord, VoteRecord, WaitRecord,
};

/// Who acts, when, and under which policy: what every event of a commit has in common.
pub struct DraftContext<'a> {
    /// Makes the ids and salts.
    pub ids: Ids<'a>,
    /// The snapshot's time.
    pub now: Timestamp,
    /// Who acts.
    pub actor: Actor,
    /// What the log calls the actor.
    pub pseudonym: Pseudonym,
    /// The active policy text.
    pub policy: Option<Digest>,
    /// The row that gives the actor a pseudonym, when it has none yet.
    pub new_principal: Option<PrincipalRecord>,
}

/// A commit can't be drafted.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// An event has no log entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The run can't follow its request.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A stored plan can't be read.
    #[error(transparent)]
    Plan(#[from] DecodeError),
}

/// A commit in the making.
pub struct Draft<'a> {
    pub(super) context: DraftContext<'a>,
    pub(super) records: CommitRecords,
    run: Option<Run>,
    /// Runs this commit is about as well, as it will leave them.
    other_runs: Vec<Run>,
}

/// What an event is about.
pub(super) struct Subject<'s> {
    pub(super) run: Option<&'s Run>,
    pub(super) request: Option<&'s ActionRequest>,
}

impl<'a> Draft<'a> {
    /// An empty commit by this actor at this time.
    pub fn new(context: DraftContext<'a>) -> Self {
        let mut records = CommitRecords::empty(context.ids.commit());
        records.principals.extend(context.new_principal.clone());
        Self { context, records, run: None, other_runs: Vec::new() }
    }

    /// The same, about a run that was loaded.
    pub fn about(context: DraftContext<'a>, run: &Run) -> Self {
        Self { run: Some(run.clone()), ..Self::new(context) }
    }

    /// Goes on about another run that was loaded. One this commit was about before is taken up as the commit will leave it.
    pub fn turn_to(&mut self, run: &Run) {
        let known = self.other_runs.iter().position(|other| other.facts.id == run.facts.id);
        let next = match (&self.run, known) {
            (Some(present), _) if present.facts.id == run.facts.id => return,
            (_, Some(place)) => self.other_runs.swap_remove(place),
            (_, None) => run.clone(),
        };
        self.other_runs.extend(self.run.replace(next));
    }

    /// The run as this commit will leave it.
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The snapshot's time.
    pub fn now(&self) -> Timestamp {
        self.context.now
    }

    /// Adds a condition.
    pub fn guard(&mut self, guard: Guard) {
        self.records.guards.push(guard);
    }

    /// Records a change of a request with everything that belongs to it.
    ///
    /// # Errors
    /// An event has no log entry, or the run can't follow.
    pub fn record(&mut self, transition: Transition) -> Result<(), DraftError> {
        self.put_request(&transition);
        request_event::record(self, &transition)
    }

    /// Records a change of the run with everything that belongs to it.
    ///
    /// # Errors
    /// An event has no log entry.
    pub fn record_run(&mut self, transition: RunTransition) -> Result<(), DraftError> {
        let before_version = transition.before_version();
        let row = RunRecord::from(transition.after());
        match self.records.runs.iter_mut().find(|run| run.row.run_id == row.run_id) {
            // Several transitions of one run in one commit: the version that must still be stored is that of the first.
            Some(earlier) => earlier.row = row,
            None => self.records.runs.push(Versioned { expected: before_version, row }),
        }
        self.run = Some(transition.after().clone());
        run_event::record(self, &transition)
    }

    /// Records a change of a kept database with everything that belongs to it, on condition that its row is as it was loaded.
    ///
    /// # Errors
    /// The event has no log entry.
    pub fn record_database(
        &mut self,
        row: &OwnerRow,
        kept: &Kept,
        event: &DatabaseEvent<'_>,
    ) -> Result<(), DraftError> {
        database_event::record(self, row, kept, event)
    }

    /// Records what changed no state.
    ///
    /// # Errors
    /// The event has no log entry.
    pub fn note(&mut self, note: super::NoteEvent<'_>) -> Result<(), DraftError> {
        let (event_type, request, detail) = note.into_parts();
        let run = self.run.clone();
        self.event(event_type, Subject { run: run.as_ref(), request }, detail)
    }

    /// Records that a target is not as it was left, or is on no record, linked to the request that it is known by.
    ///
    /// # Errors
    /// The event has no log entry.
    pub fn note_bypass(
        &mut self,
        request: Option<&ActionRequest>,
        target: &str,
        finding: &Finding,
    ) -> Result<(), DraftError> {
        self.note(super::NoteEvent::BypassDetected { request, target, finding })?;
        let event = self.records.events.last().map(|event| event.event_id.clone());
        if let (Some(event), Some(request)) = (event, request) {
            self.link(("event", event), ("request", request.facts.id.to_string()));
        }
        Ok(())
    }

    /// Records how far a step has come.
    pub fn put_step(&mut self, request: RequestId, step: &Step, progress: &StepProgress) {
        self.records.steps.push(StepRecord::of(request, &step.kind, &step.target, progress));
    }

    /// Keeps a sealed value until the request settles.
    pub fn seal(&mut self, sealed: SealedRecord) {
        self.records.sealed.push(sealed);
    }

    /// Changes an owner row.
    pub fn write_database(&mut self, write: DatabaseWrite) {
        self.records.databases.push(write);
    }

    /// Activates a policy text.
    pub fn put_policy(&mut self, policy: PolicyRecord) {
        self.records.policies.push(policy);
    }

    /// Marks an outcome in the inbox.
    pub fn mark_outcome(&mut self, outcome: &Outcome, mark: Mark) {
        self.records.outcome_marks.push(OutcomeMark {
            run_id: outcome.run.to_string(),
            request_id: outcome.request.to_string(),
            mark,
            at: Stamp(self.context.now),
        });
    }

    /// Has work done later.
    pub fn schedule(&mut self, kind: WorkKind, subject: WorkSubject, due: Timestamp) {
        self.records.work.push(WorkWrite::Schedule { kind, subject, due_at: Stamp(due) });
    }

    /// Takes work off the queue.
    pub fn unschedule(&mut self, kind: WorkKind, subject: WorkSubject) {
        self.records.work.push(WorkWrite::Remove { kind, subject });
    }

    /// The commit.
    pub fn finish(self) -> Commit {
        Commit { records: self.records }
    }

    fn put_request(&mut self, transition: &Transition) {
        let row = RequestRecord::from(transition.after());
        match self.records.requests.iter_mut().find(|request| request.row.request_id == row.request_id) {
            Some(earlier) => earlier.row = row,
            None => self.records.requests.push(Versioned { expected: transition.before_version(), row }),
        }
    }

    pub(super) fn event(
        &mut self,
        event_type: EventType,
        subject: Subject<'_>,
        detail: Value,
    ) -> Result<(), DraftError> {
        let request = subject.request;
        let project = request
            .map(|request| &request.facts.project)
            .or(subject.run.map(|run| &run.facts.project))
            .cloned();
        let event = AuditEvent {
            id: self.context.ids.event(),
            at: self.context.now,
            event_type,
            actor: self.context.actor.clone(),
            actor_pseudonym: self.context.pseudonym.clone(),
            run: request.map(|request| &request.facts.run).or(subject.run.map(|run| &run.facts.id)).cloned(),
            request: request.map(|request| request.facts.id),
            correlation_id: request.map(|request| request.facts.correlation_id),
            project,
            policy_digest: request.map(|request| request.proposal.policy_digest).or(self.context.policy),
            plan_digest: request.map(|request| request.proposal.plan_digest),
            detail,
            salt: Salt::from_random(self.context.ids.bytes()),
        };
        self.records.events.push(EventRecord::of(&event)?);
        Ok(())
    }

    /// An event about a database: it belongs to a project, to no run and no request.
    pub(super) fn event_of_database(
        &mut self,
        event_type: EventType,
        row: &OwnerRow,
        detail: Value,
    ) -> Result<(), DraftError> {
        let event = AuditEvent {
            id: self.context.ids.event(),
            at: self.context.now,
            event_type,
            actor: self.context.actor.clone(),
            actor_pseudonym: self.context.pseudonym.clone(),
            run: None,
            request: None,
            correlation_id: None,
            project: Some(row.project.clone()),
            policy_digest: self.context.policy,
            plan_digest: None,
            detail,
            salt: Salt::from_random(self.context.ids.bytes()),
        };
        self.records.events.push(EventRecord::of(&event)?);
        Ok(())
    }

    pub(super) fn link(&mut self, from: (&str, String), to: (&str, String)) {
        self.records.links.push(LinkRecord {
            from_kind: from.0.to_owned(),
            from_id: from.1,
            to_kind: to.0.to_owned(),
            to_id: to.1,
        });
    }

    /// The words by which this request is found from now on.
    pub(super) fn put_words(&mut self, request: &ActionRequest) -> Result<(), DraftError> {
        let run = self.run.as_ref().filter(|run| run.facts.id == request.facts.run);
        self.records.search.push(SearchRecord::of(request, run)?);
        Ok(())
    }

    pub(super) fn put_vote(&mut self, request: RequestId, vote: &countersign_approvals::Vote) {
        self.records.votes.push(VoteRecord::of(request, vote));
    }

    pub(super) fn put_wait(&mut self, wait: WaitRecord) {
        self.records.waits.retain(|other| other.request_id != wait.request_id);
        self.records.waits.push(wait);
    }

    pub(super) fn put_outcome(&mut self, outcome: &Outcome) {
        self.records.outcomes.push(OutcomeRecord::from(outcome));
    }
}
