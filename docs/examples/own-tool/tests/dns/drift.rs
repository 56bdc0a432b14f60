//! What changed between approval and execution is not overwritten: people are asked again, with the difference shown.

use countersign_kernel::{Fault as _, Millis};
use serde_json::json;

use crate::applied::API;
use crate::stand_in::Fault;
use crate::world::{World, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_changed_since_the_approval_is_asked_about_again() {
    let world = World::new().await;
    let id = world.asked(&upsert("192.0.2.7")).await;
    world.approve(id).await;
    let approved = world.digest(id).await;
    world.dns.change(API, "A", json!({"values": ["198.51.100.1"], "ttl_s": 300, "comment": "by hand"}));
    world.work(id).await;

    let request = world.request(id).await.request;
    assert_eq!((request.state.name().as_str(), request.revision), ("requested", 2));
    assert_ne!(request.proposal.plan_digest, approved, "the old approval is of no use");
    assert_eq!(request.proposal.plan["facts"][0]["code"], "dns_record_replaced");
    assert_eq!(request.proposal.plan["facts"][0]["params"]["before"]["values"], json!(["198.51.100.1"]));
    assert_eq!(world.dns.writes(), [""; 0]);

    world.approve(id).await;
    world.work(id).await;
    assert_eq!(world.outcome(id).await.status.as_str(), "applied");
    assert_eq!(world.dns.writes().len(), 1);
}

/// A change that nobody sees any more before the write is refused by the service, because the write names the version it replaces.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_changed_after_the_last_look_is_not_overwritten() {
    let world = World::new().await;
    let id = world.asked(&upsert("192.0.2.7")).await;
    world.approve(id).await;
    // The first attempt is certainly not done; before the second one somebody writes.
    world.dns.fail_writes(&[Fault::Answer(429, Some(60))]);
    let changed = json!({"values": ["198.51.100.1"], "ttl_s": 300, "comment": "by hand"});
    world.work_once(id).await;
    world.dns.change(API, "A", changed.clone());
    world.advance(Millis::from_secs(61));
    world.work(id).await;
    // An attempt before this one may have been ours to find, so it is looked for; the record tells nothing, and nothing is claimed.
    assert_eq!(world.outcome(id).await.status.as_str(), "unknown");
    assert_eq!(world.dns.content(API, "A"), Some(changed));
    assert_eq!(world.dns.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_so_already_is_refused_at_once() {
    let world = World::new().await;
    world.dns.change(API, "A", json!({"values": ["192.0.2.7"], "ttl_s": 300}));
    let refused = world.call(&upsert("192.0.2.7")).await.unwrap_err();
    assert_eq!(refused.code(), "dns_record_unchanged");
}
