//! What is true of the rows after every commit, whatever happened.

use countersign_testkit::Rows;
use countersign_usecases::port::WorkKind;

/// The events of a request that say that its state changed (or that a vote was counted). Each is one version.
const STATE_EVENTS: [&str; 12] = [
    "approval.requested",
    "approval.voted",
    "approval.approved",
    "approval.denied",
    "approval.answered",
    "approval.expired",
    "approval.cancelled",
    "approval.drifted",
    "approval.applying",
    "approval.applied",
    "approval.failed",
    "approval.unknown",
];

const SETTLED: [&str; 6] = ["applied", "answered", "denied", "expired", "cancelled", "failed"];

/// Fails when the rows don't fit together.
pub(crate) fn check(rows: &Rows) {
    for request in &rows.requests {
        check_request(rows, request);
    }
    for run in &rows.runs {
        check_run(rows, run);
    }
    assert_eq!(rows.events.len(), rows.inbox.len(), "every event has its log entry");
}

fn check_request(rows: &Rows, request: &countersign_usecases::record::RequestRecord) {
    let id = &request.request_id;
    let events = rows.events.iter().filter(|event| {
        event.request_id.as_ref() == Some(id) && STATE_EVENTS.contains(&event.event_type.as_str())
    });
    let types: Vec<_> = events.clone().map(|event| event.event_type.as_str()).collect();
    // A plan that drifted and that policy approves anew has two events: that it drifted, and the approval of the new plan.
    let approved_anew = events.filter(|event| event.detail["asks_again"] == false).count();
    let transitions = i64::try_from(types.len() - approved_anew);
    assert_eq!(transitions, Ok(request.version), "one event per transition of {id}: {types:?}");
    let settled = SETTLED.contains(&request.state.as_str());
    let waits: Vec<_> = rows.waits.iter().filter(|wait| wait.request_id == *id).collect();
    assert_eq!(waits.len(), 1, "one wait of {id}");
    assert_eq!(waits[0].closed_at.is_some(), settled, "the wait of {id}, which is {}", request.state);
    let outcomes: Vec<_> = rows.outcomes.iter().filter(|outcome| outcome.request_id == *id).collect();
    assert_eq!(outcomes.len(), usize::from(settled), "outcomes of {id}, which is {}", request.state);
    assert!(outcomes.iter().all(|outcome| outcome.status == request.state), "the outcome of {id}");
    assert_eq!(request.open_intent, !settled && request.call_key_hash.is_none(), "the open intent of {id}");
    let sealed = rows.sealed.iter().filter(|sealed| sealed.request_id == *id).count();
    let began = matches!(request.state.as_str(), "applying" | "unknown");
    assert!(sealed == 0 || began, "{id} is {} and keeps a sealed value", request.state);
    if settled {
        let work: Vec<_> = rows.work.iter().filter(|work| work.subject.as_str() == id).collect();
        assert!(work.is_empty(), "{id} is {} and has work: {work:?}", request.state);
        let intended = rows.steps.iter().any(|step| step.request_id == *id && step.state == "intended");
        assert!(!intended, "{id} is {} and a step of it still blocks its target", request.state);
    }
}

fn check_run(rows: &Rows, run: &countersign_usecases::record::RunRecord) {
    let id = &run.run_id;
    let open = rows.waits.iter().filter(|wait| wait.run_id == *id && wait.closed_at.is_none()).count();
    let opened = rows.waits.iter().filter(|wait| wait.run_id == *id).count();
    let count = |event_type: &str| {
        rows.events
            .iter()
            .filter(|event| event.run_id.as_ref() == Some(id) && event.event_type == event_type)
            .count()
    };
    assert_eq!(count("run.registered"), 1, "registrations of {id}");
    assert_eq!(count("run.wait.paused"), opened, "waits of {id}");
    assert_eq!(count("run.wait.resumed"), opened - open, "closed waits of {id}");
    let end = rows.work.iter().find(|work| work.kind == WorkKind::EndRun && work.subject.as_str() == id);
    match run.status.as_str() {
        "running" => {
            assert_eq!(open, 0, "{id} runs and waits");
            assert!(run.deadline_at.is_some() && run.budget_left_ms.is_none(), "the budget of {id} runs");
            // Later than the deadline when the store was away as it was due.
            let ended = end.map(|work| work.due_at) >= run.deadline_at.map(|at| at.0);
            assert!(ended, "who ends {id}: {end:?}");
        }
        "waiting" => {
            assert!(open > 0, "{id} waits for nothing");
            assert!(
                run.deadline_at.is_none() && run.budget_left_ms.is_some(),
                "the budget of {id} is paused"
            );
            assert!(run.timeout_guard_disabled, "{id} shows that its timeout is off");
            assert!(end.is_none(), "{id} waits and would be ended");
        }
        "ending" => assert!(open > 0, "{id} is ending and has nothing to wait for"),
        "finished" => {
            assert_eq!(open, 0, "{id} is finished and waits");
            assert!(end.is_none(), "{id} is finished and would be ended");
        }
        other => panic!("{id} is `{other}`"),
    }
}
