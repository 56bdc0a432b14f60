//! Whoever proves an outside group that the policy takes decides; nobody else does by it.

use std::collections::BTreeMap;

use countersign_approvals::Choice;
use countersign_kernel::{Fault, OutsideGroup, RequestId};
use countersign_usecases::Identity;
use countersign_usecases::decisions::{CancelBy, cancel_request, decide_request, decide_requests};

use crate::support::{BOB, CAROL, World, check, decision, who};

const STAFF: &str = "group:corp:/staff/shop";

/// Bob owns the shop, and so does the staff of the corporation.
async fn world() -> World {
    let owners = r#"["user:github:alice", "user:github:bob"]"#;
    let with_staff = format!(r#"["user:github:bob", "{STAFF}"]"#);
    World::under(countersign_testkit::policy::TEXT.replace(owners, &with_staff), 1).await
}

/// Somebody who has proved to be in these groups.
fn of(name: &str, groups: &[&str]) -> Identity {
    let groups = groups.iter().map(|group| OutsideGroup::parse(group).unwrap()).collect();
    Identity { groups, ..who(name) }
}

async fn approve(world: &World, id: RequestId, by: &Identity) -> Result<(), &'static str> {
    let seen = world.request(id).await.proposal.plan_digest;
    let decided = decide_request(&world.services, id, &decision(Choice::Approve, seen), by).await;
    decided.map(|_| ()).map_err(|error| error.code())
}

#[tokio::test]
async fn r1_who_proves_the_group_decides_and_it_is_on_the_record() {
    let world = world().await;
    let id = world.call("a").await.request.unwrap();
    for groups in [&[][..], &["group:corp:/staff"][..], &["group:other:/staff/shop"][..]] {
        assert_eq!(approve(&world, id, &of(CAROL, groups)).await, Err("not_a_decider"), "{groups:?}");
    }
    approve(&world, id, &of(CAROL, &["group:corp:x", STAFF])).await.unwrap();
    let rows = world.rows();
    assert_eq!(rows.votes[0].by_group.as_deref(), Some(STAFF));
    assert_eq!(world.last_detail("approval.approved")["by_group"], STAFF);
    check(&rows);
}

#[tokio::test]
async fn r1_whom_the_text_names_decides_by_name() {
    let world = world().await;
    let id = world.call("a").await.request.unwrap();
    approve(&world, id, &of(BOB, &[STAFF])).await.unwrap();
    assert_eq!(world.rows().votes[0].by_group, None);
    assert!(world.last_detail("approval.approved").get("by_group").is_none());
}

#[tokio::test]
async fn r1_a_quorum_asks_whether_the_policy_still_takes_the_group() {
    let world = world().await;
    let id = world.call_in("production", "a").await.request.unwrap();
    approve(&world, id, &of(CAROL, &[STAFF])).await.unwrap();
    world.activate(&countersign_testkit::policy::TEXT.replace("user:github:alice", "user:github:dan")).await;
    approve(&world, id, &of(BOB, &[])).await.unwrap();
    assert_eq!(world.state(id).await, "requested", "Carol's group is out of the policy");
    check(&world.rows());
}

#[tokio::test]
async fn r1_batches_and_withdrawals_know_the_groups_too() {
    let world = world().await;
    let (first, second) = (world.call("a").await.request.unwrap(), world.call("b").await.request.unwrap());
    let seen = world.request(first).await.proposal.plan_digest;
    let decisions = BTreeMap::from([(first, decision(Choice::Deny, seen))]);
    assert!(decide_requests(&world.services, &decisions, &of(CAROL, &[])).await.is_err());
    decide_requests(&world.services, &decisions, &of(CAROL, &[STAFF])).await.unwrap();
    assert_eq!(world.state(first).await, "denied");
    let withdrawn =
        cancel_request(&world.services, second, None, &CancelBy::Staff(of(CAROL, &[STAFF]))).await;
    assert_eq!(withdrawn.unwrap().request.state.name().as_str(), "cancelled");
    check(&world.rows());
}
