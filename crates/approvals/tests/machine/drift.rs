//! A target or policy that changed between approval and the first step.

use countersign_approvals::{
    ActionRequest, Choice, Decided, RequestEvent, Settled, SettledBy, State, StateName,
};
use countersign_kernel::{Fault, Millis, Terms};

use crate::fixture::*;

/// Approved by Bob, whatever plan it is at.
fn approve(request: &ActionRequest, number: u32, secs: u64) -> ActionRequest {
    let ballot = ballot(BOB, Choice::Approve, plan(number));
    after(&counted(request.decide(ballot, &everybody(), at(secs)).unwrap()))
}

#[test]
fn asks_again_with_fresh_terms_and_a_fresh_clock() {
    let stricter = Terms { decide_within: Millis::from_secs(60), ..terms(2) };
    let drift = approved().drift(proposal(2, stricter.clone()), at(100)).unwrap();
    let before = Box::new(approved().proposal);
    assert_eq!(drift.event(), &RequestEvent::Drifted { approved: before, now: plan(2), asks_again: true });
    let request = drift.after();
    assert_eq!(request.state, State::Requested { decide_by: at(160) });
    assert_eq!((request.revision, request.votes.len()), (2, 0));
    assert_eq!(request.proposal, proposal(2, stricter));
    assert_eq!(request.facts, facts(None));
}

#[test]
fn votes_on_the_old_revision_are_void() {
    let request = after(&approved().drift(proposal(2, terms(2)), at(100)).unwrap());
    // Bob approved the old plan. Said again, it counts once, and only of the new plan.
    let stale = request.decide(yes(BOB), &everybody(), at(110)).unwrap_err();
    assert_eq!(stale.code(), "plan_changed");
    assert!(stale.to_string().contains("revision 2"), "{stale}");
    let first =
        counted(request.decide(ballot(CAROL, Choice::Approve, plan(2)), &everybody(), at(110)).unwrap());
    assert!(matches!(first.event(), RequestEvent::Voted { approvals: 1, .. }));
    assert_eq!(first.after().votes[0].revision, 2);
    let second = approve(first.after(), 2, 120);
    assert_eq!(second.state, State::Approved { approved_at: at(120), execute_by: at(1020) });
}

#[test]
fn an_approve_of_the_old_plan_is_no_repeat_once_it_drifted() {
    let again = after(&approved().drift(proposal(2, terms(1)), at(100)).unwrap());
    let fresh = again.decide(ballot(BOB, Choice::Approve, plan(2)), &everybody(), at(110)).unwrap();
    assert_ne!(fresh, Decided::Repeat);
}

#[test]
fn a_late_decision_is_late_by_the_new_clock() {
    let again = after(&approved().drift(proposal(2, terms(1)), at(3000)).unwrap());
    let ballot = || ballot(BOB, Choice::Approve, plan(2));
    assert!(again.decide(ballot(), &everybody(), at(6599)).is_ok());
    assert_eq!(again.decide(ballot(), &everybody(), at(6600)).unwrap_err().code(), "decision_too_late");
}

#[test]
fn policy_alone_plans_anew_and_the_clock_to_execute_goes_on() {
    let drift = by_policy().drift(proposal(2, terms_of_policy()), at(100)).unwrap();
    let before = Box::new(by_policy().proposal);
    assert_eq!(drift.event(), &RequestEvent::Drifted { approved: before, now: plan(2), asks_again: false });
    assert_eq!(drift.after().state, State::Approved { approved_at: at(100), execute_by: at(900) });
    assert_eq!(drift.after().proposal.plan_digest, plan(2));
    assert_eq!(drift.after().revision, 2);
}

#[test]
fn the_fourth_time_it_fails() {
    for anew in [false, true] {
        let mut request = if anew { by_policy() } else { approved() };
        for time in 1..=3_u32 {
            let terms = if anew { terms_of_policy() } else { terms(1) };
            let secs = u64::from(time) * 100;
            request = after(&request.drift(proposal(time + 1, terms), at(secs)).unwrap());
            assert_eq!(request.revision, time + 1);
            if !anew {
                request = approve(&request, time + 1, secs + 10);
            }
            assert_eq!(request.state.name(), StateName::Approved);
        }
        let fourth = request.drift(proposal(5, terms(1)), at(400)).unwrap();
        match (&fourth.after().state, fourth.event()) {
            (
                State::Settled(Settled::Failed { at: when, code, .. }),
                RequestEvent::Failed { code: told, by: SettledBy::Beforehand, .. },
            ) => assert_eq!((*when, code.as_str(), told.as_str()), (at(400), "drifting", "drifting")),
            other => panic!("{other:?}"),
        }
        // What people last saw stays what is on record.
        assert_eq!(fourth.after().proposal.plan_digest, plan(4));
    }
}

#[test]
fn stricter_policy_denies_what_was_approved() {
    let denial = approved().deny_by_policy(text("no code-only writes"), at(100)).unwrap();
    match denial.event() {
        RequestEvent::Denied { vote: None, reason: Some(reason) } => {
            assert_eq!(reason.as_str(), "no code-only writes")
        }
        other => panic!("{other:?}"),
    }
    match &denial.after().state {
        State::Settled(Settled::Denied { by, .. }) => assert_eq!(by.to_string(), "policy"),
        other => panic!("{other:?}"),
    }
}
