//! What earlier steps did is taken back when a later one fails for good.

use countersign_kernel::{Millis, RequestId};
use countersign_mcp_tools::{ProbeOutcome, StepOutcome};
use countersign_testkit::TestTool;
use countersign_testkit::build::run_id;
use countersign_usecases::execution::execute;
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::port::{WorkKind, WorkSubject};
use serde_json::{Value, json};

use crate::support::mocks::{permanent, transient, unclear};
use crate::support::{RUN, Setup, World, check};

async fn world_of(steps: u32) -> World {
    let tool = TestTool::writing(steps).with_secret(24).undoing();
    World::with_tool(tool, Setup::default()).await
}

/// The states of the steps, in order.
fn steps(world: &World) -> Vec<String> {
    world.rows().steps.iter().map(|step| step.state.clone()).collect()
}

async fn check_failed_without_effect(world: &World, id: RequestId, code: &str) {
    assert_eq!(world.state(id).await, "failed");
    assert!(
        world.tool.journal().is_empty(),
        "all effects are taken back: {:?}",
        world.tool.journal().effects()
    );
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!((told.status.as_str(), &told.detail["code"]), ("failed", &json!(code)));
    let rows = world.rows();
    assert_eq!((rows.sealed.len(), rows.runs[0].status.as_str()), (0, "running"), "nothing sealed is left");
    assert_eq!(world.watched.trespasses(), Vec::<String>::new());
    check(&rows);
}

#[tokio::test]
async fn what_is_done_is_taken_back_last_first_and_the_request_fails_with_the_code_of_what_failed() {
    let world = world_of(3).await;
    let id = world.approved("a").await;
    world.tool.script_step(3, permanent());
    world.work_off().await;
    assert_eq!((world.tool.performed(), world.tool.undone()), (vec![1, 2, 3], vec![2, 1]));
    assert_eq!(steps(&world), ["undone", "undone", "not_done"]);
    check_failed_without_effect(&world, id, "target_forbids").await;
    let undone = &world.last_detail("approval.failed")["undone"];
    assert_eq!(undone.as_array().map(Vec::len), Some(2), "the log says what was taken back: {undone}");
}

#[tokio::test]
async fn what_a_step_replaces_is_sealed_before_the_step_is_taken_and_erased_in_the_end() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    world.tool.script_step(1, transient());
    world.work_off().await;
    let purposes: Vec<_> = world.rows().sealed.iter().map(|row| row.purpose.clone()).collect();
    assert_eq!(purposes, ["generated", "kept_by_step_1", "kept_by_step_2"]);
    world.pass(1).await;
    assert_eq!((world.state(id).await, world.rows().sealed.len()), ("applied", 0));
    assert!(world.tool.undone().is_empty());
}

#[tokio::test]
async fn nothing_begins_while_what_would_be_replaced_cannot_be_read() {
    let world = world_of(1).await;
    let id = world.approved("a").await;
    world.tool.set_unreadable(Some("the target is away"));
    world.work_off().await;
    assert_eq!((world.state(id).await, world.tool.performed()), ("approved", vec![]));
    world.tool.set_unreadable(None);
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
}

#[tokio::test]
async fn a_later_step_that_is_refused_for_now_too_often_is_taken_back_too() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    for _ in 0..60 {
        world.tool.script_step(2, transient());
    }
    world.work_off().await;
    for _ in 0..60 {
        world.pass(60).await;
    }
    check_failed_without_effect(&world, id, "target_broken").await;
}

#[tokio::test]
async fn nothing_is_taken_back_while_a_later_step_is_in_doubt() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    world.tool.script_step_with_effect(2, unclear());
    world.tool.script_probe(2, ProbeOutcome::CannotTell { why: "write-only".to_owned(), retry: false });
    world.tool.script_probe(2, ProbeOutcome::CannotTell { why: "write-only".to_owned(), retry: false });
    world.work_off().await;
    world.pass(1).await;
    assert_eq!((world.state(id).await, world.tool.undone()), ("unknown", vec![]));
    assert_eq!(world.tool.journal().len(), 2);
    check(&world.rows());
}

#[tokio::test]
async fn nothing_is_taken_back_where_not_all_of_it_can_be() {
    let world = World::with_tool(TestTool::writing(2), Setup::default()).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.work_off().await;
    assert_eq!((world.state(id).await, world.tool.undone()), ("unknown", vec![]));
    check(&world.rows());
}

#[tokio::test]
async fn undoing_is_tried_again_when_refused_for_now() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.tool.script_undo(transient());
    world.work_off().await;
    assert_eq!((world.state(id).await, steps(&world)[0].as_str()), ("applying", "undoing"));
    world.pass(1).await;
    assert_eq!(world.tool.undone(), [1, 1]);
    check_failed_without_effect(&world, id, "target_forbids").await;
}

#[tokio::test]
async fn an_undoing_whose_answer_never_came_is_looked_for_and_not_repeated() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.tool.script_undo_with_effect(unclear());
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.tool.undone(), [1]);
    check_failed_without_effect(&world, id, "target_forbids").await;
}

#[tokio::test]
async fn what_somebody_else_changed_since_is_not_taken_back_but_unknown() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.tool.script_undo(permanent());
    world.tool.script_undo_probe(ProbeOutcome::NotDone);
    let cannot = || ProbeOutcome::CannotTell { why: "it was changed since".to_owned(), retry: false };
    world.tool.script_undo_probe(cannot());
    world.work_off().await;
    assert_eq!(world.state(id).await, "unknown");
    assert_eq!(world.last_detail("approval.unknown")["code"], "undo_failed");
    assert!(!world.rows().sealed.is_empty(), "a person may still need what was kept");
    check(&world.rows());
}

#[tokio::test]
async fn an_undoing_in_doubt_is_settled_by_a_probe_of_the_undoing() {
    let world = world_of(2).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.tool.script_undo_with_effect(unclear());
    world.tool.script_undo_probe(ProbeOutcome::NotDone);
    for again in [false, true] {
        let why = "looking does not tell".to_owned();
        world.tool.script_undo_probe(ProbeOutcome::CannotTell { why, retry: again });
    }
    world.work_off().await;
    for _ in 0..3 {
        world.pass(60).await;
    }
    check_failed_without_effect(&world, id, "undo_failed").await;
    let detail: Value = world.last_detail("approval.failed");
    assert_eq!((&detail["settled_by"], &detail["evidence"][0]["undone"]), (&json!("probe"), &json!(true)));
}

#[tokio::test]
async fn r6_a_crash_at_any_commit_of_the_undoing_takes_each_effect_back_once() {
    // `applying`, done 1, intended 2, done 2, intended 3, undoing 2, undone 2, undoing 1, undone 1, failed.
    for number in 1..=10 {
        let world = world_of(3).await;
        let id = world.approved("a").await;
        world.tool.script_step(3, permanent());
        let store = world.store.clone();
        world.ledger.before_commit_number(number, move || store.set_unreachable(true));
        let lease = world.lease(WorkKind::Execute).await;
        let _ = execute(&world.services, &lease).await;
        world.store.set_unreachable(false);
        world.pass(30).await;
        // A step whose refusal was lost with the process is looked for and tried again, and is not refused the second time.
        if world.state(id).await == "applied" {
            assert_eq!((number, world.tool.journal().len()), (6, 3));
            continue;
        }
        assert_eq!(world.state(id).await, "failed", "crash at commit {number}");
        assert!(world.tool.journal().is_empty(), "crash at commit {number}");
        let undone = world.tool.undone();
        assert!(undone == [2, 1], "crash at commit {number}: {undone:?}");
        check(&world.rows());
    }
}

#[tokio::test]
async fn an_unanswered_attempt_is_left_alone_until_it_must_have_arrived() {
    let tool = TestTool::writing(1).with_in_flight(Millis::from_secs(15));
    let world = World::with_tool(tool, Setup::default()).await;
    let id = world.approved("a").await;
    world.tool.script_step(1, StepOutcome::Unclear { code: "target_no_answer", message: "cut".to_owned() });
    world.work_off().await;
    world.pass(14).await;
    assert!(world.tool.probed().is_empty(), "looking now would prove nothing");
    world.pass(1).await;
    assert_eq!((world.state(id).await, world.tool.performed()), ("applied", vec![1, 1]));
    check(&world.rows());
}

#[tokio::test]
async fn r6_a_successor_waits_out_what_its_predecessor_may_have_sent() {
    let tool = TestTool::writing(1).with_in_flight(Millis::from_secs(15));
    let world = World::with_tool(tool, Setup::default()).await;
    let id = world.approved("a").await;
    let store = world.store.clone();
    world.ledger.before_commit_number(2, move || store.set_unreachable(true));
    let lease = world.lease(WorkKind::Execute).await;
    let _ = execute(&world.services, &lease).await;
    world.store.set_unreachable(false);
    world.pass(30).await;
    assert!(world.tool.probed().is_empty(), "the work is taken up, and the target left alone");
    // A second successor goes by what the first one wrote down.
    world.pass(14).await;
    assert!(world.tool.probed().is_empty());
    world.pass(1).await;
    assert_eq!(
        (world.state(id).await, world.tool.performed(), world.tool.probed()),
        ("applied", vec![1], vec![1])
    );
    check(&world.rows());
}

/// A request of a tool without a secret of its own whose first step is being taken back, refused for now: only what that step replaced is
/// sealed.
async fn being_undone() -> (World, RequestId) {
    let world = World::with_tool(TestTool::writing(2).undoing(), Setup::default()).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.tool.script_undo(transient());
    world.work_off().await;
    assert_eq!(steps(&world)[0], "undoing");
    (world, id)
}

#[tokio::test]
async fn a_server_that_cannot_open_what_was_kept_leaves_the_undoing_to_one_that_can() {
    let (world, id) = being_undone().await;
    let services = world.replica_without_key();
    for _ in 0..3 {
        world.pass_with(&services, 60).await;
        assert_eq!((world.state(id).await, world.tool.undone()), ("applying", vec![1]));
    }
    world.pass(60).await;
    assert_eq!(world.tool.undone(), [1, 1]);
    check_failed_without_effect(&world, id, "target_forbids").await;
}

#[tokio::test]
async fn an_undoing_that_no_server_can_open_is_unknown_and_looking_ends_too() {
    let (world, id) = being_undone().await;
    let services = world.replica_without_key();
    for _ in 0..40 {
        world.pass_with(&services, 60).await;
    }
    assert_eq!((world.state(id).await, world.tool.undone()), ("unknown", vec![1]));
    assert_eq!(world.last_detail("approval.unknown")["code"], "sealing_failed");
    let probe = world.rows().work_of(WorkKind::Probe, &WorkSubject::request(id)).is_some();
    assert!(!probe, "only a person can tell");
    assert!(!world.rows().sealed.is_empty(), "a person may still need what was kept");
    check(&world.rows());
}
