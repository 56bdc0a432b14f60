//! An executor that dies: another one takes over when the lease has run out, and nothing is done twice or lost.

use std::sync::{Arc, Mutex};

use countersign_kernel::Millis;
use countersign_mcp_tools::{ProbeOutcome, StepOutcome};
use countersign_testkit::{CommitFault, TestTool};
use countersign_usecases::execution::{Turn, execute};
use countersign_usecases::port::{Lease, StoreError, WorkKind, WorkQueue as _};
use countersign_usecases::{ServiceError, worker};
use mockall::Sequence;
use serde_json::json;

use crate::support::mocks::{done, target_seen};
use crate::support::{Setup, World, check, honest_warrants, on_another_thread, one_step};

/// Executes with a store that goes away at the commit with this number, counted from the next one: what a `kill -9` leaves behind.
async fn dies_at_commit(world: &World, number: usize) {
    let store = world.store.clone();
    world.ledger.before_commit_number(number, move || store.set_unreachable(true));
    let lease = world.lease(WorkKind::Execute).await;
    let died = execute(&world.services, &lease).await;
    assert!(matches!(died, Err(ServiceError::Store(StoreError::Unavailable { .. })) | Ok(Turn::Over)));
    world.store.set_unreachable(false);
}

#[tokio::test]
async fn r6_a_crash_after_the_approval_loses_nothing() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    dies_at_commit(&world, 1).await;
    assert_eq!(world.state(id).await, "approved");
    world.pass(29).await;
    assert_eq!(world.state(id).await, "approved", "the dead executor's lease still holds");
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(world.tool.performed(), [1]);
    check(&world.rows());
}

#[tokio::test]
async fn r6_a_crash_after_applying_was_committed_performs_once() {
    let mut target = target_seen(2);
    let mut order = Sequence::new();
    target.expect_probe().times(1).in_sequence(&mut order).returning(|_| ProbeOutcome::NotDone);
    target.expect_perform().times(1).in_sequence(&mut order).returning(|_| done());
    let world = World::mocked(one_step(), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    let store = world.store.clone();
    world.ledger.after_next_commit(move || store.set_unreachable(true));
    let lease = world.lease(WorkKind::Execute).await;
    execute(&world.services, &lease).await.unwrap_err();
    world.store.set_unreachable(false);
    assert_eq!((world.state(id).await, world.rows().steps[0].state.as_str()), ("applying", "intended"));
    world.pass(30).await;
    assert_eq!(world.state(id).await, "applied");
    check(&world.rows());
}

#[tokio::test]
async fn r6_a_crash_after_the_write_and_before_its_record_records_without_writing_again() {
    let tool = TestTool::writing(2).with_secret(24);
    let world = World::with_tool(tool, Setup::default()).await;
    let id = world.approved("a").await;
    dies_at_commit(&world, 2).await;
    assert_eq!((world.tool.performed(), world.rows().steps[0].state.as_str()), (vec![1], "intended"));
    world.pass(30).await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!((world.tool.probed(), world.tool.performed()), (vec![1], vec![1, 2]));
    let effects = world.tool.journal().effects();
    assert_eq!(effects.len(), 2);
    assert!(effects[0].secret.is_some() && effects[0].secret == effects[1].secret);
    assert_eq!(world.watched.trespasses(), Vec::<String>::new());
    check(&world.rows());
}

#[tokio::test]
async fn r6_a_crash_at_any_commit_of_the_execution_gives_each_effect_once() {
    for number in 1..=5 {
        let world = World::new(2).await;
        let id = world.approved("a").await;
        dies_at_commit(&world, number).await;
        world.pass(30).await;
        assert_eq!(world.state(id).await, "applied", "crash at commit {number}");
        assert_eq!((world.tool.journal().count_of(id, 1), world.tool.journal().count_of(id, 2)), (1, 1));
        assert_eq!(world.watched.trespasses(), Vec::<String>::new());
        check(&world.rows());
    }
}

#[tokio::test]
async fn r6_an_executor_that_lost_its_lease_cannot_commit() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let old = world.lease(WorkKind::Execute).await;
    world.clock.advance(old.lasts);
    let new = world.lease(WorkKind::Execute).await;
    assert!(new.fence > old.fence);
    let before = world.rows();
    worker::work(&world.services, &old).await.unwrap();
    assert_eq!(world.rows(), before, "the old fence writes nothing");
    assert!(world.tool.performed().is_empty());
    worker::work(&world.services, &new).await.unwrap();
    assert_eq!((world.state(id).await, world.tool.performed()), ("applied", vec![1]));
    check(&world.rows());
}

#[tokio::test]
async fn r6_an_executor_that_loses_its_lease_while_it_writes_leaves_the_record_to_the_next() {
    let world = World::new(2).await;
    let id = world.approved("a").await;
    let clock = world.clock.clone();
    world.ledger.before_commit_number(2, move || clock.advance(Millis::from_secs(31)));
    let old = world.lease(WorkKind::Execute).await;
    worker::work(&world.services, &old).await.unwrap();
    assert_eq!((world.state(id).await, world.tool.performed()), ("applying", vec![1]));
    let detail = world.last_detail("mcp.tool.rejected");
    assert_eq!(detail["code"], "stale_fence", "the refused record is on record: {detail}");
    world.work_off().await;
    assert_eq!(world.count("mcp.tool.rejected"), 1);
    assert_eq!(world.state(id).await, "applied");
    assert_eq!((world.tool.journal().count_of(id, 1), world.tool.journal().count_of(id, 2)), (1, 1));
    check(&world.rows());
}

#[tokio::test]
async fn r6_an_executor_that_is_overtaken_before_it_writes_does_not_write() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let old = world.lease(WorkKind::Execute).await;
    let (clock, store) = (world.clock.clone(), world.store.clone());
    let next = countersign_testkit::TestIds::new(77, world.clock.clone()).worker();
    let overtaking: Arc<Mutex<Option<Lease>>> = Arc::default();
    let kept = overtaking.clone();
    world.ledger.after_next_commit(move || {
        // The first one falls asleep right after it has committed `applying`; the second one gets the work and has not begun.
        clock.advance(countersign_testkit::memory::LEASE);
        on_another_thread(async move {
            let lease = store.claim(next, &[WorkKind::Execute], 1).await.unwrap().remove(0);
            *kept.lock().unwrap() = Some(lease);
        });
    });
    worker::work(&world.services, &old).await.unwrap();
    assert!(world.tool.performed().is_empty(), "the first one wakes up and has lost its lease");
    let new = overtaking.lock().unwrap().take().unwrap();
    worker::work(&world.services, &new).await.unwrap();
    assert_eq!(
        (world.state(id).await, world.tool.probed(), world.tool.performed()),
        ("applied", vec![1], vec![1])
    );
    check(&world.rows());
}

#[tokio::test]
async fn r6_a_lease_is_prolonged_from_step_to_step() {
    let world = World::new(3).await;
    let id = world.approved("a").await;
    for commit in [2, 4, 6] {
        let clock = world.clock.clone();
        world.ledger.before_commit_number(commit, move || clock.advance(Millis::from_secs(20)));
    }
    let lease = world.lease(WorkKind::Execute).await;
    worker::work(&world.services, &lease).await.unwrap();
    assert_eq!((world.state(id).await, world.tool.performed()), ("applied", vec![1, 2, 3]));
    assert!(world.tool.probed().is_empty());
    let fences: Vec<_> = world.tool.journal().effects().iter().map(|effect| effect.fence).collect();
    assert_eq!(fences, [lease.fence; 3], "one lease for all of it");
}

#[tokio::test]
async fn r6_a_lost_connection_at_the_applying_commit_is_looked_up_and_gone_on_with() {
    for fault in [CommitFault::UnknownWritten, CommitFault::UnknownNotWritten] {
        let world = World::new(1).await;
        let id = world.approved("a").await;
        world.store.fail_next_commit(fault);
        world.work_off().await;
        world.pass(1).await;
        assert_eq!(world.state(id).await, "applied", "{fault:?}");
        assert_eq!(world.tool.performed(), [1], "{fault:?}");
        assert_eq!(world.count("approval.applying"), 1);
        check(&world.rows());
    }
}

#[tokio::test]
async fn a_worker_whose_store_is_away_gives_nothing_back_and_nothing_is_lost() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let lease = world.lease(WorkKind::Execute).await;
    world.store.set_unreachable(true);
    worker::work(&world.services, &lease).await.unwrap_err();
    world.store.set_unreachable(false);
    world.pass(30).await;
    assert_eq!(world.state(id).await, "applied");
}

#[tokio::test]
async fn a_step_found_done_by_another_executors_probe_keeps_its_receipt() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let lost = StepOutcome::Unclear { code: "target_no_answer", message: "cut".to_owned() };
    world.tool.script_step_with_effect(1, lost);
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(world.tool.journal().len(), 1);
    let receipts = &world.last_detail("approval.applied")["receipts"];
    assert_eq!(*receipts, json!([{"target": "test.write:a#1", "step": 1}]));
}
