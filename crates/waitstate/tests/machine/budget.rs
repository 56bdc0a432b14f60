//! The time budget: spent while the run works, put aside while it waits.

use countersign_kernel::{Fault, Kind, Millis, Timestamp};
use countersign_waitstate::{FinishReason, RunEvent, RunState, Timer, WaitReason, register};

use crate::fixture::*;

fn paused(budget_left: Millis, since: Timestamp) -> RunState {
    RunState::Live { timer: Timer::Paused { budget_left, since } }
}

fn running(deadline_at: Timestamp) -> RunState {
    RunState::Live { timer: Timer::Running { deadline_at } }
}

#[test]
fn runs_from_the_registration() {
    let registration = register(facts(), links(), REGISTERED);
    assert_eq!((registration.before_version(), registration.event()), (None, &RunEvent::Registered));
    let run = registration.after();
    assert_eq!(run.state, running(at(600)));
    assert_eq!((run.deadline_at(), run.registered_at, run.version), (Some(at(600)), REGISTERED, 1));
    assert!(run.is_live() && run.waits.is_empty());
}

#[test]
fn is_put_aside_by_the_first_wait() {
    let wait = working().open_wait(request(1), WaitReason::Approval, at(100)).unwrap();
    let budget_left = Millis::from_secs(500);
    let (request, reason) = (request(1), WaitReason::Approval);
    assert_eq!(wait.event(), &RunEvent::WaitPaused { request, reason, open_waits: 1, budget_left });
    assert_eq!(wait.after().state, paused(budget_left, at(100)));
    assert_eq!(wait.after().deadline_at(), None);
}

#[test]
fn a_second_wait_takes_nothing_more() {
    let wait = waiting().open_wait(request(2), WaitReason::Question, at(5_000)).unwrap();
    let budget_left = Millis::from_secs(500);
    assert_eq!(wait.after().state, paused(budget_left, at(100)));
    match wait.event() {
        RunEvent::WaitPaused { open_waits: 2, budget_left: told, .. } => assert_eq!(*told, budget_left),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_waits_for_a_hundred_requests_and_no_more_until_one_is_settled() {
    let mut run = working();
    for number in 0..100 {
        assert_eq!(run.check_room(), Ok(()), "{number}");
        run = after(&run.open_wait(request(number), WaitReason::Approval, at(1)).unwrap());
    }
    let full = run.check_room().unwrap_err();
    assert_eq!((full.code(), full.kind()), ("too_many_open_requests", Kind::Exhausted));
    assert_eq!(run.open_wait(request(100), WaitReason::Question, at(2)).unwrap_err(), full);
    let room = run.close_wait(request(50), at(3)).unwrap();
    assert!(room.after().open_wait(request(100), WaitReason::Question, at(4)).is_ok());
}

#[test]
fn runs_again_when_the_last_wait_closes_whichever_that_is() {
    for (first, last) in [(1, 2), (2, 1)] {
        let one_left = waiting_for_two().close_wait(request(first), at(10_000)).unwrap();
        assert_eq!(one_left.event(), &RunEvent::WaitResumed { request: request(first), open_waits: 1 });
        assert_eq!(one_left.after().state, paused(Millis::from_secs(500), at(100)));
        assert_eq!(one_left.after().deadline_at(), None);
        let none_left = one_left.after().close_wait(request(last), at(20_000)).unwrap();
        assert_eq!(none_left.event(), &RunEvent::WaitResumed { request: request(last), open_waits: 0 });
        assert_eq!(none_left.after().state, running(at(20_500)));
    }
}

#[test]
fn what_is_left_is_what_was_worked_less() {
    // Works 100 s, waits 900 s, works 50 s, waits 1 s: 450 s are left.
    let run = after(&waiting().close_wait(request(1), at(1_000)).unwrap());
    let run = after(&run.open_wait(request(2), WaitReason::Question, at(1_050)).unwrap());
    let run = after(&run.close_wait(request(2), at(1_051)).unwrap());
    assert_eq!(run.state, running(at(1_501)));
}

#[test]
fn a_spent_budget_ends_the_run_at_its_deadline_and_not_before() {
    let last = Timestamp::from_unix_micros(at(600).unix_micros() - 1);
    let refusal = working().begin_end(FinishReason::BudgetExhausted, last).unwrap_err();
    assert_eq!(refusal.code(), "budget_left");
    assert!(refusal.to_string().contains(&at(600).to_string()), "{refusal}");
    let end = working().begin_end(FinishReason::BudgetExhausted, at(600)).unwrap();
    let reason = FinishReason::BudgetExhausted;
    assert_eq!(end.after().state, RunState::Finished { at: at(600), reason });
    assert_eq!(end.event(), &RunEvent::Finished { reason, suppressed_refusals: 0, suppressed_idle_calls: 0 });
}

#[test]
fn a_waiting_run_never_ends_for_its_budget() {
    for run in [waiting(), waiting_for_two()] {
        let refusal = run.begin_end(FinishReason::BudgetExhausted, at(1_000_000)).unwrap_err();
        assert_eq!(refusal.code(), "budget_left");
        assert_eq!(refusal.to_string(), "the budget of run `run-1` is not spent");
    }
}

#[test]
fn a_budget_that_was_all_spent_when_waiting_began_is_spent_when_it_ends() {
    let run = after(&working().open_wait(request(1), WaitReason::Approval, at(700)).unwrap());
    assert_eq!(run.state, paused(Millis(0), at(700)));
    let run = after(&run.close_wait(request(1), at(800)).unwrap());
    assert_eq!(run.state, running(at(800)));
    assert!(run.begin_end(FinishReason::BudgetExhausted, at(800)).is_ok());
}

#[test]
fn an_ended_run_has_no_deadline() {
    assert_eq!(
        (ending().deadline_at(), settled().deadline_at(), finished().deadline_at()),
        (None, None, None)
    );
    assert!(!ending().is_live() && !settled().is_live() && !finished().is_live());
}
