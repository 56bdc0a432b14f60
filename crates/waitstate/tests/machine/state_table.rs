//! Every state of a run times every command, literally. The table is written by hand from the domain page; nothing in it is computed.

use countersign_kernel::{Fault, Kind, Millis};
use countersign_waitstate::{FinishReason, Run, RunFacts, RunLinks, RunTransition, WaitReason};

use crate::fixture::*;

/// A row is a command, a column a state. A cell is the state and event that come of it, `nothing` where nothing changes, or the code of
/// the refusal.
///
/// `two` waits for two requests; `settled` has ended and waits for nothing any more, but isn't finished yet.
const TABLE: &str = "
                      working               waiting                two                    ending                 settled         finished
    link              working:linked        waiting:linked         waiting:linked         run_ended              run_ended       run_ended
    link_again        nothing               nothing                nothing                run_ended              run_ended       run_ended
    link_elsewhere    run_linked_elsewhere  run_linked_elsewhere   run_linked_elsewhere   run_ended              run_ended       run_ended
    wait_first        waiting:wait_paused   already_waiting        already_waiting        run_ended              run_ended       run_ended
    wait_second       waiting:wait_paused   waiting:wait_paused    already_waiting        run_ended              run_ended       run_ended
    approved_first    not_waiting           waiting:wait_changed   waiting:wait_changed   ending:wait_changed    not_waiting     not_waiting
    unchanged_first   not_waiting           nothing                nothing                nothing                not_waiting     not_waiting
    settled_first     not_waiting           working:wait_resumed   waiting:wait_resumed   ending:wait_resumed    not_waiting     not_waiting
    settled_second    not_waiting           not_waiting            waiting:wait_resumed   not_waiting            not_waiting     not_waiting
    end               finished:finished     ending:ending          ending:ending          run_ended              run_ended       run_ended
    end_spent         finished:finished     budget_left            budget_left            run_ended              run_ended       run_ended
    end_too_soon      budget_left           budget_left            budget_left            run_ended              run_ended       run_ended
    finish            run_not_ending        run_not_ending         run_not_ending         run_still_waiting      finished:finished run_not_ending
    refuse            working:refusal_counted waiting:refusal_counted waiting:refusal_counted run_ended          run_ended       run_ended
    call_idly         working:idle_call_counted waiting:idle_call_counted waiting:idle_call_counted run_ended    run_ended       run_ended
    register_again    nothing               nothing                nothing                run_ended              run_ended       run_ended
    register_other    run_exists            run_exists             run_exists             run_exists             run_exists      run_exists
";

const COMMANDS: [&str; 17] = [
    "link",
    "link_again",
    "link_elsewhere",
    "wait_first",
    "wait_second",
    "approved_first",
    "unchanged_first",
    "settled_first",
    "settled_second",
    "end",
    "end_spent",
    "end_too_soon",
    "finish",
    "refuse",
    "call_idly",
    "register_again",
    "register_other",
];

const STATES: [&str; 6] = ["working", "waiting", "two", "ending", "settled", "finished"];

/// What came of a command: a transition, nothing, or a refusal.
type Came = Result<Option<RunTransition>, (&'static str, Kind)>;

fn refused(error: impl Fault) -> (&'static str, Kind) {
    (error.code(), error.kind())
}

fn apply(command: &str, run: &Run) -> Came {
    let now = at(300);
    let link = |issue, pull_request| run.link(&RunLinks { issue, pull_request }).map_err(refused);
    let wait = |number| run.open_wait(request(number), WaitReason::Approval, now).map(Some).map_err(refused);
    let change = |reason| run.change_wait(request(1), reason).map_err(refused);
    let close = |number| run.close_wait(request(number), now).map(Some).map_err(refused);
    let spent = FinishReason::BudgetExhausted;
    match command {
        "link" => link(Some(7), Some(9)),
        "link_again" => link(Some(7), None),
        "link_elsewhere" => link(Some(8), None),
        "wait_first" => wait(1),
        "wait_second" => wait(2),
        "approved_first" => change(WaitReason::Execution),
        "unchanged_first" => change(WaitReason::Approval),
        "settled_first" => close(1),
        "settled_second" => close(2),
        "end" => run.begin_end(FinishReason::Completed, now).map(Some).map_err(refused),
        "end_spent" => run.begin_end(spent, at(100_000)).map(Some).map_err(refused),
        "end_too_soon" => run.begin_end(spent, now).map(Some).map_err(refused),
        "finish" => run.finish(now).map(Some).map_err(refused),
        "refuse" => run.count_refusal(now).map(|(transition, _)| Some(transition)).map_err(refused),
        "call_idly" => run.count_idle_call(now).map(|(transition, _)| Some(transition)).map_err(refused),
        "register_again" => run.check_same(&facts()).map(|()| None).map_err(refused),
        "register_other" => {
            let other = RunFacts { budget: Millis(1), ..facts() };
            run.check_same(&other).map(|()| None).map_err(refused)
        }
        other => panic!("nothing applies `{other}`"),
    }
}

fn in_state(name: &str) -> Run {
    match name {
        "working" => working(),
        "waiting" => waiting(),
        "two" => waiting_for_two(),
        "ending" => ending(),
        "settled" => settled(),
        "finished" => finished(),
        other => panic!("no fixture is `{other}`"),
    }
}

/// The cells as (command, state, expected).
fn cells() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let states: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(states, STATES);
    let mut cells = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap();
        let expected: Vec<_> = words.collect();
        assert_eq!(expected.len(), states.len(), "the row of `{command}` has a hole");
        cells.extend(states.iter().zip(expected).map(|(state, expected)| (command, *state, expected)));
    }
    cells
}

#[test]
fn the_table_has_every_command() {
    let commands: Vec<_> = cells().chunks(STATES.len()).map(|row| row[0].0).collect();
    assert_eq!(commands, COMMANDS);
}

#[test]
fn every_state_meets_every_command_as_the_table_says() {
    let mut wrong = Vec::new();
    for (command, state, expected) in cells() {
        let run = in_state(state);
        let got = match apply(command, &run) {
            Ok(Some(transition)) => {
                assert_eq!(transition.before_version(), Some(run.version));
                assert_eq!(transition.after().version, run.version + 1);
                format!("{}:{}", state_name(transition.after()), event_name(transition.event()))
            }
            Ok(None) => "nothing".to_owned(),
            Err((code, kind)) => {
                let taken = matches!(code, "run_exists" | "run_linked_elsewhere");
                assert_eq!(kind, if taken { Kind::AlreadyExists } else { Kind::Conflict }, "{code}");
                code.to_owned()
            }
        };
        if got != expected {
            wrong.push(format!("{command} on {state}: expected {expected}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
