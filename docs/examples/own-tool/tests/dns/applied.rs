//! From the call to `applied`, once each.

use serde_json::json;

use crate::stand_in::ZONE;
use crate::world::{World, delete, upsert};

pub const API: &str = "api.staging.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_record_is_set_once_and_bears_its_request() {
    let world = World::new().await;
    let id = world.asked(&upsert("192.0.2.7")).await;
    assert_eq!(world.dns.writes(), [""; 0], "nothing is written before somebody approved");
    world.approve(id).await;
    world.work(id).await;

    let outcome = world.outcome(id).await;
    assert_eq!(outcome.status.as_str(), "applied");
    let receipt = &outcome.detail["receipts"][0];
    assert!(receipt.to_string().contains(API), "{}", outcome.detail);
    assert_eq!(world.dns.writes(), [format!("PUT /v1/zones/{ZONE}/records/{API}/A")]);
    let content =
        json!({"values": ["192.0.2.7"], "ttl_s": 300, "comment": format!("countersign request {id}")});
    assert_eq!(world.dns.content(API, "A"), Some(content));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_replaced_and_deleted_with_what_is_there_shown() {
    let world = World::new().await;
    world.dns.change(API, "A", json!({"values": ["192.0.2.9", "192.0.2.1"], "ttl_s": 60}));
    let id = world.asked(&upsert("192.0.2.7")).await;
    let plan = world.request(id).await.request.proposal.plan;
    let before = json!({"values": ["192.0.2.1", "192.0.2.9"], "ttl_s": 60, "written_by_us": false});
    assert_eq!(plan["facts"][0]["code"], "dns_record_replaced");
    assert_eq!(plan["facts"][0]["params"]["before"], before);
    world.approve(id).await;
    world.work(id).await;
    assert_eq!(world.outcome(id).await.status.as_str(), "applied");

    let id = world.asked(&delete()).await;
    let plan = world.request(id).await.request.proposal.plan;
    assert_eq!(plan["facts"][0]["code"], "dns_record_deleted");
    assert_eq!(plan["facts"][0]["params"]["before"]["written_by_us"], true);
    world.approve(id).await;
    world.work(id).await;
    assert_eq!(world.outcome(id).await.status.as_str(), "applied");
    assert_eq!(world.dns.content(API, "A"), None);
    assert_eq!(world.dns.writes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_in_english_and_touches_nothing() {
    let world = World::new().await;
    let mut arguments = upsert("192.0.2.7");
    arguments["dry_run"] = json!(true);
    let reply = world.call(&arguments).await.unwrap();
    assert_eq!((reply.status.as_str(), reply.request), ("dry_run", None));
    let preview = reply.preview.expect("a preview");
    assert_eq!(preview.facts, [format!("`{API}` A does not exist and will be 192.0.2.7 (for 300 s).")]);
    assert!(preview.looked);
    assert_eq!(world.dns.writes(), [""; 0]);
}

/// The same wish in another spelling is the same request: the input is normalised before its digest is taken.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_wish_is_one_request() {
    let world = World::new().await;
    let mut first = upsert("192.0.2.7");
    first["values"] = json!(["192.0.2.7", "192.0.2.8"]);
    let mut second = upsert("192.0.2.7");
    second["values"] = json!(["192.0.2.8", "192.0.2.7", "192.0.2.8"]);
    second["ttl_s"] = json!(300.0);
    second["justification"] = json!("Said in other words, and yet the same.");
    let first = world.asked(&first).await;
    let reply = world.call(&second).await.unwrap();
    assert_eq!((reply.request, reply.reused), (Some(first), true));
}
