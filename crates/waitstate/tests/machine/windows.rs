//! An agent that keeps asking for what policy forbids, or for what changes nothing, can't flood the log, and nothing goes uncounted.

use countersign_kernel::{Fault, Timestamp};
use countersign_waitstate::{CallWindow, Counted, FinishReason, RunEvent};

use crate::fixture::*;

/// Ten refusals in one minute are recorded one by one.
fn full() -> CallWindow {
    let mut window = CallWindow::default();
    for _ in 0..10 {
        let (next, refused) = window.count(at(0));
        assert_eq!(refused, Counted::Record { suppressed_before: 0 });
        window = next;
    }
    window
}

#[test]
fn ten_in_a_minute_are_recorded_and_the_others_counted() {
    let mut window = full();
    for suppressed in 1..=5 {
        let (next, refused) = window.count(at(59));
        assert_eq!((refused, next.suppressed), (Counted::CountOnly, suppressed));
        window = next;
    }
    assert_eq!((window.opened_at, window.recorded), (Some(at(0)), 10));
}

#[test]
fn the_next_minute_records_again_and_tells_what_was_left_out() {
    let window = full().count(at(1)).0.count(at(2)).0;
    let last = Timestamp::from_unix_micros(at(60).unix_micros() - 1);
    assert_eq!(window.count(last).1, Counted::CountOnly);
    let (next, refused) = window.count(at(60));
    assert_eq!(refused, Counted::Record { suppressed_before: 2 });
    assert_eq!(next, CallWindow { opened_at: Some(at(60)), recorded: 1, suppressed: 0 });
    assert_eq!(next.count(at(60)).1, Counted::Record { suppressed_before: 0 });
}

#[test]
fn a_quiet_agent_is_always_recorded() {
    let mut window = CallWindow::default();
    for minute in 0..30 {
        let (next, refused) = window.count(at(minute * 60));
        assert_eq!(refused, Counted::Record { suppressed_before: 0 }, "minute {minute}");
        window = next;
    }
}

#[test]
fn the_run_keeps_the_count_and_tells_it_at_its_end() {
    let mut run = working();
    for number in 0..13 {
        let (transition, refused) = run.count_refusal(at(1)).unwrap();
        assert_eq!(transition.event(), &RunEvent::RefusalCounted);
        assert_eq!(refused == Counted::CountOnly, number >= 10, "{number}");
        assert_eq!((&transition.after().state, &transition.after().waits), (&run.state, &run.waits));
        run = after(&transition);
    }
    let reason = FinishReason::Completed;
    let end = run.begin_end(reason, at(2)).unwrap();
    assert_eq!(end.event(), &RunEvent::Finished { reason, suppressed_refusals: 3, suppressed_idle_calls: 0 });
    assert_eq!(end.after().count_refusal(at(3)).unwrap_err().code(), "run_ended");
}

#[test]
fn harmless_calls_are_counted_apart_and_hide_no_refusal() {
    let mut run = working();
    for number in 0..14 {
        let (transition, counted) = run.count_idle_call(at(1)).unwrap();
        assert_eq!(transition.event(), &RunEvent::IdleCallCounted);
        assert_eq!(counted == Counted::CountOnly, number >= 10, "{number}");
        assert_eq!((&transition.after().state, &transition.after().waits), (&run.state, &run.waits));
        run = after(&transition);
    }
    let (transition, refused) = run.count_refusal(at(1)).unwrap();
    assert_eq!(refused, Counted::Record { suppressed_before: 0 });
    run = after(&transition);
    let reason = FinishReason::Completed;
    let end = run.begin_end(reason, at(2)).unwrap();
    let told = RunEvent::Finished { reason, suppressed_refusals: 0, suppressed_idle_calls: 4 };
    assert_eq!(end.event(), &told);
    assert_eq!(end.after().count_idle_call(at(3)).unwrap_err().code(), "run_ended");
}
