//! Several decisions in one commit, decisions on what was looked at, and words said twice.

use std::collections::BTreeMap;

use countersign_approvals::Choice;
use countersign_kernel::{Fault, Kind, RequestId};
use countersign_testkit::CommitFault;
use countersign_testkit::build::{self, run_id};
use countersign_usecases::call_tool::call_tool;
use countersign_usecases::decisions::{
    BatchError, CancelBy, DecisionReply, LookedAt, Target, cancel_request, decide_request, decide_requests,
};
use serde_json::json;

use crate::support::world::decision;
use crate::support::{ALICE, BOB, CAROL, World, check, who};

async fn decide(
    world: &World,
    choices: &[(RequestId, Choice)],
    by: &str,
) -> Result<Vec<DecisionReply>, BatchError> {
    let mut decisions = BTreeMap::new();
    for (id, choice) in choices {
        decisions.insert(*id, decision(*choice, world.request(*id).await.proposal.plan_digest));
    }
    decide_requests(&world.services, &decisions, &who(by)).await
}

/// Requests of two runs: two of the first, one of the second.
async fn three(world: &World) -> [RequestId; 3] {
    world.register(build::run_facts("run-2")).await;
    let arguments = json!({"name": "c", "environment": "dev"});
    let other = call_tool(&world.services, &run_id("run-2"), "test.write", &arguments).await.unwrap();
    [world.call("a").await.request.unwrap(), world.call("b").await.request.unwrap(), other.request.unwrap()]
}

fn refused(error: BatchError) -> Vec<(RequestId, &'static str)> {
    match error {
        BatchError::Refused(refused) => {
            refused.iter().map(|refused| (refused.id, refused.error.code())).collect()
        }
        BatchError::Service(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_batch_over_several_runs_is_one_commit() {
    let world = World::new(1).await;
    let [a, b, c] = three(&world).await;
    let before = world.ledger.written().len();
    let replies =
        decide(&world, &[(a, Choice::Approve), (b, Choice::Deny), (c, Choice::Approve)], ALICE).await;
    assert!(replies.unwrap().iter().all(|reply| !reply.repeated));
    assert_eq!(world.ledger.written().len(), before + 1);
    assert_eq!(
        [world.state(a).await, world.state(b).await, world.state(c).await],
        ["approved", "denied", "approved"]
    );
    check(&world.rows());
    world.work_off().await;
    assert_eq!([world.state(a).await, world.state(c).await], ["applied", "applied"]);
    check(&world.rows());
}

#[tokio::test]
async fn one_decision_that_does_not_count_keeps_all_others_from_counting() {
    let world = World::new(1).await;
    let [a, b, c] = three(&world).await;
    world.approve(b, BOB).await.unwrap();
    let before = world.rows();
    let error = decide(&world, &[(a, Choice::Approve), (b, Choice::Deny), (c, Choice::Approve)], ALICE).await;
    let error = error.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("batch_refused", Kind::Conflict));
    assert_eq!(refused(error), [(b, "already_approved")]);
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn whoever_may_not_decide_is_refused_for_each_and_recorded_for_each() {
    let world = World::new(1).await;
    let [a, b, _] = three(&world).await;
    let error = decide(&world, &[(a, Choice::Approve), (b, Choice::Approve)], CAROL).await.unwrap_err();
    assert_eq!(refused(error), [(a, "not_a_decider"), (b, "not_a_decider")]);
    assert_eq!(world.count("mcp.tool.rejected"), 2);
    assert_eq!([world.state(a).await, world.state(b).await], ["requested", "requested"]);
}

#[tokio::test]
async fn a_batch_sent_again_is_repeats_and_an_unknown_request_refuses_it() {
    let world = World::new(1).await;
    let [a, b, _] = three(&world).await;
    let both = [(a, Choice::Approve), (b, Choice::Deny)];
    decide(&world, &both, ALICE).await.unwrap();
    let before = world.rows();
    assert!(decide(&world, &both, ALICE).await.unwrap().iter().all(|reply| reply.repeated));
    assert_eq!(world.rows(), before);
    let nobody = RequestId::from_parts(world.clock.now(), [9; 10]);
    let mut decisions = BTreeMap::new();
    decisions.insert(nobody, decision(Choice::Deny, world.request(a).await.proposal.plan_digest));
    let error = decide_requests(&world.services, &decisions, &who(ALICE)).await.unwrap_err();
    assert_eq!(refused(error), [(nobody, "unknown_request")]);
}

/// An id nobody has keeps no attempt off the record.
#[tokio::test]
async fn an_unknown_request_hides_nothing_that_is_wrong_with_the_others() {
    let world = World::new(1).await;
    let [a, _, _] = three(&world).await;
    let word = decision(Choice::Approve, world.request(a).await.proposal.plan_digest);
    let nobody = RequestId::from_parts(world.clock.now(), [9; 10]);
    let decisions = BTreeMap::from([(a, word.clone()), (nobody, word)]);
    let error = decide_requests(&world.services, &decisions, &who(CAROL)).await.unwrap_err();
    assert_eq!(refused(error), [(a, "not_a_decider"), (nobody, "unknown_request")]);
    assert_eq!(world.count("mcp.tool.rejected"), 1);
}

#[tokio::test]
async fn a_batch_that_was_overtaken_is_decided_again() {
    let world = World::new(1).await;
    let [a, b, c] = three(&world).await;
    world.store.fail_next_commit(CommitFault::Stale);
    decide(&world, &[(a, Choice::Deny), (b, Choice::Deny), (c, Choice::Deny)], ALICE).await.unwrap();
    assert_eq!(world.count("approval.denied"), 3);
    check(&world.rows());
}

#[tokio::test]
async fn a_decision_on_an_older_version_does_not_count_but_a_repeat_of_it_is_one() {
    let world = World::new(1).await;
    let id = world.call_in("production", "a").await.request.unwrap();
    let request = world.request(id).await;
    let at = |version| Target { id, version: Some(LookedAt::Version(version)) };
    let approve = decision(Choice::Approve, request.proposal.plan_digest);
    let decide = |version, by: &'static str| {
        let (services, approve) = (world.services.clone(), approve.clone());
        async move { decide_request(&services, at(version), &approve, &who(by)).await }
    };
    let version = request.version;
    assert!(!decide(version, ALICE).await.unwrap().repeated);
    assert!(decide(version, ALICE).await.unwrap().repeated, "the retry of a decision that was counted");
    let changed = decide(version, BOB).await.unwrap_err();
    assert_eq!((changed.code(), changed.kind()), ("version_changed", Kind::Conflict));
    assert_eq!(decide(version, CAROL).await.unwrap_err().code(), "not_a_decider");
    assert_eq!(world.state(id).await, "requested");
    decide(version + 1, BOB).await.unwrap();
    assert_eq!(world.state(id).await, "approved");
}

#[tokio::test]
async fn withdrawing_again_is_a_repeat_of_the_same_person_only() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let version = world.request(id).await.version;
    let by_alice = CancelBy::Staff(who(ALICE));
    let stale = Target { id, version: Some(LookedAt::Version(version + 1)) };
    let changed = cancel_request(&world.services, stale, None, &by_alice).await.unwrap_err();
    assert_eq!(changed.code(), "version_changed");
    let seen = Target { id, version: Some(LookedAt::Version(version)) };
    assert!(!cancel_request(&world.services, seen, None, &by_alice).await.unwrap().repeated);
    assert!(cancel_request(&world.services, seen, None, &by_alice).await.unwrap().repeated);
    let other = CancelBy::Operator(who(BOB));
    assert_eq!(
        cancel_request(&world.services, id, None, &other).await.unwrap_err().code(),
        "already_settled"
    );
    assert_eq!(world.count("approval.cancelled"), 1);
}
