//! Requests whose effect is in doubt: healed by looking, or settled by a person with a reason.

use countersign_approvals::Verdict;
use countersign_kernel::{Fault, RequestId};
use countersign_mcp_tools::{ProbeOutcome, StepOutcome};
use countersign_testkit::TestTool;
use countersign_testkit::build::{run_id, words};
use countersign_usecases::decisions::resolve_unknown;
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::port::{WorkKind, WorkSubject};
use serde_json::json;

use crate::support::mocks::{permanent, unclear};
use crate::support::{ALICE, BOB, RUN, Setup, World, check, who};

fn cannot_tell(retry: bool) -> ProbeOutcome {
    ProbeOutcome::CannotTell { why: "looking does not tell".to_owned(), retry }
}

/// A world with a request that is `unknown` because the answer to its first step never came; `effect` says whether it happened.
async fn in_doubt(effect: bool) -> (World, RequestId) {
    let world = World::with_tool(TestTool::writing(1).with_secret(24), Setup::default()).await;
    let id = world.approved("a").await;
    if effect {
        world.tool.script_step_with_effect(1, unclear());
    } else {
        world.tool.script_step(1, unclear());
    }
    world.tool.script_probe(1, cannot_tell(false));
    // The first look of the probe work comes with the same worker's turn.
    world.tool.script_probe(1, cannot_tell(true));
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "unknown");
    assert_eq!(world.rows().sealed.len(), 1, "the secret is kept while it is unknown");
    assert!(world.rows().outcomes.is_empty());
    check(&world.rows());
    (world, id)
}

#[tokio::test]
async fn an_unknown_effect_that_a_probe_finds_is_applied_with_the_evidence() {
    let (world, id) = in_doubt(true).await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
    let detail = world.last_detail("approval.applied");
    assert_eq!((&detail["settled_by"], &detail["evidence"][0]["found"]), (&json!("probe"), &json!(true)));
    assert_eq!((world.tool.performed(), world.rows().sealed.len()), (vec![1], 0));
    check(&world.rows());
}

#[tokio::test]
async fn an_unknown_effect_that_certainly_did_not_happen_is_failed_and_not_repeated() {
    let (world, id) = in_doubt(false).await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "failed");
    assert_eq!(world.last_detail("approval.failed")["settled_by"], "probe");
    assert_eq!((world.tool.performed(), world.rows().sealed.len()), (vec![1], 0));
    check(&world.rows());
}

#[tokio::test]
async fn looking_that_never_tells_is_given_up_and_left_to_a_person() {
    let (world, id) = in_doubt(true).await;
    for _ in 0..30 {
        world.tool.script_probe(1, cannot_tell(true));
    }
    for _ in 0..30 {
        world.pass(60).await;
    }
    assert_eq!(world.state(id).await, "unknown");
    assert!(world.rows().work_of(WorkKind::Probe, &WorkSubject::request(id)).is_none());
    let looks = world.tool.probed().len();
    world.pass(3600).await;
    assert_eq!(world.tool.probed().len(), looks);
    check(&world.rows());
}

async fn resolved(verdict: Verdict) -> (World, RequestId) {
    let (world, id) = in_doubt(true).await;
    let reason = words("I looked at the target myself");
    resolve_unknown(&world.services, id, verdict, &reason, &who(ALICE)).await.unwrap();
    assert!(world.rows().sealed.is_empty(), "erased when settled");
    check(&world.rows());
    (world, id)
}

#[tokio::test]
async fn a_person_settles_what_is_unknown_as_applied() {
    let (world, id) = resolved(Verdict::Applied).await;
    assert_eq!(world.state(id).await, "applied");
    let detail = world.last_detail("approval.applied");
    assert_eq!((&detail["settled_by"], &detail["by"]), (&json!("person"), &json!(ALICE)));
    assert_eq!(detail["why"], "I looked at the target myself");
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!(told.status.as_str(), "applied");
    assert_eq!(world.rows().runs[0].status, "running");
}

#[tokio::test]
async fn a_person_settles_what_is_unknown_as_failed() {
    let (world, id) = resolved(Verdict::Failed).await;
    assert_eq!(world.state(id).await, "failed");
    assert_eq!(world.last_detail("approval.failed")["code"], "effect_unknown");
    let again = resolve_unknown(&world.services, id, Verdict::Applied, &words("no"), &who(ALICE)).await;
    assert_eq!(again.unwrap_err().code(), "already_settled");
}

#[tokio::test]
async fn settling_again_is_a_repeat_of_the_same_word_of_the_same_person_only() {
    for (verdict, other, event) in [
        (Verdict::Failed, Verdict::Applied, "approval.failed"),
        (Verdict::Applied, Verdict::Failed, "approval.applied"),
    ] {
        let (world, id) = resolved(verdict).await;
        let settle = |verdict, by: &'static str| {
            let services = world.services.clone();
            async move { resolve_unknown(&services, id, verdict, &words("I looked"), &who(by)).await }
        };
        assert!(settle(verdict, ALICE).await.unwrap().repeated);
        assert_eq!(settle(verdict, BOB).await.unwrap_err().code(), "already_settled");
        assert_eq!(settle(other, ALICE).await.unwrap_err().code(), "already_settled");
        assert_eq!(world.count(event), 1);
    }
}

#[tokio::test]
async fn a_target_is_free_for_the_next_request_once_a_person_has_settled_the_last() {
    for verdict in [Verdict::Applied, Verdict::Failed] {
        let (world, _) = resolved(verdict).await;
        let next = world.approved("a").await;
        world.pass(1).await;
        assert_eq!(world.state(next).await, "applied", "after {verdict:?}");
    }
}

#[tokio::test]
async fn only_what_is_unknown_can_be_settled_by_a_person() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let refused = resolve_unknown(&world.services, id, Verdict::Applied, &words("no"), &who(ALICE)).await;
    assert_eq!(refused.unwrap_err().code(), "not_unknown");
    assert_eq!(world.state(id).await, "requested");
}

#[tokio::test]
async fn half_of_the_steps_done_stays_unknown_until_a_person_decides() {
    let world = World::new(2).await;
    let id = world.approved("a").await;
    world.tool.script_step(2, permanent());
    world.work_off().await;
    for _ in 0..5 {
        world.pass(60).await;
    }
    assert_eq!(world.state(id).await, "unknown");
    assert!(world.rows().work_of(WorkKind::Probe, &WorkSubject::request(id)).is_none());
    resolve_unknown(&world.services, id, Verdict::Failed, &words("undone by hand"), &who(ALICE))
        .await
        .unwrap();
    assert_eq!(world.state(id).await, "failed");
    check(&world.rows());
}

#[tokio::test]
async fn a_target_that_refuses_forty_times_after_something_was_done_is_unknown() {
    let world = World::new(2).await;
    let id = world.approved("a").await;
    for _ in 0..60 {
        world.tool.script_step(
            2,
            StepOutcome::Transient {
                code: "target_broken",
                message: "500".to_owned(),
                retry_after: Some(countersign_kernel::Millis::from_secs(1)),
            },
        );
    }
    world.work_off().await;
    for _ in 0..60 {
        world.pass(1).await;
    }
    assert_eq!(world.state(id).await, "unknown");
    assert_eq!(world.tool.performed().len(), 1 + 40);
    assert_eq!(world.last_detail("approval.unknown")["code"], "target_unreachable");
    check(&world.rows());
}

/// A request with a secret whose first answer never came, so that it is `applying` with the step in doubt.
async fn in_flight() -> (World, RequestId) {
    let world = World::with_tool(TestTool::writing(1).with_secret(24), Setup::default()).await;
    let id = world.approved("a").await;
    world.tool.script_step_with_effect(1, unclear());
    world.work_off().await;
    assert_eq!(world.state(id).await, "applying");
    (world, id)
}

#[tokio::test]
async fn a_server_without_the_master_key_or_the_tool_leaves_the_request_to_one_that_has_them() {
    let (world, id) = in_flight().await;
    for services in [world.replica_without_key(), world.replica_without_tools()] {
        world.pass_with(&services, 60).await;
        assert_eq!(world.state(id).await, "applying");
    }
    world.pass(60).await;
    assert_eq!((world.state(id).await, world.tool.performed()), ("applied", vec![1]));
    check(&world.rows());
}

#[tokio::test]
async fn what_no_server_can_go_on_with_is_unknown_and_the_sealed_value_is_kept() {
    for (code, without_key) in [("sealing_failed", true), ("unknown_tool", false)] {
        let (world, id) = in_flight().await;
        let services = if without_key { world.replica_without_key() } else { world.replica_without_tools() };
        for _ in 0..10 {
            world.pass_with(&services, 60).await;
        }
        assert_eq!(world.state(id).await, "unknown", "{code}");
        assert_eq!(world.last_detail("approval.unknown")["code"], code);
        assert_eq!((world.rows().sealed.len(), world.rows().outcomes.len()), (1, 0));
        // Nor can it look; a server that can, does.
        world.pass_with(&services, 60).await;
        assert_eq!(world.state(id).await, "unknown");
        world.pass(60).await;
        assert_eq!((world.state(id).await, world.tool.performed()), ("applied", vec![1]));
        check(&world.rows());
    }
}

#[tokio::test]
async fn looking_without_the_master_key_ends_after_a_while_and_a_person_decides() {
    let (world, id) = in_flight().await;
    let services = world.replica_without_key();
    for _ in 0..40 {
        world.pass_with(&services, 60).await;
    }
    assert_eq!(world.state(id).await, "unknown");
    assert!(world.rows().work_of(WorkKind::Probe, &WorkSubject::request(id)).is_none());
    resolve_unknown(&world.services, id, Verdict::Applied, &words("I saw it"), &who(ALICE)).await.unwrap();
    assert_eq!((world.state(id).await, world.rows().sealed.len()), ("applied", 0));
    check(&world.rows());
}
