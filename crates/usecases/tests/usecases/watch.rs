//! Watching: what somebody wrote past us is on the record once, and what is our own doing never.

use std::sync::Arc;

use countersign_kernel::{Millis, RequestId};
use countersign_mcp_tools::{
    Deviation, Explanation, Finding, Inspection, ProbeOutcome, StepOutcome, Stray, Survey,
};
use countersign_testkit::TestTool;
use countersign_usecases::port::{WorkKind, WorkSubject};
use countersign_usecases::{Services, watch};
use serde_json::{Value, json};

use crate::support::mocks::unclear;
use crate::support::{Setup, World, check};

const EVERY: Millis = Millis::from_secs(300);

fn changed(seen: Value, unless: Explanation) -> Inspection {
    let finding = Finding { deviation: Deviation::Rewritten, left: json!({"version": 1}), seen };
    Inspection::Changed { finding, unless }
}

fn rewritten(version: u32) -> Inspection {
    changed(json!({"version": version}), Explanation::Nothing)
}

/// A watching process on this store, which has begun.
async fn watcher(world: &World, seed: u64) -> Arc<Services> {
    let services = world.watching(seed, EVERY);
    watch::begin(&services).await.unwrap();
    services
}

/// A world of one request with so many steps that was applied.
async fn applied(steps: u32) -> (World, Arc<Services>, RequestId) {
    let world = World::with_tool(TestTool::writing(steps), Setup::default()).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
    let services = watcher(&world, 2).await;
    (world, services, id)
}

fn findings(world: &World) -> usize {
    world.count("bypass.detected")
}

#[tokio::test]
async fn a_write_past_us_is_recorded_once_and_a_changed_one_again() {
    let (world, services, id) = applied(1).await;
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 0, "all is as it was left");
    world.tool.set_inspection(1, rewritten(2));
    for _ in 0..3 {
        world.pass_with(&services, 300).await;
    }
    assert_eq!(findings(&world), 1, "once for a finding, not for a look");
    let detail = world.last_detail("bypass.detected");
    assert_eq!(
        (&detail["target"], &detail["deviation"], &detail["left"], &detail["seen"]),
        (&json!("test.write:a#1"), &json!("rewritten"), &json!({"version": 1}), &json!({"version": 2}))
    );
    world.tool.set_inspection(1, rewritten(3));
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 2, "another finding");

    let rows = world.rows();
    let event = rows.events.iter().find(|event| event.event_type == "bypass.detected").unwrap();
    assert_eq!(event.request_id, Some(id.to_string()));
    assert_eq!((event.actor_kind.as_str(), event.actor_id.as_str()), ("system", "watcher"));
    let linked = |link: &&countersign_usecases::record::LinkRecord| link.from_id == event.event_id;
    let link = rows.links.iter().find(linked).unwrap();
    assert_eq!((link.from_kind.as_str(), link.to_kind.as_str()), ("event", "request"));
    assert_eq!(link.to_id, id.to_string());
    assert_eq!(world.state(id).await, "applied", "nothing else changes");
    check(&rows);
}

#[tokio::test]
async fn each_target_of_a_request_has_its_own_finding() {
    let (world, services, _) = applied(2).await;
    for step in [1, 2] {
        world.tool.set_inspection(step, rewritten(2));
    }
    world.pass_with(&services, 0).await;
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 2);
    world.tool.set_inspection(1, rewritten(3));
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 3, "only the changed one again");
}

#[tokio::test]
async fn a_later_request_is_what_counts_from_then_on() {
    let (world, services, first) = applied(1).await;
    world.tool.set_inspection(1, rewritten(2));
    world.pass_with(&services, 0).await;
    world.tool.set_inspection(1, Inspection::AsLeft);
    let second = world.approved("a").await;
    assert_ne!(first, second);
    world.work_off().await;
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 1);
    world.tool.set_inspection(1, rewritten(2));
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 2, "the same deviation, from another write");
    let events = world.events_of(second);
    assert_eq!(events.iter().filter(|event| *event == "bypass.detected").count(), 1);
}

#[tokio::test]
async fn what_is_being_written_or_in_doubt_or_failed_is_not_judged() {
    let world = World::with_tool(TestTool::writing(1), Setup::default()).await;
    let services = watcher(&world, 2).await;
    world.tool.set_inspection(1, rewritten(2));
    world
        .tool
        .script_step(1, StepOutcome::Transient { code: "c", message: "m".to_owned(), retry_after: None });
    let begun = world.approved("a").await;
    for lease in world.claim().await {
        countersign_usecases::worker::work(&world.services, &lease).await.unwrap();
    }
    assert_eq!(world.state(begun).await, "applying");
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 0, "it is being written");

    let world = World::with_tool(TestTool::writing(2), Setup::default()).await;
    let services = watcher(&world, 2).await;
    for step in [1, 2] {
        world.tool.set_inspection(step, rewritten(2));
    }
    world.tool.script_step(2, unclear());
    for _ in 0..2 {
        let why = "looking does not tell".to_owned();
        world.tool.script_probe(2, ProbeOutcome::CannotTell { why, retry: false });
    }
    let in_doubt = world.approved("a").await;
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(in_doubt).await, "unknown");
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 0, "what became of it is not known");
}

#[tokio::test]
async fn a_write_of_ours_during_the_look_is_no_finding() {
    let (world, services, _) = applied(1).await;
    world.tool.set_inspection(1, rewritten(2));
    let reply = world.call("a").await;
    let (id, replica) = (reply.request.unwrap(), world.replica(5));
    world.approve(id, crate::support::ALICE).await.unwrap();
    let store = world.store.clone();
    world.tool.on_inspect(move || {
        crate::support::on_another_thread(work_off(store.clone(), Arc::clone(&replica)));
    });
    let lease = world.lease(WorkKind::Watch).await;
    countersign_usecases::worker::work(&services, &lease).await.unwrap();
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(findings(&world), 0);
    world.tool.on_inspect(|| {});
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 1, "and the next look judges by the newer write");
}

async fn work_off(store: countersign_testkit::MemoryStore, services: Arc<Services>) {
    use countersign_usecases::port::WorkQueue as _;
    let worker = countersign_testkit::TestIds::new(77, countersign_testkit::TestClock::default()).worker();
    let leases = store.claim(worker, &[WorkKind::Execute], 10).await.unwrap();
    assert_eq!(leases.len(), 1);
    for lease in &leases {
        countersign_usecases::worker::work(&services, lease).await.unwrap();
    }
}

#[tokio::test]
async fn a_later_write_of_ours_to_the_same_object_explains_what_it_changes_there() {
    // `test.write:a#1`, and later `test.write:a#key#1`: both parts of `test.write:a`.
    let (world, services, _) = applied(1).await;
    world.tool.set_inspection(1, changed(json!({"mark": "another"}), Explanation::LaterWriteToObject));
    world.clock.advance(Millis(1));
    world.approved("ab").await;
    world.work_off().await;
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 2, "a later write to another object explains nothing");

    let (world, services, _) = applied(1).await;
    world.tool.set_inspection(1, changed(json!({"mark": "another"}), Explanation::LaterWriteToObject));
    world.clock.advance(Millis(1));
    world.approved("a#key").await;
    world.work_off().await;
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 1, "nothing came after the later one");
    assert_eq!(world.last_detail("bypass.detected")["target"], "test.write:a#key#1");
}

#[tokio::test]
async fn two_watchers_look_in_turn_and_record_once() {
    let (world, services, _) = applied(1).await;
    let other = watcher(&world, 3).await;
    let rows = world.rows().work;
    let watches = rows.iter().filter(|row| row.kind == WorkKind::Watch);
    assert_eq!(watches.count(), 1, "one row for all of them");
    world.tool.set_inspection(1, rewritten(2));
    let lease = world.lease(WorkKind::Watch).await;
    world.pass_with(&other, 0).await;
    assert_eq!(findings(&world), 0, "the other has the lease");
    countersign_usecases::worker::work(&services, &lease).await.unwrap();
    world.pass_with(&other, 300).await;
    assert_eq!(findings(&world), 1);
}

#[tokio::test]
async fn a_watcher_that_lost_its_lease_records_nothing() {
    let (world, services, _) = applied(1).await;
    world.tool.set_inspection(1, rewritten(2));
    let stale = world.lease(WorkKind::Watch).await;
    world.clock.advance(Millis::from_secs(3600));
    let held = world.lease(WorkKind::Watch).await;
    watch::watch(&services, &stale).await.unwrap();
    assert_eq!(findings(&world), 0);
    watch::watch(&services, &held).await.unwrap();
    assert_eq!(findings(&world), 1);
}

#[tokio::test]
async fn a_process_that_is_not_told_to_watch_leaves_it_to_others() {
    let (world, services, _) = applied(1).await;
    watch::begin(&world.services).await.unwrap();
    world.tool.set_inspection(1, rewritten(2));
    world.work_off().await;
    let row = world.rows().work_of(WorkKind::Watch, &WorkSubject::targets()).cloned();
    assert!(row.is_some(), "it is still due");
    assert_eq!(findings(&world), 0);
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 1);

    let idle = World::new(1).await;
    watch::begin(&idle.services).await.unwrap();
    assert!(idle.rows().work_of(WorkKind::Watch, &WorkSubject::targets()).is_none(), "nobody watches");
}

#[tokio::test]
async fn a_target_that_can_not_be_seen_does_not_stop_the_watch() {
    let (world, services, _) = applied(2).await;
    world.tool.set_inspection(1, Inspection::CouldNotLook { why: "it is away".to_owned() });
    world.tool.set_inspection(2, rewritten(2));
    world.pass_with(&services, 0).await;
    assert_eq!(findings(&world), 1);
    world.tool.set_inspection(1, Inspection::NotWatched);
    world.pass_with(&services, 300).await;
    assert_eq!(findings(&world), 1);
}

fn stray(marked_by: RequestId, id: &str) -> Survey {
    let finding = Finding {
        deviation: Deviation::Unregistered,
        left: json!({"registered": null}),
        seen: json!({"id": id}),
    };
    let stray = Stray { target: "test:stray".to_owned(), marked_by, finding };
    Survey { strays: vec![stray], not_seen: vec!["another was away".to_owned()] }
}

#[tokio::test]
async fn what_carries_our_mark_and_is_on_no_record_is_recorded_once_with_the_request_it_names() {
    let (world, services, id) = applied(1).await;
    world.tool.set_survey(stray(id, "1"));
    for _ in 0..3 {
        world.pass_with(&services, 300).await;
    }
    assert_eq!(findings(&world), 1);
    let detail = world.last_detail("bypass.detected");
    assert_eq!((&detail["target"], &detail["deviation"]), (&json!("test:stray"), &json!("unregistered")));
    world.tool.set_survey(stray(id, "2"));
    world.tool.set_inspection(1, rewritten(2));
    for _ in 0..2 {
        world.pass_with(&services, 300).await;
    }
    assert_eq!(findings(&world), 3, "another one, and what inspecting found, each once");
    assert_eq!(world.events_of(id).iter().filter(|event| *event == "bypass.detected").count(), 3);
    check(&world.rows());
}

#[tokio::test]
async fn what_names_a_request_that_is_not_ours_is_recorded_once_too() {
    let (world, services, id) = applied(1).await;
    let unknown = countersign_testkit::TestIds::new(99, world.clock.clone()).request();
    world.tool.set_inspection(1, rewritten(2));
    world.tool.set_survey(stray(unknown, "1"));
    for _ in 0..3 {
        world.pass_with(&services, 300).await;
    }
    assert_eq!(findings(&world), 2);
    assert_eq!(world.events_of(id).iter().filter(|event| *event == "bypass.detected").count(), 1);
    let rows = world.rows();
    let about_none = |event: &&countersign_usecases::record::EventRecord| {
        event.event_type == "bypass.detected" && event.request_id.is_none()
    };
    let event = rows.events.iter().find(about_none).unwrap();
    assert_eq!((&event.run_id, event.policy_digest.is_some()), (&None, true));
    assert!(!rows.links.iter().any(|link| link.from_id == event.event_id));
    check(&rows);
}

#[tokio::test]
async fn a_watcher_that_lost_its_lease_records_no_stray() {
    let (world, services, id) = applied(1).await;
    world.tool.set_survey(stray(id, "1"));
    let stale = world.lease(WorkKind::Watch).await;
    world.clock.advance(Millis::from_secs(3600));
    let held = world.lease(WorkKind::Watch).await;
    watch::watch(&services, &stale).await.unwrap();
    assert_eq!(findings(&world), 0);
    watch::watch(&services, &held).await.unwrap();
    assert_eq!(findings(&world), 1);
}
