//! Bad input: each is answered by a stable code, recorded where it is worth it, and leaves state as it was.

mod decisions;
mod floods;
mod outside_groups;
mod policy;

use countersign_kernel::{Fault, Kind, RuntimeMode};
use countersign_mcp_tools::PlanRefusal;
use countersign_testkit::MemoryStore;
use countersign_testkit::build::{self, run_id};
use countersign_usecases::call_tool::{CallError, CallReply, CallStatus, call_tool};
use countersign_usecases::runs::{finish_run, register_run};
use countersign_waitstate::{FinishReason, OutcomeStatus, RunLinks};
use serde_json::json;

use crate::support::{ALICE, RUN, Setup, World, check, on_another_thread, platform, texts};

fn code(outcome: Result<CallReply, CallError>) -> (&'static str, Kind) {
    let error = outcome.unwrap_err();
    (error.code(), error.kind())
}

/// Fails when anything was written since `before`.
fn nothing_written(store: &MemoryStore, before: &countersign_testkit::Rows) {
    assert_eq!(store.rows(), *before);
}

#[tokio::test]
async fn an_unknown_tool_is_not_found() {
    let world = World::new(1).await;
    let before = world.rows();
    for name in ["test.erase", "no tool at all", &"x".repeat(5000)] {
        let refused = world.try_call(name, json!({})).await.unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("unknown_tool", Kind::NotFound));
        assert!(refused.to_string().len() < 120, "long names are cut");
    }
    nothing_written(&world.store, &before);
}

#[tokio::test]
async fn an_unknown_run_is_not_found() {
    let world = World::new(1).await;
    let before = world.rows();
    let arguments = json!({"name": "a", "environment": "dev"});
    let refused = call_tool(&world.services, &run_id("run-9"), "test.write", &arguments).await;
    assert_eq!(code(refused), ("unknown_run", Kind::NotFound));
    nothing_written(&world.store, &before);
}

#[tokio::test]
async fn wrong_arguments_are_told_all_at_once() {
    let world = World::new(1).await;
    let before = world.rows();
    let refused = world.try_call("test.write", json!({"environment": "Not One"})).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("invalid_arguments", Kind::Invalid));
    assert_eq!(refused.violations().unwrap().iter().count(), 2);
    nothing_written(&world.store, &before);
}

#[tokio::test]
async fn r1_an_unknown_project_cannot_have_runs_and_is_refused_when_it_disappears() {
    let world = World::new(1).await;
    let facts = countersign_waitstate::RunFacts {
        project: countersign_kernel::ProjectKey::parse("bakery").unwrap(),
        ..build::run_facts("run-2")
    };
    let refused = register_run(&world.services, facts, RunLinks::default(), &platform()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("unknown_project", Kind::Denied));
    world.activate(&countersign_testkit::policy::TEXT.replace("  shop: {", "  bakery: {")).await;
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(code(refused), ("policy_denied", Kind::Denied));
    assert_eq!(world.last_detail("approval.denied")["code"], "unknown_project");
}

#[tokio::test]
async fn r1_an_unknown_environment_is_denied_and_recorded() {
    let world = World::new(1).await;
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "moon"})).await;
    assert_eq!(code(refused), ("policy_denied", Kind::Denied));
    let detail = world.last_detail("approval.denied");
    assert_eq!((&detail["code"], &detail["by"]), (&json!("unknown_environment"), &json!("policy")));
    assert!(world.rows().requests.is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn a_finished_run_calls_nothing_any_more() {
    let world = World::new(1).await;
    finish_run(&world.services, &run_id(RUN), FinishReason::Completed, &platform()).await.unwrap();
    let before = world.rows();
    for tool in ["test.write", "test.read"] {
        let refused = world.try_call(tool, json!({"name": "a", "environment": "dev"})).await;
        assert_eq!(code(refused), ("run_ended", Kind::Unauthenticated));
    }
    nothing_written(&world.store, &before);
}

#[tokio::test]
async fn an_ending_run_calls_nothing_any_more() {
    let world = World::new(1).await;
    world.call("a").await;
    finish_run(&world.services, &run_id(RUN), FinishReason::Stopped, &platform()).await.unwrap();
    assert_eq!(world.rows().runs[0].status, "ending");
    let refused = world.try_call("test.write", json!({"name": "b", "environment": "dev"})).await;
    assert_eq!(code(refused), ("run_ended", Kind::Unauthenticated));
}

/// Ends the run right before the next commit is written.
fn end_before_next_commit(world: &World) {
    let services = world.replica(5);
    world.ledger.before_next_commit(move || {
        on_another_thread(async move {
            finish_run(&services, &run_id(RUN), FinishReason::Stopped, &platform()).await.unwrap();
        });
    });
}

#[tokio::test]
async fn a_run_that_ends_between_load_and_commit_opens_nothing() {
    let world = World::new(1).await;
    end_before_next_commit(&world);
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(code(refused), ("run_ended", Kind::Unauthenticated));
    assert!(world.rows().requests.is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn a_run_that_ends_between_load_and_commit_is_told_nothing_either() {
    let (dry, read) = (json!({"name": "a", "environment": "dev", "dry_run": true}), json!({"name": "a"}));
    for (tool, arguments) in [("test.write", dry), ("test.read", read)] {
        let world = World::new(1).await;
        end_before_next_commit(&world);
        assert_eq!(code(world.try_call(tool, arguments).await), ("run_ended", Kind::Unauthenticated));
        assert_eq!((world.count("mcp.tool.dry_run"), world.count("mcp.tool.called")), (0, 0));
    }
    let world = World::new(1).await;
    world.call("a").await;
    end_before_next_commit(&world);
    let repeated = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(code(repeated), ("run_ended", Kind::Unauthenticated));
    assert_eq!(world.count("approval.reused"), 0);
}

#[tokio::test]
async fn r3_the_same_intent_meets_its_open_request_and_a_new_one_once_that_is_over() {
    let world = World::new(1).await;
    let first = world.call("a").await;
    let again = world.call("a").await;
    assert_eq!(
        (again.request, again.reused, again.status),
        (first.request, true, CallStatus::ApprovalRequired)
    );
    assert_eq!((world.count("approval.requested"), world.count("approval.reused")), (1, 1));
    let other = world.call("b").await;
    assert_ne!(other.request, first.request);
    let id = first.request.unwrap();
    world.approve(id, ALICE).await.unwrap();
    assert_eq!(world.call("a").await.status, CallStatus::Executing);
    world.work_off().await;
    assert_ne!(world.call("a").await.request, first.request);
    check(&world.rows());
}

#[tokio::test]
async fn r3_a_key_means_one_request_for_ever() {
    let world = World::new(1).await;
    let keyed = |name: &str| json!({"name": name, "environment": "dev", "idempotency_key": "k-1"});
    let first = world.try_call("test.write", keyed("a")).await.unwrap();
    let id = first.request.unwrap();
    let again = world.try_call("test.write", keyed("a")).await.unwrap();
    assert_eq!((again.request, again.reused), (Some(id), true));
    world.approve(id, ALICE).await.unwrap();
    world.work_off().await;
    let settled = world.try_call("test.write", keyed("a")).await.unwrap();
    assert_eq!((settled.request, settled.status), (Some(id), CallStatus::Over(OutcomeStatus::Applied)));
    assert_eq!(settled.detail["receipts"][0]["step"], 1);
    assert_eq!(world.tool.performed(), [1]);
    check(&world.rows());
}

#[tokio::test]
async fn a_key_with_another_intent_is_refused_open_or_settled() {
    let world = World::new(1).await;
    let keyed = |name: &str, environment: &str| json!({"name": name, "environment": environment, "idempotency_key": "k-1"});
    let id = world.try_call("test.write", keyed("a", "dev")).await.unwrap().request.unwrap();
    let before = world.rows();
    for other in [keyed("b", "dev"), keyed("a", "staging")] {
        let refused = world.try_call("test.write", other).await;
        assert_eq!(code(refused), ("idempotency_key_reused", Kind::AlreadyExists));
    }
    nothing_written(&world.store, &before);
    world.approve(id, ALICE).await.unwrap();
    world.work_off().await;
    let refused = world.try_call("test.write", keyed("b", "dev")).await;
    assert_eq!(code(refused), ("idempotency_key_reused", Kind::AlreadyExists));
}

#[tokio::test]
async fn r1_a_policy_denial_is_recorded_as_approval_denied_without_a_request() {
    let world = World::under(texts::nothing_goes(), 1).await;
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(code(refused), ("policy_denied", Kind::Denied));
    let detail = world.last_detail("approval.denied");
    assert_eq!((&detail["code"], &detail["tool"]), (&json!("policy_denied"), &json!("test.write")));
    assert!(detail["reason"].as_str().unwrap().contains("no-code-only-writes"));
    let rows = world.rows();
    assert!(rows.requests.is_empty() && rows.waits.is_empty());
    assert!(world.tool.performed().is_empty());
}

#[tokio::test]
async fn r1_agents_that_only_see_code_may_not_write() {
    let world = World::new(1).await;
    let facts =
        countersign_waitstate::RunFacts { runtime_mode: RuntimeMode::CodeOnly, ..build::run_facts("run-2") };
    world.register(facts).await;
    let arguments = json!({"name": "a", "environment": "dev"});
    let refused = call_tool(&world.services, &run_id("run-2"), "test.write", &arguments).await;
    assert_eq!(code(refused), ("policy_denied", Kind::Denied));
}

#[tokio::test]
async fn refusals_beyond_ten_a_minute_are_counted_and_told_by_the_next_event() {
    let world = World::under(texts::nothing_goes(), 1).await;
    let call = || world.try_call("test.write", json!({"name": "a", "environment": "dev"}));
    for _ in 0..13 {
        assert_eq!(code(call().await), ("policy_denied", Kind::Denied));
    }
    assert_eq!(world.count("approval.denied"), 10);
    assert_eq!(world.rows().runs[0].refusals_suppressed, 3);
    world.clock.advance(countersign_kernel::Millis::from_secs(60));
    assert_eq!(code(call().await), ("policy_denied", Kind::Denied));
    assert_eq!(world.count("approval.denied"), 11);
    assert_eq!(world.last_detail("approval.denied")["suppressed_before"], 3);
    check(&world.rows());
}

#[tokio::test]
async fn suppressed_refusals_are_told_by_the_end_of_the_run_or_by_a_refused_plan() {
    let world = World::under(texts::nothing_goes(), 1).await;
    for _ in 0..12 {
        let _refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    }
    world.activate(countersign_testkit::policy::TEXT).await;
    world.clock.advance(countersign_kernel::Millis::from_secs(60));
    world.tool.set_refusal(Some(refusal()));
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(code(refused), ("database_not_ours", Kind::Conflict));
    assert_eq!(world.last_detail("mcp.tool.rejected")["suppressed_before"], 2);
    for _ in 0..12 {
        let _refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    }
    finish_run(&world.services, &run_id(RUN), FinishReason::Completed, &platform()).await.unwrap();
    assert_eq!(world.last_detail("run.finished")["suppressed_refusals"], 3);
}

fn refusal() -> PlanRefusal {
    PlanRefusal {
        code: "database_not_ours",
        message: "the database `orders` wasn't created by us".to_owned(),
    }
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused_and_recorded() {
    let world = World::new(1).await;
    world.tool.set_refusal(Some(refusal()));
    let refused = world.try_call("test.write", json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(code(refused), ("database_not_ours", Kind::Conflict));
    let detail = world.last_detail("mcp.tool.rejected");
    assert_eq!(detail["code"], "database_not_ours");
    assert_eq!(detail["reason"], "the database `orders` wasn't created by us");
    assert!(world.rows().requests.is_empty());
}

#[tokio::test]
async fn r1_without_a_policy_everything_is_refused() {
    let world = World::with_tool(
        countersign_testkit::TestTool::writing(1),
        Setup { policy: None, ..Setup::default() },
    )
    .await;
    let facts = build::run_facts(RUN);
    let refused = register_run(&world.services, facts, RunLinks::default(), &platform()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("no_policy", Kind::Denied));
    assert!(world.rows().runs.is_empty());
}

#[tokio::test]
async fn r1_a_call_without_a_policy_is_denied_and_recorded_and_nothing_approved_is_executed() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.ledger.forget_policy();
    let refused = world.try_call("test.write", json!({"name": "b", "environment": "dev"})).await;
    assert_eq!(code(refused), ("policy_denied", Kind::Denied));
    assert_eq!(world.last_detail("approval.denied")["code"], "no_policy");
    world.work_off().await;
    assert_eq!(world.state(id).await, "approved");
    assert!(world.tool.performed().is_empty());
}
