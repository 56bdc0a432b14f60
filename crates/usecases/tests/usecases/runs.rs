//! Runs: registered, linked, kept alive, ended.

use countersign_approvals::{CancelledBy, Settled, State};
use countersign_kernel::{Fault, Kind, Millis};
use countersign_testkit::build::{self, run_id};
use countersign_usecases::decisions::{CancelBy, cancel_request};
use countersign_usecases::execution::execute;
use countersign_usecases::outcomes::{acknowledge_outcome, list_outcomes};
use countersign_usecases::port::WorkKind;
use countersign_usecases::runs::{finish_run, heartbeat, link_run, register_run, renew_run_token};
use countersign_usecases::timers::end_run;
use countersign_waitstate::{FinishReason, RunFacts, RunLinks};

use crate::support::{ALICE, RUN, World, check, on_another_thread, platform, texts, who};

async fn end(world: &World) {
    finish_run(&world.services, &run_id(RUN), FinishReason::Stopped, &platform()).await.unwrap();
}

#[tokio::test]
async fn r6_registering_again_with_the_same_facts_gives_a_token_for_the_same_run() {
    let world = World::new(1).await;
    let before = world.rows();
    let again =
        register_run(&world.services, build::run_facts(RUN), RunLinks::default(), &platform()).await.unwrap();
    assert!(again.repeated && again.token.token.contains(RUN));
    assert!(!format!("{again:?}").contains("token of"), "tokens are not shown");
    assert_eq!(world.rows(), before);
    let other = RunFacts { budget: Millis(1), ..build::run_facts(RUN) };
    let refused = register_run(&world.services, other, RunLinks::default(), &platform()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("run_exists", Kind::AlreadyExists));
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn r7_links_are_added_once_and_never_changed() {
    let world = World::new(1).await;
    let issue = |number| RunLinks { issue: Some(number), pull_request: None };
    link_run(&world.services, &run_id(RUN), &issue(7), &platform()).await.unwrap();
    link_run(&world.services, &run_id(RUN), &issue(7), &platform()).await.unwrap();
    assert_eq!(world.count("run.linked"), 1);
    let refused = link_run(&world.services, &run_id(RUN), &issue(8), &platform()).await.unwrap_err();
    assert_eq!(refused.code(), "run_linked_elsewhere");
    let links = world.rows().links;
    assert_eq!(links.len(), 1);
    assert_eq!((links[0].from_kind.as_str(), links[0].from_id.as_str()), ("issue", "acme/shop#7"));
}

#[tokio::test]
async fn r6_only_live_runs_give_signs_of_life_and_get_tokens() {
    let world = World::new(1).await;
    world.clock.advance(Millis(5));
    heartbeat(&world.services, &run_id(RUN)).await.unwrap();
    assert_eq!(world.rows().runs[0].last_heartbeat_at.map(|at| at.0), Some(world.clock.now()));
    renew_run_token(&world.services, &run_id(RUN)).await.unwrap();
    end(&world).await;
    assert_eq!(heartbeat(&world.services, &run_id(RUN)).await.unwrap_err().code(), "run_ended");
    assert_eq!(renew_run_token(&world.services, &run_id(RUN)).await.unwrap_err().code(), "run_ended");
    let unknown = renew_run_token(&world.services, &run_id("run-9")).await.unwrap_err();
    assert_eq!(unknown.code(), "unknown_run");
}

#[tokio::test]
async fn r6_a_spent_budget_ends_the_run() {
    let world = World::new(1).await;
    world.pass(3599).await;
    assert_eq!(world.rows().runs[0].status, "running");
    world.pass(1).await;
    let run = &world.rows().runs[0];
    assert_eq!((run.status.as_str(), run.finish_reason.as_deref()), ("finished", Some("budget_exhausted")));
    assert_eq!(world.last_detail("run.finished")["reason"], "budget_exhausted");
    check(&world.rows());
}

#[tokio::test]
async fn r6_the_budget_never_ends_a_run_that_waits() {
    let world = World::new(1).await;
    world.clock.advance(Millis(3_599_000));
    let leased = {
        let id = world.call("a").await.request.unwrap();
        world.pass(3_599).await;
        assert_eq!(world.rows().runs[0].status, "waiting");
        id
    };
    world.approve(leased, ALICE).await.unwrap();
    world.work_off().await;
    assert_eq!(world.rows().runs[0].status, "running");
    world.pass(1).await;
    assert_eq!(world.rows().runs[0].status, "finished");
    check(&world.rows());
}

#[tokio::test]
async fn r6_an_end_leased_before_the_wait_began_does_not_end_the_waiting_run() {
    let world = World::new(1).await;
    world.clock.advance(Millis::from_secs(3600));
    let lease = world.lease(WorkKind::EndRun).await;
    world.call("a").await;
    end_run(&world.services, &lease).await.unwrap();
    assert_eq!(world.rows().runs[0].status, "waiting");
    check(&world.rows());
}

#[tokio::test]
async fn r6_the_end_of_a_run_cancels_what_has_not_begun() {
    let world = World::new(1).await;
    let asked = world.call("a").await.request.unwrap();
    let approved = world.approved("b").await;
    end(&world).await;
    assert_eq!(world.rows().runs[0].status, "ending");
    let ends = world.lease(WorkKind::EndRun).await;
    end_run(&world.services, &ends).await.unwrap();
    for id in [asked, approved] {
        let state = world.request(id).await.state;
        assert!(
            matches!(state, State::Settled(Settled::Cancelled { by: CancelledBy::RunEnd, .. })),
            "{state:?}"
        );
    }
    world.work_off().await;
    assert_eq!(world.rows().runs[0].status, "finished");
    assert!(world.tool.performed().is_empty());
    assert!(world.rows().outcomes.iter().all(|outcome| outcome.undeliverable_at.is_some()));
    check(&world.rows());
}

#[tokio::test]
async fn r6_the_end_of_a_run_executes_what_is_approved_where_policy_says_so() {
    let world = World::under(texts::runs_end_by_executing(), 1).await;
    let asked = world.call("a").await.request.unwrap();
    let approved = world.approved("b").await;
    end(&world).await;
    let ends = world.lease(WorkKind::EndRun).await;
    end_run(&world.services, &ends).await.unwrap();
    assert_eq!((world.state(asked).await, world.state(approved).await), ("cancelled", "approved"));
    world.work_off().await;
    assert_eq!(world.state(approved).await, "applied");
    assert_eq!(world.rows().runs[0].status, "finished");
    assert!(world.rows().outcomes.iter().all(|outcome| outcome.undeliverable_at.is_some()));
    assert_eq!(world.tool.performed(), [1]);
    check(&world.rows());
}

#[tokio::test]
async fn r6_what_drifts_while_its_run_is_ending_is_not_asked_about_again() {
    let world = World::under(texts::runs_end_by_executing(), 1).await;
    let id = world.approved("a").await;
    end(&world).await;
    world.tool.set_world(serde_json::json!({"state": "moved"}));
    world.work_off().await;
    assert_eq!(world.state(id).await, "cancelled");
    assert_eq!(world.rows().runs[0].status, "finished");
    assert!(world.tool.performed().is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn r6_what_drifts_just_when_the_end_of_its_run_finds_nothing_to_do_is_looked_at_again() {
    let world = World::under(texts::runs_end_by_executing(), 1).await;
    let id = world.approved("a").await;
    end(&world).await;
    world.tool.set_world(serde_json::json!({"state": "moved"}));
    let ends = world.lease(WorkKind::EndRun).await;
    let executes = world.lease(WorkKind::Execute).await;
    let other = world.replica(2);
    world.ledger.before_next_commit(move || {
        on_another_thread(async move {
            execute(&other, &executes).await.unwrap();
        });
    });
    end_run(&world.services, &ends).await.unwrap();
    assert_eq!(world.state(id).await, "requested", "it drifted in between");
    world.work_off().await;
    assert_eq!(
        (world.state(id).await, world.rows().runs[0].status.as_str()),
        ("cancelled", "finished"),
        "and is not left to its deadline"
    );
    check(&world.rows());
}

#[tokio::test]
async fn r6_outcomes_nobody_read_are_undeliverable_once_the_run_is_over() {
    let world = World::new(1).await;
    let (read, unread) = (world.approved("a").await, world.approved("b").await);
    world.work_off().await;
    acknowledge_outcome(&world.services, &run_id(RUN), read).await.unwrap();
    end(&world).await;
    let outcomes = world.rows().outcomes;
    let of = |id: countersign_kernel::RequestId| {
        outcomes.iter().find(|one| one.request_id == id.to_string()).unwrap()
    };
    assert!(of(read).undeliverable_at.is_none());
    assert!(of(unread).undeliverable_at.is_some());
}

#[tokio::test]
async fn r6_ending_twice_changes_nothing() {
    let world = World::new(1).await;
    world.call("a").await;
    end(&world).await;
    let before = world.rows();
    end(&world).await;
    assert_eq!(world.rows(), before);
    world.work_off().await;
    let before = world.rows();
    end(&world).await;
    assert_eq!(world.rows(), before);
    assert_eq!(world.count("run.finished"), 2, "one for the beginning of the end, one for the end");
}

#[tokio::test]
async fn r6_another_replica_resumes_a_run_from_what_is_stored() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let other = world.replica(2);
    let open = list_outcomes(&other, &run_id(RUN)).await.unwrap();
    assert_eq!((open.len(), open[0].request), (1, Some(id)));
    world.approve(id, ALICE).await.unwrap();
    let lease = world.lease(WorkKind::Execute).await;
    execute(&other, &lease).await.unwrap();
    assert_eq!(world.state(id).await, "applied");
    assert!(acknowledge_outcome(&other, &run_id(RUN), id).await.unwrap().acknowledged_at.is_some());
    assert_eq!(world.watched.trespasses(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cancel_by_the_agent_or_by_staff_wins_before_the_beginning() {
    let world = World::new(1).await;
    let (asked, approved) = (world.call("a").await.request.unwrap(), world.approved("b").await);
    let reason = Some(build::words("not needed any more"));
    let agent = CancelBy::Agent(run_id(RUN));
    cancel_request(&world.services, asked, reason.clone(), &agent).await.unwrap();
    cancel_request(&world.services, approved, reason, &CancelBy::Staff(who(ALICE))).await.unwrap();
    world.work_off().await;
    assert_eq!((world.state(asked).await, world.state(approved).await), ("cancelled", "cancelled"));
    assert!(world.tool.performed().is_empty());
    assert_eq!(world.last_detail("approval.cancelled")["by"], ALICE);
    assert_eq!(world.rows().runs[0].status, "running");
    let again = cancel_request(&world.services, asked, None, &agent).await.unwrap_err();
    assert_eq!(again.code(), "already_settled");
    check(&world.rows());
}

#[tokio::test]
async fn an_agent_cannot_cancel_what_another_run_asked_for() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.register(build::run_facts("run-2")).await;
    let other = CancelBy::Agent(run_id("run-2"));
    let refused = cancel_request(&world.services, id, None, &other).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("unknown_request", Kind::NotFound));
    assert_eq!(world.state(id).await, "requested");
}
