//! The tables as far as requests and their run are concerned, and what has to hold of them after every commit.

use std::collections::BTreeMap;

use countersign_approvals::ActionRequest;
use countersign_audit::{Salt, decode_entry, verify_detail};
use countersign_usecases::commit::{Commit, WorkWrite};
use countersign_usecases::port::WorkKind;
use countersign_usecases::record::{
    EventRecord, OutcomeRecord, RequestBundle, RequestRecord, RunBundle, RunRecord, Stamp, VoteRecord,
    WaitRecord,
};
use countersign_waitstate::Run;
use serde_json::json;

/// The tables, as far as requests and their run are concerned.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) run: Option<RunRecord>,
    pub(crate) waits: BTreeMap<String, WaitRecord>,
    requests: BTreeMap<String, RequestRecord>,
    votes: BTreeMap<(String, i64, String), VoteRecord>,
    outcomes: BTreeMap<String, OutcomeRecord>,
    pub(crate) events: Vec<EventRecord>,
    work: BTreeMap<(WorkKind, String), Stamp>,
}

impl Rows {
    pub(crate) fn run(&self) -> Run {
        let mut waits: Vec<_> =
            self.waits.values().filter(|wait| wait.closed_at.is_none()).cloned().collect();
        waits.sort_by_key(|wait| (wait.opened_at, wait.request_id.clone()));
        RunBundle { run: self.run.clone().unwrap(), waits }.try_into().unwrap()
    }

    pub(crate) fn request(&self, id: &str) -> ActionRequest {
        let of_request = self.votes.values().filter(|vote| vote.request_id == id);
        let mut votes: Vec<_> = of_request.cloned().collect();
        votes.sort_by_key(|vote| vote.voted_at);
        RequestBundle { request: self.requests[id].clone(), votes }.try_into().unwrap()
    }

    /// Writes a commit as a ledger has to, and checks that each change of state in it brought its event.
    pub(crate) fn write(&mut self, commit: &Commit) {
        let records = commit.records();
        for request in &records.requests {
            let row = &request.row;
            let stored = self.requests.insert(row.request_id.clone(), row.clone());
            let before = stored.map_or(0, |row| row.version);
            assert_eq!(request.expected.unwrap_or(0), u64::try_from(before).unwrap());
            let about = |event: &&EventRecord| event.request_id.as_deref() == Some(&row.request_id);
            let told: Vec<_> = records.events.iter().filter(about).map(|event| &*event.event_type).collect();
            // Policy approving a changed plan anew is one transition told twice: that it drifted, and that it is approved.
            let twice = told.contains(&"approval.drifted") && told.contains(&"approval.approved");
            let events =
                told.iter().filter(|kind| kind.starts_with("approval.")).count() - usize::from(twice);
            assert_eq!(
                row.version - before,
                i64::try_from(events).unwrap(),
                "a transition without its event"
            );
        }
        for run in &records.runs {
            let before = self.run.replace(run.row.clone()).map_or(0, |row| row.version);
            assert_eq!(run.expected.unwrap_or(0), u64::try_from(before).unwrap());
        }
        for wait in &records.waits {
            self.waits.insert(wait.request_id.clone(), wait.clone());
        }
        for vote in &records.votes {
            self.votes.insert((vote.request_id.clone(), vote.revision, vote.principal.clone()), vote.clone());
        }
        for outcome in &records.outcomes {
            let earlier = self.outcomes.insert(outcome.request_id.clone(), outcome.clone());
            assert!(earlier.is_none(), "a second outcome of one request");
        }
        for work in &records.work {
            match work {
                WorkWrite::Schedule { kind, subject, due_at } => {
                    self.work.insert((*kind, subject.as_str().to_owned()), *due_at);
                }
                WorkWrite::Remove { kind, subject } => {
                    self.work.remove(&(*kind, subject.as_str().to_owned()));
                }
            }
        }
        for event in &records.events {
            let entry = decode_entry(event.entry.as_bytes()).unwrap();
            assert!(verify_detail(&entry, &event.detail, &Salt::parse(&event.salt).unwrap()));
            assert_eq!(
                (entry.event.to_string(), entry.event_type.as_str()),
                (event.event_id.clone(), &*event.event_type)
            );
        }
        self.events.extend(records.events.iter().cloned());
    }

    pub(crate) fn due(&self, kind: WorkKind, subject: &str) -> Option<Stamp> {
        self.work.get(&(kind, subject.to_owned())).copied()
    }

    /// What has to hold of the rows after every commit.
    pub(crate) fn check(&self) {
        for (id, request) in &self.requests {
            self.check_request(id, request);
        }
        self.check_run(self.run.as_ref().unwrap());
    }

    fn check_request(&self, id: &str, request: &RequestRecord) {
        let wait = &self.waits[id];
        let settled = !matches!(&*request.state, "requested" | "approved" | "applying" | "unknown");
        assert_eq!(wait.closed_at.is_some(), settled, "the wait of a request that is {}", request.state);
        assert_eq!(self.outcomes.get(id).is_some_and(|outcome| outcome.status == request.state), settled);
        if settled {
            assert!(self.work.keys().all(|(_, subject)| subject != id), "work is left of a settled request");
            return;
        }
        let due = |kind| self.due(kind, id);
        let waits_for = if request.payload_snapshot["question"].is_null() { "approval" } else { "question" };
        let expected = match &*request.state {
            "requested" => (None, request.decide_by, None, waits_for),
            "approved" => (due(WorkKind::Execute), None, request.execute_by, "execution"),
            "applying" => (due(WorkKind::Execute), None, None, "execution"),
            _ => (None, None, None, "execution"),
        };
        let clocks = (due(WorkKind::ExpireDecision), due(WorkKind::ExpireExecution));
        assert_eq!(
            (due(WorkKind::Execute), clocks.0, clocks.1, &*wait.reason),
            expected,
            "{}",
            request.state
        );
        let executes = matches!(&*request.state, "approved" | "applying");
        assert_eq!(
            due(WorkKind::Execute).is_some(),
            executes,
            "execution of a request that is {}",
            request.state
        );
        assert_eq!(due(WorkKind::Probe).is_some(), request.state == "unknown");
        if request.state == "applying" {
            self.check_effect(id, request);
        }
    }

    /// No effect without approval: the last word on this request is that exactly this plan was approved.
    fn check_effect(&self, id: &str, request: &RequestRecord) {
        let decides = |event: &&EventRecord| {
            event.request_id.as_deref() == Some(id)
                && matches!(&*event.event_type, "approval.approved" | "approval.drifted")
        };
        let word = self.events.iter().rfind(decides).expect("an effect of which nothing was ever approved");
        assert!(word.event_type == "approval.approved" || word.detail["asks_again"] == json!(false));
        assert_eq!(word.plan_digest.as_ref(), Some(&request.plan_digest), "another plan was approved");
    }

    fn check_run(&self, run: &RunRecord) {
        let open = self.waits.values().filter(|wait| wait.closed_at.is_none()).count();
        let end = self.due(WorkKind::EndRun, &run.run_id);
        match &*run.status {
            "running" => {
                assert_eq!((open, run.timeout_guard_disabled), (0, false));
                assert!(
                    run.deadline_at.is_some() && run.budget_left_ms.is_none() && run.wait_state.is_none()
                );
                assert_eq!(end, run.deadline_at, "the budget has no reader");
            }
            "waiting" => {
                assert!(open > 0 && run.timeout_guard_disabled, "{open} open waits");
                assert!(
                    run.deadline_at.is_none() && run.budget_left_ms.is_some() && run.wait_state.is_some()
                );
                assert_eq!(end, None, "something may end a run that waits");
            }
            "ending" => assert!(open > 0 && end.is_some() && run.deadline_at.is_none()),
            "finished" => assert!(open == 0 && end.is_none() && run.deadline_at.is_none()),
            other => panic!("`{other}` is no status"),
        }
    }
}
