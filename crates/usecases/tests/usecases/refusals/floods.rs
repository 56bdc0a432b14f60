//! An agent that asks again and again: neither its requests nor the log grow without end.

use countersign_approvals::Choice;
use countersign_kernel::Kind;
use countersign_testkit::build::{self, run_id};
use countersign_usecases::call_tool::{CallStatus, call_tool};
use serde_json::json;

use super::{code, refusal};
use crate::support::{ALICE, World, check};

#[tokio::test]
async fn the_request_after_a_hundred_open_ones_is_refused_before_the_target_is_looked_at_and_recorded() {
    let world = World::new(1).await;
    let mut first = None;
    for number in 0..100 {
        let opened = world.call(&format!("thing-{number}")).await;
        first = first.or(opened.request);
    }
    // It would be refused for this reason, were the target looked at.
    world.tool.set_refusal(Some(refusal()));
    let one_more = || world.try_call("test.write", json!({"name": "more", "environment": "dev"}));
    assert_eq!(code(one_more().await), ("too_many_open_requests", Kind::Exhausted));
    let detail = world.last_detail("mcp.tool.rejected");
    assert_eq!((&detail["code"], &detail["tool"]), (&json!("too_many_open_requests"), &json!("test.write")));
    world.tool.set_refusal(None);
    assert_eq!((world.rows().requests.len(), world.count("mcp.tool.called")), (100, 100));

    // What opens nothing is let through, and so is another run.
    let again = world.call("thing-0").await;
    assert_eq!((again.request, again.reused), (first, true));
    let dry = json!({"name": "more", "environment": "dev", "dry_run": true});
    assert_eq!(world.try_call("test.write", dry).await.unwrap().status, CallStatus::DryRun);
    let read = world.try_call("test.read", json!({"name": "a", "environment": "dev"})).await.unwrap();
    assert_eq!(read.status, CallStatus::Described);
    let forbidden = world.try_call("test.write", json!({"name": "more", "environment": "moon"})).await;
    assert_eq!(code(forbidden), ("policy_denied", Kind::Denied), "what policy says comes first");
    world.register(build::run_facts("run-2")).await;
    let other = json!({"name": "more", "environment": "dev"});
    call_tool(&world.services, &run_id("run-2"), "test.write", &other).await.unwrap();

    // Like any refusal it is counted only, beyond ten a minute.
    for _ in 0..15 {
        assert_eq!(code(one_more().await), ("too_many_open_requests", Kind::Exhausted));
    }
    assert_eq!(world.count("mcp.tool.rejected") + world.count("approval.denied"), 10);
    world.decide(first.unwrap(), Choice::Deny, again.plan_digest.unwrap(), ALICE).await.unwrap();
    assert!(one_more().await.unwrap().request.is_some(), "there is room again");
    check(&world.rows());
}
