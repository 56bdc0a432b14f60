//! An agent that asks again and again: neither its requests nor the log grow without end.

use countersign_approvals::Choice;
use countersign_kernel::{Kind, Millis};
use countersign_testkit::build::{self, run_id};
use countersign_usecases::call_tool::{CallStatus, call_tool};
use countersign_usecases::decisions::{CancelBy, cancel_request};
use countersign_usecases::runs::finish_run;
use countersign_waitstate::FinishReason;
use serde_json::json;

use super::{code, refusal};
use crate::support::{ALICE, RUN, World, check, platform};

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

#[tokio::test]
async fn repeated_calls_and_dry_runs_beyond_ten_a_minute_are_answered_and_counted_only() {
    let world = World::new(1).await;
    let first = world.call("a").await;
    let dry = json!({"name": "a", "environment": "dev", "dry_run": true});
    for _ in 0..8 {
        let again = world.call("a").await;
        assert_eq!((again.request, again.reused), (first.request, true));
        let told = world.try_call("test.write", dry.clone()).await.unwrap();
        assert_eq!((told.status, told.preview.is_some()), (CallStatus::DryRun, true));
    }
    assert_eq!((world.count("approval.reused"), world.count("mcp.tool.dry_run")), (5, 5));
    assert_eq!(world.rows().runs[0].idle_calls_suppressed, 6);

    // They hide no refusal, which is counted apart.
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "moon"})).await;
    assert_eq!(code(refused), ("policy_denied", Kind::Denied));
    assert_eq!(world.last_detail("approval.denied")["suppressed_before"], 0);

    world.clock.advance(Millis::from_secs(60));
    assert!(world.call("a").await.reused);
    assert_eq!(world.last_detail("approval.reused")["suppressed_before"], 6);
    for _ in 0..12 {
        world.try_call("test.write", dry.clone()).await.unwrap();
    }
    assert_eq!(world.last_detail("mcp.tool.dry_run")["suppressed_before"], 0);
    cancel_request(&world.services, first.request.unwrap(), None, &CancelBy::Agent(run_id(RUN)))
        .await
        .unwrap();
    finish_run(&world.services, &run_id(RUN), FinishReason::Completed, &platform()).await.unwrap();
    let detail = world.last_detail("run.finished");
    assert_eq!((&detail["suppressed_idle_calls"], &detail["suppressed_refusals"]), (&json!(3), &json!(0)));
    check(&world.rows());
}

#[tokio::test]
async fn a_repeated_call_tells_the_budget_and_the_waits_nothing() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let before = world.rows();
    world.clock.advance(Millis::from_secs(5));
    assert_eq!(world.call("a").await.request, Some(id));
    let after = world.rows();
    let (run, was) = (&after.runs[0], &before.runs[0]);
    assert_eq!(
        (&run.status, run.budget_left_ms, run.waiting_since),
        (&was.status, was.budget_left_ms, was.waiting_since)
    );
    assert_eq!((after.waits, after.requests, after.work), (before.waits, before.requests, before.work));
}
