//! The clock to execute, the steps, and what is made of an execution that can't go on.

use countersign_approvals::{
    ExpiredPhase, Progress, RequestEvent, Settled, SettledBy, State, StateName, StepState, Verdict,
};
use countersign_kernel::{Fault, Timestamp};
use serde_json::json;

use crate::fixture::*;

#[test]
fn the_executor_begins_before_the_deadline_or_not_at_all() {
    // Approved after 10 seconds, with 15 minutes to execute.
    let last = Timestamp::from_unix_micros(at(910).unix_micros() - 1);
    let start = approved().start(last).unwrap();
    assert_eq!(start.after().state, State::Applying { started_at: last, execute_by: at(910) });
    assert_eq!(start.event(), &RequestEvent::Applying);
    assert_eq!(approved().start(at(910)).unwrap_err().code(), "execution_too_late");
    // At the very same instant the clock may end it, and not before.
    assert_eq!(approved().expire_execution(last).unwrap_err().code(), "not_due");
    let expiry = approved().expire_execution(at(910)).unwrap();
    let phase = ExpiredPhase::Unexecuted;
    assert_eq!(expiry.after().state, State::Settled(Settled::Expired { at: at(910), phase }));
    assert_eq!(expiry.event(), &RequestEvent::Expired { phase });
}

#[test]
fn nobody_deciding_and_nobody_executing_are_told_apart() {
    let undecided = requested(1).expire_decision(at(3600)).unwrap();
    assert_eq!(undecided.event(), &RequestEvent::Expired { phase: ExpiredPhase::Undecided });
}

#[test]
fn deadlines_can_be_asked_for_in_their_states_only() {
    assert_eq!(approved().approved_until(), Ok(at(910)));
    assert_eq!(applying().applying_until(), Ok(at(910)));
    assert_eq!(applying().approved_until().unwrap_err().code(), "not_approved");
    assert_eq!(approved().applying_until().unwrap_err().code(), "not_applying");
}

#[test]
fn all_steps_done_is_applied_with_receipts_in_order() {
    let mut steps = progress("dd");
    steps.0.reverse();
    let end = applying().finish(&steps, STEPS, at(40)).unwrap();
    assert_eq!(end.after().state, State::Settled(Settled::Applied { at: at(40) }));
    let receipts = vec![json!({ "step": 1 }), json!({ "step": 2 })];
    assert_eq!(end.event(), &RequestEvent::Applied { by: SettledBy::Execution, receipts });
}

#[test]
fn every_step_has_to_be_done() {
    for steps in ["", "d", "i", "n", "di", "dn", "id", "nd", "ii"] {
        let refusal = applying().finish(&progress(steps), STEPS, at(40)).unwrap_err();
        assert_eq!(refusal.code(), "steps_left", "`{steps}`");
    }
}

#[test]
fn giving_up_is_failed_only_when_nothing_can_have_been_done() {
    let cases = [
        ("n", StateName::Failed),
        ("nn", StateName::Failed),
        ("i", StateName::Unknown),
        ("d", StateName::Unknown),
        ("dn", StateName::Unknown),
        ("di", StateName::Unknown),
        ("nd", StateName::Unknown),
        ("ni", StateName::Unknown),
    ];
    for (steps, expected) in cases {
        let end = applying().give_up(&progress(steps), "target_refused", text("409"), at(40)).unwrap();
        assert_eq!(end.after().state.name(), expected, "`{steps}`");
        match (expected, end.event()) {
            (StateName::Failed, RequestEvent::Failed { code, by: SettledBy::Execution, .. })
            | (StateName::Unknown, RequestEvent::Unknown { code, .. }) => assert_eq!(code, "target_refused"),
            (_, other) => panic!("`{steps}`: {other:?}"),
        }
    }
}

#[test]
fn what_is_unknown_is_not_settled_and_says_since_when() {
    match unknown().state {
        State::Unknown { since, code, reason } => {
            assert_eq!((since, code.as_str(), reason.as_str()), (at(30), "target_silent", "no answer"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!unknown().state.is_settled());
}

#[test]
fn doubt_ends_by_evidence_or_by_a_person_and_the_event_says_which() {
    let probe = SettledBy::Probe { evidence: json!({ "resourceVersion": "7" }) };
    let end = unknown().settle_unknown(Verdict::Applied, probe.clone(), &progress("dd"), at(50)).unwrap();
    assert_eq!(end.after().state, State::Settled(Settled::Applied { at: at(50) }));
    let receipts = vec![json!({ "step": 1 }), json!({ "step": 2 })];
    assert_eq!(end.event(), &RequestEvent::Applied { by: probe, receipts });

    let staff = SettledBy::Person { by: person(BOB), reason: text("looked there") };
    let end = unknown().settle_unknown(Verdict::Failed, staff.clone(), &progress("di"), at(50)).unwrap();
    let code = "target_silent".to_owned();
    let reason = text("no answer");
    assert_eq!(
        end.event(),
        &RequestEvent::Failed { code: code.clone(), reason: reason.clone(), by: staff, undone: Vec::new() }
    );
    assert_eq!(end.after().state, State::Settled(Settled::Failed { at: at(50), code, reason }));
}

#[test]
fn no_route_to_an_approver_is_undeliverable() {
    let end = requested(1).give_up_delivery(text("no channel left"), at(5)).unwrap();
    match end.event() {
        RequestEvent::Failed { code, by: SettledBy::Beforehand, .. } => assert_eq!(code, "undeliverable"),
        other => panic!("{other:?}"),
    }
    let end = approved().fail_before_start("database_not_ours", text("not ours"), at(20)).unwrap();
    match end.event() {
        RequestEvent::Failed { code, by: SettledBy::Beforehand, .. } => assert_eq!(code, "database_not_ours"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_step_keeps_its_first_intention_and_counts_its_attempts() {
    let mut steps = Progress::default();
    assert!(steps.nothing_done() && steps.step(1).is_none());
    let first = steps.intend(3, 1, 7, at(20));
    assert_eq!((first.revision, first.number, first.fence, first.attempts), (3, 1, 7, 1));
    assert_eq!((first.intended_at, first.done_at, &first.state), (at(20), None, &StepState::Intended));
    steps.put(first.clone());
    assert!(!steps.nothing_done(), "an intended step may have been done");

    steps.put(first.not_done(8));
    assert!(steps.nothing_done());
    assert_eq!((steps.0.len(), steps.step(1).unwrap().fence), (1, 8));

    let again = steps.intend(3, 1, 9, at(30));
    assert_eq!((again.intended_at, again.attempts, again.fence), (at(20), 2, 9));
    steps.put(again.done(json!({ "step": 1 }), 9, at(31)));
    assert_eq!(steps.step(1).unwrap().done_at, Some(at(31)));
    assert!(steps.all_done(1) && !steps.all_done(2) && !steps.nothing_done());

    steps.put(steps.intend(3, 2, 9, at(32)).done(json!({ "step": 2 }), 9, at(33)));
    assert_eq!(steps.receipts(), [json!({ "step": 1 }), json!({ "step": 2 })]);
}

#[test]
fn steps_stay_in_their_order_however_they_come() {
    let mut steps = Progress::default();
    for number in [2, 3, 1] {
        steps.put(steps.intend(1, number, 1, at(20)));
    }
    let numbers: Vec<_> = steps.0.iter().map(|step| step.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}
