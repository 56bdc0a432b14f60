//! How attempts at steps end.

use std::sync::{Arc, Mutex};

use countersign_kernel::Millis;
use countersign_mcp_tools::{Plan, ProbeOutcome, SecretSpec, StepOutcome};
use countersign_testkit::build::run_id;
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::port::{WorkKind, WorkSubject};
use mockall::Sequence;
use serde_json::json;

use crate::support::mocks::two_steps;
use crate::support::mocks::{Attempt, done, permanent, target_seen, transient, unclear};
use crate::support::{RUN, World, check, honest_warrants, one_step};

#[tokio::test]
async fn r3_a_transient_error_is_retried_later_with_the_same_secret() {
    let plan = Plan { secret: Some(SecretSpec { length: 40 }), ..one_step() };
    let attempts: Arc<Mutex<Vec<Attempt>>> = Arc::default();
    let mut target = target_seen(2);
    let mut outcomes = vec![done(), transient(), transient()];
    let kept = attempts.clone();
    target.expect_perform().times(3).returning(move |attempt| {
        kept.lock().unwrap().push(attempt);
        outcomes.pop().unwrap()
    });
    target.expect_probe().times(0);
    let world = World::mocked(plan, target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!((world.state(id).await, world.rows().steps[0].state.as_str()), ("applying", "not_done"));
    let row = world.rows().work_of(WorkKind::Execute, &WorkSubject::request(id)).cloned().unwrap();
    assert_eq!(row.due_at, world.clock.now().plus(Millis(1000)), "not hammered");
    world.pass(1).await;
    world.pass(2).await;
    assert_eq!(world.state(id).await, "applied");

    let attempts = attempts.lock().unwrap();
    let secrets: Vec<_> = attempts.iter().map(|attempt| attempt.secret.clone().unwrap()).collect();
    assert_eq!(secrets[0].len(), 40);
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    assert!(attempts[0].fence < attempts[1].fence && attempts[1].fence < attempts[2].fence);
    assert!(attempts.iter().all(|attempt| attempt.intended_at == attempts[0].intended_at));
    assert_eq!(world.rows().steps[0].attempts, 3);
    check(&world.rows());
}

#[tokio::test]
async fn a_target_that_says_when_to_come_back_is_left_alone_until_then() {
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    let limited = || StepOutcome::Transient {
        code: "target_rate_limited",
        message: "`test:one` answers 429".to_owned(),
        retry_after: Some(Millis::from_secs(30)),
    };
    target.expect_perform().times(1).in_sequence(&mut order).returning(move |_| limited());
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| done());
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    world.pass(29).await;
    assert_eq!(world.state(id).await, "applying");
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
}

fn limited(seconds: u64) -> StepOutcome {
    StepOutcome::Transient {
        code: "target_rate_limited",
        message: "`test:one` answers 429".to_owned(),
        retry_after: Some(Millis::from_secs(seconds)),
    }
}

#[tokio::test]
async fn a_retry_that_would_begin_after_execute_by_is_not_waited_for() {
    for (asked_s, state) in [(900, "failed"), (899, "applying")] {
        let mut target = target_seen(2);
        target.expect_perform().times(1).returning(move |_| limited(asked_s));
        let world = World::mocked(one_step(), target, honest_warrants(1)).await;
        let id = world.approved("a").await;
        world.work_off().await;
        assert_eq!(world.state(id).await, state, "{asked_s} s of the 900 s to execute");
        if state == "failed" {
            let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
            assert_eq!(
                (&told.detail["code"], told.next_action.as_str()),
                (&json!("target_rate_limited"), "retry")
            );
        }
        check(&world.rows());
    }
}

#[tokio::test]
async fn no_attempt_begins_after_execute_by_when_nothing_is_done() {
    let mut target = target_seen(2);
    target.expect_perform().times(1).returning(|_| unclear());
    target.expect_probe().times(1).returning(|_| ProbeOutcome::NotDone);
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    world.pass(900).await;
    assert_eq!(world.state(id).await, "failed");
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!((&told.detail["code"], told.next_action.as_str()), (&json!("execution_too_late"), "retry"));
    check(&world.rows());
}

#[tokio::test]
async fn once_something_is_done_it_is_gone_on_with_after_execute_by_and_no_target_keeps_us_away_for_long() {
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| done());
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| limited(1_000_000));
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| done());
    let world = World::mocked(two_steps(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    world.pass(3599).await;
    assert_eq!(world.state(id).await, "applying");
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied", "an hour at most");
    check(&world.rows());
}

#[tokio::test]
async fn nothing_done_by_execute_by_fails_with_the_targets_code_and_is_worth_a_retry() {
    let mut target = target_seen(2);
    target.expect_perform().times(2..).returning(|_| transient());
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    for _ in 0..15 {
        world.pass(60).await;
    }
    assert_eq!(world.state(id).await, "failed");
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!((&told.detail["code"], told.next_action.as_str()), (&json!("target_broken"), "retry"));
    check(&world.rows());
}

#[tokio::test]
async fn a_permanent_error_at_the_first_step_fails_and_nothing_else_is_tried() {
    let mut target = target_seen(2);
    target.expect_perform().times(1).withf(|attempt| attempt.step == 1).returning(|_| permanent());
    target.expect_probe().times(0);
    let world = World::mocked(two_steps(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "failed");
    let detail = world.last_detail("approval.failed");
    assert_eq!(
        (&detail["code"], &detail["reason"]),
        (&json!("target_forbids"), &json!("`test:one` answers 403"))
    );
    assert_eq!(world.rows().steps[0].state, "not_done");
    check(&world.rows());
}

#[tokio::test]
async fn a_permanent_error_after_something_was_done_is_unknown_and_keeps_the_secret() {
    let plan = Plan { secret: Some(SecretSpec { length: 20 }), ..two_steps() };
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    let step = |number| move |attempt: &Attempt| attempt.step == number;
    target.expect_perform().times(1).in_sequence(&mut order).withf(step(1)).returning(|_| done());
    target.expect_perform().times(1).in_sequence(&mut order).withf(step(2)).returning(|_| permanent());
    target.expect_probe().times(0);
    let world = World::mocked(plan, target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "unknown");
    let rows = world.rows();
    assert_eq!((rows.outcomes.len(), rows.sealed.len(), rows.runs[0].status.as_str()), (0, 1, "waiting"));
    check(&rows);
}

#[tokio::test]
async fn an_answer_that_never_came_is_looked_for_and_never_repeated_blindly() {
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| unclear());
    target
        .expect_probe()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| ProbeOutcome::Done { receipt: json!({"version": "9"}) });
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!((world.state(id).await, world.rows().steps[0].state.as_str()), ("applying", "intended"));
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(world.last_detail("approval.applied")["receipts"], json!([{"version": "9"}]));
    check(&world.rows());
}

#[tokio::test]
async fn an_answer_that_never_came_is_tried_again_once_nothing_was_found() {
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| unclear());
    target.expect_probe().times(1).in_sequence(&mut order).returning(|_| ProbeOutcome::NotDone);
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| done());
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    world.pass(1).await;
    assert_eq!((world.state(id).await, world.rows().steps[0].attempts), ("applied", 2));
}

#[tokio::test]
async fn a_write_that_arrives_late_is_found_when_it_stands_in_the_way_of_the_next() {
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    let receipt = || ProbeOutcome::Done { receipt: serde_json::json!({"version": "8"}) };
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| unclear());
    target.expect_probe().times(1).in_sequence(&mut order).returning(|_| ProbeOutcome::NotDone);
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| permanent());
    target.expect_probe().times(1).in_sequence(&mut order).returning(move |_| receipt());
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
    check(&world.rows());
}

#[tokio::test]
async fn an_effect_nobody_can_look_for_is_unknown() {
    let mut target = target_seen(2);
    target.expect_perform().times(1).returning(|_| unclear());
    let cannot = || ProbeOutcome::CannotTell { why: "the value can't be read back".to_owned(), retry: false };
    target.expect_probe().returning(move |_| cannot());
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "unknown");
    assert_eq!(world.last_detail("approval.unknown")["code"], "effect_unknown");
    assert!(world.rows().outcomes.is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn receipts_of_all_steps_are_told_in_order() {
    let world = World::new(3).await;
    let id = world.approved("a").await;
    world.work_off().await;
    let steps: Vec<_> = world.last_detail("approval.applied")["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|receipt| receipt["step"].as_u64())
        .collect();
    assert_eq!(steps, [Some(1), Some(2), Some(3)]);
    assert_eq!(world.services.queries().list_steps(id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn each_step_is_intended_by_a_commit_of_its_own_and_recorded_by_another() {
    let world = World::new(2).await;
    world.approved("a").await;
    world.work_off().await;
    let steps: Vec<_> = world
        .ledger
        .written()
        .iter()
        .flat_map(|commit| commit.steps.clone())
        .map(|step| (step.step_number, step.state))
        .collect();
    let expected = [(1, "intended"), (1, "done"), (2, "intended"), (2, "done")];
    assert_eq!(steps, expected.map(|(number, state)| (number, state.to_owned())));
    assert_eq!(world.watched.trespasses(), Vec::<String>::new());
}
