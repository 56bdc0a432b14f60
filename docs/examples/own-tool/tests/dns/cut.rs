//! Answers that never come: looked for, never repeated blindly, and done once.

use serde_json::json;

use crate::applied::API;
use crate::stand_in::Fault;
use crate::world::{World, delete, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_cut_is_found_by_its_mark() {
    let world = World::new().await;
    let id = world.asked(&upsert("192.0.2.7")).await;
    world.approve(id).await;
    world.dns.fail_writes(&[Fault::CutAfter]);
    world.work(id).await;
    let outcome = world.outcome(id).await;
    assert_eq!(outcome.status.as_str(), "applied");
    assert!(
        outcome.detail.to_string().contains("the record bears the mark of this request"),
        "{}",
        outcome.detail
    );
    assert_eq!(world.dns.writes().len(), 1, "written once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_never_arrived_is_made_again() {
    let world = World::new().await;
    let id = world.asked(&upsert("192.0.2.7")).await;
    world.approve(id).await;
    world.dns.fail_writes(&[Fault::CutBefore, Fault::Answer(503, None), Fault::Answer(429, Some(2))]);
    world.work(id).await;
    assert_eq!(world.outcome(id).await.status.as_str(), "applied");
    assert_eq!(world.dns.writes().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_whose_answer_is_cut_is_found_done() {
    let world = World::new().await;
    world.dns.change(API, "A", json!({"values": ["192.0.2.7"], "ttl_s": 300}));
    let id = world.asked(&delete()).await;
    world.approve(id).await;
    world.dns.fail_writes(&[Fault::CutAfter]);
    world.work(id).await;
    assert_eq!(world.outcome(id).await.status.as_str(), "applied");
    assert_eq!(world.dns.writes().len(), 1);
}

/// Our write was cut and somebody else wrote before it could be looked for: nobody can tell what came of ours, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_unknown_and_left_to_a_person() {
    let world = World::new().await;
    let id = world.asked(&upsert("192.0.2.7")).await;
    world.approve(id).await;
    world.dns.fail_writes(&[Fault::CutAfter]);
    world.work_once(id).await;
    let by_hand = json!({"values": ["198.51.100.1"], "ttl_s": 300, "comment": "by hand"});
    world.dns.change(API, "A", by_hand.clone());
    world.work(id).await;
    assert_eq!(world.outcome(id).await.status.as_str(), "unknown");
    assert_eq!(world.dns.content(API, "A"), Some(by_hand), "what somebody else wrote stays");
}
