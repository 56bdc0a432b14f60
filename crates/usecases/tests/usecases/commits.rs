//! Many at once, and a store that is slow, away or cuts the connection: every decision is made once.

use std::sync::Arc;

use countersign_approvals::Choice;
use countersign_kernel::{Fault, Kind};
use countersign_testkit::CommitFault;
use countersign_testkit::build::run_id;
use countersign_usecases::Services;
use countersign_usecases::call_tool::{CallError, CallReply, call_tool};
use countersign_usecases::decisions::{DecisionError, DecisionReply, decide_request};
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::runs::register_run;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::world::decision;
use crate::support::{ALICE, BOB, RUN, World, check, platform, texts, who};

async fn call(services: Arc<Services>, name: String) -> Result<CallReply, CallError> {
    call_tool(&services, &run_id(RUN), "test.write", &json!({"name": name, "environment": "dev"})).await
}

async fn calls_at_once(replicas: &[Arc<Services>], names: Vec<String>) -> Vec<CallReply> {
    let mut tasks = JoinSet::new();
    for (index, name) in names.into_iter().enumerate() {
        tasks.spawn(call(replicas[index % replicas.len()].clone(), name));
    }
    tasks.join_all().await.into_iter().map(|reply| reply.unwrap()).collect()
}

fn one_is_new_and_all_are_the_same(world: &World, replies: &[CallReply]) {
    assert_eq!(replies.iter().filter(|reply| !reply.reused).count(), 1);
    assert!(replies.iter().all(|reply| reply.request == replies[0].request));
    // Ten of them are recorded one by one, all are counted.
    assert_eq!((world.count("approval.requested"), world.count("approval.reused")), (1, 10));
    let run = &world.rows().runs[0];
    let counted = usize::try_from(run.idle_calls_recorded + run.idle_calls_suppressed).unwrap();
    assert_eq!(counted, replies.len() - 1);
    assert_eq!(world.rows().requests.len(), 1);
    check(&world.rows());
}

#[tokio::test]
async fn r3_fifty_identical_calls_at_once_make_one_request_and_forty_nine_reuses() {
    let world = World::new(1).await;
    let replies = calls_at_once(std::slice::from_ref(&world.services), vec!["a".to_owned(); 50]).await;
    one_is_new_and_all_are_the_same(&world, &replies);
    let id = replies[0].request.unwrap();
    world.approve(id, ALICE).await.unwrap();
    world.work_off().await;
    assert_eq!(world.tool.journal().len(), 1);
}

#[tokio::test]
async fn r3_fifty_identical_calls_on_two_replicas_make_one_request() {
    let world = World::new(1).await;
    let replicas = [world.services.clone(), world.replica(2)];
    let replies = calls_at_once(&replicas, vec!["a".to_owned(); 50]).await;
    one_is_new_and_all_are_the_same(&world, &replies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r3_fifty_identical_calls_on_four_threads_make_one_request() {
    let world = World::new(1).await;
    let replicas = [world.services.clone(), world.replica(2)];
    let replies = calls_at_once(&replicas, vec!["a".to_owned(); 50]).await;
    one_is_new_and_all_are_the_same(&world, &replies);
}

#[tokio::test]
async fn thirty_two_different_calls_of_one_run_at_once_all_succeed() {
    for replicas in [1, 2] {
        let world = World::new(1).await;
        let all = [world.services.clone(), world.replica(2)];
        let names = (0..32).map(|n| format!("thing-{n}")).collect();
        let replies = calls_at_once(&all[..replicas], names).await;
        assert!(replies.iter().all(|reply| !reply.reused));
        assert_eq!((world.rows().requests.len(), world.rows().waits.len()), (32, 32));
        check(&world.rows());
    }
}

async fn eight_decide(
    choice: fn(u64) -> Choice,
    by: fn(u64) -> String,
) -> (World, Vec<Result<DecisionReply, DecisionError>>) {
    let world = World::under(texts::eight_owners(), 1).await;
    let reply = world.call("a").await;
    let (id, seen) = (reply.request.unwrap(), reply.plan_digest.unwrap());
    let replicas = [world.services.clone(), world.replica(2)];
    let mut tasks = JoinSet::new();
    for (index, replica) in (0..8_u64).zip(replicas.iter().cycle()) {
        let services = replica.clone();
        tasks.spawn(async move {
            decide_request(&services, id, &decision(choice(index), seen), &who(&by(index))).await
        });
    }
    let replies = tasks.join_all().await;
    check(&world.rows());
    (world, replies)
}

fn counted(replies: &[Result<DecisionReply, DecisionError>]) -> usize {
    replies.iter().filter(|reply| reply.as_ref().is_ok_and(|reply| !reply.repeated)).count()
}

#[tokio::test]
async fn eight_approvals_at_once_count_once() {
    let (world, replies) = eight_decide(|_| Choice::Approve, |n| format!("user:github:owner{n}")).await;
    assert_eq!(counted(&replies), 1);
    let late: Vec<_> = replies.iter().filter_map(|reply| reply.as_ref().err().map(Fault::code)).collect();
    assert_eq!(late, ["already_approved"; 7]);
    assert_eq!((world.count("approval.approved"), world.rows().votes.len()), (1, 1));
    world.work_off().await;
    assert_eq!(world.tool.performed(), [1]);
}

#[tokio::test]
async fn eight_contrary_decisions_at_once_count_once() {
    let choice = |n: u64| if n.is_multiple_of(2) { Choice::Deny } else { Choice::Approve };
    let (world, replies) = eight_decide(choice, |n| format!("user:github:owner{n}")).await;
    assert_eq!(counted(&replies), 1);
    assert_eq!(world.count("approval.approved") + world.count("approval.denied"), 1);
}

#[tokio::test]
async fn eight_equal_decisions_of_one_person_at_once_are_one_and_seven_repeats() {
    let (world, replies) = eight_decide(|_| Choice::Approve, |_| "user:github:owner3".to_owned()).await;
    assert_eq!(counted(&replies), 1);
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(world.count("approval.approved"), 1);
}

#[tokio::test]
async fn a_store_that_is_always_faster_makes_the_call_busy_and_writes_nothing() {
    let world = World::new(1).await;
    let before = world.rows();
    for _ in 0..64 {
        world.store.fail_next_commit(CommitFault::Stale);
    }
    let refused = call(world.services.clone(), "a".to_owned()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("busy", Kind::Busy));
    assert_eq!(world.rows(), before);
    world.call("a").await;
}

#[tokio::test]
async fn a_store_that_is_always_faster_makes_the_decision_busy_and_counts_nothing() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    for _ in 0..64 {
        world.store.fail_next_commit(CommitFault::Stale);
    }
    let refused = world.approve(id, ALICE).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("busy", Kind::Busy));
    assert_eq!(world.state(id).await, "requested");
}

#[tokio::test]
async fn a_lost_connection_is_looked_up_and_the_call_made_once() {
    for fault in [CommitFault::UnknownWritten, CommitFault::UnknownNotWritten] {
        let world = World::new(1).await;
        world.store.fail_next_commit(fault);
        let reply = world.call("a").await;
        assert!(!reply.reused, "{fault:?}");
        assert_eq!((world.rows().requests.len(), world.count("approval.requested")), (1, 1), "{fault:?}");
        check(&world.rows());
    }
}

#[tokio::test]
async fn a_lost_connection_is_looked_up_and_the_decision_counted_once() {
    for fault in [CommitFault::UnknownWritten, CommitFault::UnknownNotWritten] {
        let world = World::new(1).await;
        let id = world.call("a").await.request.unwrap();
        world.store.fail_next_commit(fault);
        assert!(!world.approve(id, ALICE).await.unwrap().repeated, "{fault:?}");
        assert_eq!(world.count("approval.approved"), 1);
        check(&world.rows());
    }
}

#[tokio::test]
async fn a_look_up_that_fails_a_few_times_is_tried_again() {
    let world = World::new(1).await;
    world.store.fail_next_commit(CommitFault::UnknownWritten);
    world.ledger.fail_look_ups(4);
    assert!(!world.call("a").await.reused);
}

#[tokio::test]
async fn a_commit_that_cannot_be_looked_up_is_in_doubt_and_the_same_call_finds_it() {
    let world = World::new(1).await;
    world.store.fail_next_commit(CommitFault::UnknownWritten);
    world.ledger.fail_look_ups(5);
    let refused = call(world.services.clone(), "a".to_owned()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("commit_in_doubt", Kind::Unavailable));
    assert!(world.call("a").await.reused);
    assert_eq!(world.rows().requests.len(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_said_to_be_and_nothing_is_written() {
    let world = World::new(1).await;
    let before = world.rows();
    world.store.fail_next_commit(CommitFault::Unavailable);
    let refused = call(world.services.clone(), "a".to_owned()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("store_unavailable", Kind::Unavailable));
    world.store.set_unreachable(true);
    let refused = call(world.services.clone(), "a".to_owned()).await.unwrap_err();
    assert_eq!(refused.code(), "store_unavailable");
    world.store.set_unreachable(false);
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn the_other_commands_survive_a_stale_and_a_lost_commit_too() {
    for fault in [CommitFault::Stale, CommitFault::UnknownWritten, CommitFault::UnknownNotWritten] {
        let world = World::new(1).await;
        let facts = countersign_testkit::build::run_facts("run-2");
        world.store.fail_next_commit(fault);
        register_run(&world.services, facts, Default::default(), &platform()).await.unwrap();
        world.store.fail_next_commit(fault);
        activate_policy(&world.services, &texts::without_bob(), &who(BOB)).await.unwrap();
        world.store.fail_next_commit(fault);
        activate_policy(&world.services, &texts::broken(), &who(BOB)).await.unwrap_err();
        assert_eq!((world.count("policy.loaded"), world.count("policy.rejected")), (2, 1), "{fault:?}");
        assert_eq!(world.rows().runs.len(), 2);
        let id = world.approved("a").await;
        world.work_off().await;
        world.store.fail_next_commit(fault);
        let outcome =
            countersign_usecases::outcomes::acknowledge_outcome(&world.services, &run_id(RUN), id).await;
        assert!(outcome.unwrap().acknowledged_at.is_some());
        assert!(world.rows().outcomes[0].acknowledged_at.is_some());
        check(&world.rows());
    }
}
