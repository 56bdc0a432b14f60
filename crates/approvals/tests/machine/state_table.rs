//! Every state times every command, literally. The table is written by hand from the domain page; nothing in it is computed.

use countersign_approvals::{
    ActionRequest, CancelledBy, Decided, Reply, SettledBy, StateName, Transition, Verdict,
};
use countersign_kernel::{Fault, Kind, Timestamp};
use serde_json::json;

use crate::fixture::*;

/// A row is a command, a column a state. A cell is the state that comes of it, `repeat`, or the code of the refusal.
///
/// `question` is `requested`, of a question; `by_policy` is `approved`, by the policy alone.
const OPEN: &str = "
                        requested       question        approved            by_policy           applying            unknown
    approve             approved        is_a_question   already_approved    already_approved    already_executing   already_executing
    approve_again       approved        is_a_question   repeat              already_approved    repeat              repeat
    approve_late        decision_too_late is_a_question already_approved    already_approved    already_executing   already_executing
    deny                denied          denied          already_approved    already_approved    already_executing   already_executing
    deny_by_approver    denied          denied          already_approved    already_approved    already_executing   already_executing
    deny_late           decision_too_late decision_too_late already_approved    already_approved    already_executing   already_executing
    answer              not_a_question  answered        not_a_question      not_a_question      not_a_question      not_a_question
    answer_again        not_a_question  answered        not_a_question      not_a_question      not_a_question      not_a_question
    answer_late         not_a_question  decision_too_late not_a_question    not_a_question      not_a_question      not_a_question
    cancel_by_agent     cancelled       cancelled       cancelled           cancelled           already_executing   already_executing
    cancel_by_staff     cancelled       cancelled       cancelled           cancelled           already_executing   already_executing
    cancel_at_run_end   cancelled       cancelled       cancelled           cancelled           already_executing   already_executing
    expire_decision     expired         expired         already_approved    already_approved    already_executing   already_executing
    expire_too_soon     not_due         not_due         already_approved    already_approved    already_executing   already_executing
    give_up_delivery    failed          failed          already_approved    already_approved    already_executing   already_executing
    deny_by_policy      not_approved    not_approved    denied              denied              not_approved        not_approved
    drift_asks_again    not_approved    not_approved    requested           requested           not_approved        not_approved
    drift_plans_anew    not_approved    not_approved    approved            approved            not_approved        not_approved
    fail_before_start   not_approved    not_approved    failed              failed              not_approved        not_approved
    expire_execution    not_approved    not_approved    expired             expired             not_approved        not_approved
    stop_too_soon       not_approved    not_approved    not_due             not_due             not_approved        not_approved
    start               not_approved    not_approved    applying            applying            not_approved        not_approved
    start_late          not_approved    not_approved    execution_too_late  execution_too_late  not_approved        not_approved
    finish              not_applying    not_applying    not_applying        not_applying        applied             not_applying
    finish_half_done    not_applying    not_applying    not_applying        not_applying        steps_left          not_applying
    finish_not_begun    not_applying    not_applying    not_applying        not_applying        steps_left          not_applying
    give_up_untouched   not_applying    not_applying    not_applying        not_applying        failed              not_applying
    give_up_half_done   not_applying    not_applying    not_applying        not_applying        unknown             not_applying
    give_up_in_doubt    not_applying    not_applying    not_applying        not_applying        unknown             not_applying
    probe_says_applied  not_unknown     not_unknown     not_unknown         not_unknown         not_unknown         applied
    probe_says_failed   not_unknown     not_unknown     not_unknown         not_unknown         not_unknown         failed
    person_says_applied not_unknown     not_unknown     not_unknown         not_unknown         not_unknown         applied
    person_says_failed  not_unknown     not_unknown     not_unknown         not_unknown         not_unknown         failed
";

/// The same for states that are over: nothing leaves them.
const OVER: &str = "
                        applied         answered        denied          expired         cancelled       failed
    approve             already_settled is_a_question   already_settled already_settled already_settled already_settled
    approve_again       repeat          is_a_question   already_settled already_settled already_settled already_settled
    approve_late        already_settled is_a_question   already_settled already_settled already_settled already_settled
    deny                already_settled already_settled already_settled already_settled already_settled already_settled
    deny_by_approver    already_settled already_settled repeat          already_settled already_settled already_settled
    deny_late           already_settled already_settled already_settled already_settled already_settled already_settled
    answer              not_a_question  already_settled not_a_question  not_a_question  not_a_question  not_a_question
    answer_again        not_a_question  repeat          not_a_question  not_a_question  not_a_question  not_a_question
    answer_late         not_a_question  already_settled not_a_question  not_a_question  not_a_question  not_a_question
    cancel_by_agent     already_settled already_settled already_settled already_settled already_settled already_settled
    cancel_by_staff     already_settled already_settled already_settled already_settled already_settled already_settled
    cancel_at_run_end   already_settled already_settled already_settled already_settled already_settled already_settled
    expire_decision     already_settled already_settled already_settled already_settled already_settled already_settled
    expire_too_soon     already_settled already_settled already_settled already_settled already_settled already_settled
    give_up_delivery    already_settled already_settled already_settled already_settled already_settled already_settled
    deny_by_policy      not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    drift_asks_again    not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    drift_plans_anew    not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    fail_before_start   not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    expire_execution    not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    stop_too_soon       not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    start               not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    start_late          not_approved    not_approved    not_approved    not_approved    not_approved    not_approved
    finish              not_applying    not_applying    not_applying    not_applying    not_applying    not_applying
    finish_half_done    not_applying    not_applying    not_applying    not_applying    not_applying    not_applying
    finish_not_begun    not_applying    not_applying    not_applying    not_applying    not_applying    not_applying
    give_up_untouched   not_applying    not_applying    not_applying    not_applying    not_applying    not_applying
    give_up_half_done   not_applying    not_applying    not_applying    not_applying    not_applying    not_applying
    give_up_in_doubt    not_applying    not_applying    not_applying    not_applying    not_applying    not_applying
    probe_says_applied  already_settled already_settled already_settled already_settled already_settled already_settled
    probe_says_failed   already_settled already_settled already_settled already_settled already_settled already_settled
    person_says_applied already_settled already_settled already_settled already_settled already_settled already_settled
    person_says_failed  already_settled already_settled already_settled already_settled already_settled already_settled
";

/// The commands of the table, in its order.
const COMMANDS: [&str; 33] = [
    "approve",
    "approve_again",
    "approve_late",
    "deny",
    "deny_by_approver",
    "deny_late",
    "answer",
    "answer_again",
    "answer_late",
    "cancel_by_agent",
    "cancel_by_staff",
    "cancel_at_run_end",
    "expire_decision",
    "expire_too_soon",
    "give_up_delivery",
    "deny_by_policy",
    "drift_asks_again",
    "drift_plans_anew",
    "fail_before_start",
    "expire_execution",
    "stop_too_soon",
    "start",
    "start_late",
    "finish",
    "finish_half_done",
    "finish_not_begun",
    "give_up_untouched",
    "give_up_half_done",
    "give_up_in_doubt",
    "probe_says_applied",
    "probe_says_failed",
    "person_says_applied",
    "person_says_failed",
];

/// What came of a command.
enum Came {
    Of(Box<Transition>),
    Repeat,
    Refused(&'static str, Kind),
}

fn came<E: Fault>(result: Result<Transition, E>) -> Came {
    match result {
        Ok(transition) => Came::Of(Box::new(transition)),
        Err(error) => Came::Refused(error.code(), error.kind()),
    }
}

fn decided<E: Fault>(result: Result<Decided, E>) -> Came {
    match result {
        Ok(Decided::Counted(transition)) => Came::Of(Box::new(transition)),
        Ok(Decided::Repeat) => Came::Repeat,
        Err(error) => Came::Refused(error.code(), error.kind()),
    }
}

/// Long before any deadline, though after everything that happened to the fixtures.
const IN_TIME: u64 = 60;
/// After every deadline.
const LATE: u64 = 10_000;

fn decide(command: &str, request: &ActionRequest) -> Option<Came> {
    let members = everybody();
    let vote = |ballot, secs| decided(request.decide(ballot, &members, at(secs)));
    let answer =
        |who, option, secs| decided(request.answer(reply(who, Reply::Option(option)), &members, at(secs)));
    Some(match command {
        // Bob is the one who approved, denied or answered the fixtures that somebody did; Carol never said anything.
        "approve" => vote(yes(CAROL), IN_TIME),
        "approve_again" => vote(yes(BOB), IN_TIME),
        "approve_late" => vote(yes(CAROL), LATE),
        "deny" => vote(no(CAROL), IN_TIME),
        "deny_by_approver" => vote(no(BOB), IN_TIME),
        "deny_late" => vote(no(CAROL), LATE),
        "answer" => answer(CAROL, 1, IN_TIME),
        "answer_again" => answer(BOB, 0, IN_TIME),
        "answer_late" => answer(CAROL, 1, LATE),
        _ => return None,
    })
}

fn end_unbegun(command: &str, request: &ActionRequest) -> Option<Came> {
    let now = at(IN_TIME);
    Some(match command {
        "cancel_by_agent" => came(request.cancel(CancelledBy::Agent, None, now)),
        "cancel_by_staff" => came(request.cancel(CancelledBy::Staff(person(EVE)), Some(text("no")), now)),
        "cancel_at_run_end" => came(request.cancel(CancelledBy::RunEnd, None, now)),
        "expire_decision" => came(request.expire_decision(at(LATE))),
        "expire_too_soon" => came(request.expire_decision(now)),
        "give_up_delivery" => came(request.give_up_delivery(text("no route"), now)),
        "deny_by_policy" => came(request.deny_by_policy(text("not any more"), now)),
        "fail_before_start" => came(request.fail_before_start("not_ours", text("not ours"), now)),
        "expire_execution" => came(request.expire_execution(at(LATE))),
        "stop_too_soon" => came(request.expire_execution(now)),
        _ => return None,
    })
}

fn execute(command: &str, request: &ActionRequest) -> Option<Came> {
    let now = at(IN_TIME);
    let finish = |steps| came(request.finish(&progress(steps), STEPS, now));
    let give_up = |steps| came(request.give_up(&progress(steps), "target_refused", text("409"), now));
    let settle = |verdict, by| came(request.settle_unknown(verdict, by, &progress("di"), now));
    let probe = || SettledBy::Probe { evidence: json!({ "exists": true }) };
    let staff = || SettledBy::Person { by: person(BOB), reason: text("looked there") };
    Some(match command {
        "drift_asks_again" => came(request.drift(proposal(2, terms(1)), now)),
        "drift_plans_anew" => came(request.drift(proposal(2, terms_of_policy()), now)),
        "start" => came(request.start(now)),
        "start_late" => came(request.start(at(LATE))),
        "finish" => finish("dd"),
        "finish_half_done" => finish("dn"),
        "finish_not_begun" => finish("d"),
        "give_up_untouched" => give_up("nn"),
        "give_up_half_done" => give_up("dn"),
        "give_up_in_doubt" => give_up("i"),
        "probe_says_applied" => settle(Verdict::Applied, probe()),
        "probe_says_failed" => settle(Verdict::Failed, probe()),
        "person_says_applied" => settle(Verdict::Applied, staff()),
        "person_says_failed" => settle(Verdict::Failed, staff()),
        _ => return None,
    })
}

fn apply(command: &str, request: &ActionRequest) -> Came {
    decide(command, request)
        .or_else(|| end_unbegun(command, request))
        .or_else(|| execute(command, request))
        .unwrap_or_else(|| panic!("nothing applies `{command}`"))
}

fn in_state(name: &str) -> ActionRequest {
    match name {
        "requested" => requested(1),
        "question" => question(),
        "approved" => approved(),
        "by_policy" => by_policy(),
        "applying" => applying(),
        "unknown" => unknown(),
        "applied" => applied(),
        "answered" => answered(),
        "denied" => denied(),
        "expired" => expired(),
        "cancelled" => cancelled(),
        "failed" => failed(),
        other => panic!("no fixture is `{other}`"),
    }
}

/// The cells of a table as (command, state, expected).
fn cells(table: &'static str) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut lines = table.lines().filter(|line| !line.trim().is_empty());
    let states: Vec<_> = lines.next().unwrap().split_whitespace().collect();
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
fn the_table_has_every_state_and_every_command() {
    for table in [OPEN, OVER] {
        let commands: Vec<_> = cells(table).chunks(6).map(|row| row[0].0).collect();
        assert_eq!(commands, COMMANDS);
    }
    let mut columns: Vec<_> = cells(OPEN)[..6].iter().chain(&cells(OVER)[..6]).map(|cell| cell.1).collect();
    columns.retain(|name| !matches!(*name, "question" | "by_policy"));
    assert_eq!(columns, StateName::ALL.map(StateName::as_str));
}

#[test]
fn every_state_meets_every_command_as_the_table_says() {
    let mut wrong = Vec::new();
    for (command, state, expected) in cells(OPEN).into_iter().chain(cells(OVER)) {
        let request = in_state(state);
        let got = match apply(command, &request) {
            Came::Of(transition) => {
                check_transition(&request, &transition);
                transition.after().state.name().as_str()
            }
            Came::Repeat => "repeat",
            Came::Refused(code, kind) => {
                assert_eq!(kind, Kind::Conflict, "{command} on {state}: {code}");
                code
            }
        };
        if got != expected {
            wrong.push(format!("{command} on {state}: expected {expected}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is true of every transition: it continues the version it was made from, and its event says the state it leads to.
fn check_transition(before: &ActionRequest, transition: &Transition) {
    assert_eq!(transition.before_version(), Some(before.version));
    assert_eq!(transition.after().version, before.version + 1);
    assert_eq!(transition.after().facts, before.facts);
    let state = transition.after().state.name().as_str();
    let event = event_name(transition.event());
    match event {
        "voted" => assert_eq!(state, "requested"),
        "drifted" => assert!(matches!(state, "requested" | "approved"), "drifted to {state}"),
        event => assert_eq!(state, event),
    }
}

#[test]
fn each_fixture_is_in_the_state_of_its_name() {
    for name in StateName::ALL {
        assert_eq!(in_state(name.as_str()).state.name(), name);
    }
    assert_eq!(question().state.name(), StateName::Requested);
    assert_eq!(by_policy().state.name(), StateName::Approved);
}

#[test]
fn a_refusal_over_a_settled_request_says_who_when_and_what() {
    let refusal = denied().decide(yes(CAROL), &everybody(), at(IN_TIME)).unwrap_err();
    let id = facts(None).id;
    let when: Timestamp = at(10);
    assert_eq!(
        refusal.to_string(),
        format!("request `{id}` was already denied by user:github:bob at {when}")
    );
    let refusal = expired().cancel(CancelledBy::Agent, None, at(LATE)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!("request `{id}` was already expired by the clock at {}", at(3600))
    );
    let refusal = cancelled().expire_decision(at(LATE)).unwrap_err();
    assert_eq!(refusal.to_string(), format!("request `{id}` was already cancelled by the agent at {when}"));
    let refusal = answered().cancel(CancelledBy::Agent, None, at(LATE)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!("request `{id}` was already answered by user:github:bob at {when}")
    );
    let refusal = applied().cancel(CancelledBy::RunEnd, None, at(LATE)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!("request `{id}` was already applied by the executor at {}", at(30))
    );
}

#[test]
fn only_what_is_over_is_settled() {
    for name in StateName::ALL {
        let over = !matches!(name.as_str(), "requested" | "approved" | "applying" | "unknown");
        assert_eq!(name.is_settled(), over, "{name}");
        assert_eq!(in_state(name.as_str()).state.is_settled(), over, "{name}");
    }
}
