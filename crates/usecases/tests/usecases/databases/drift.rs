//! A database that somebody renames by hand between approval and execution.

use super::*;

#[tokio::test]
async fn a_database_that_was_renamed_by_hand_is_not_touched_and_the_name_is_not_reused() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    let id = stage.asked("delete", "orders").await;
    stage.world.approve(id, ALICE).await.unwrap();
    stage.server.rename_by_hand("orders", "orders_moved");
    stage.world.work_off().await;
    assert_eq!(stage.world.state(id).await, "failed");
    assert_eq!(stage.world.last_detail("approval.failed")["code"], "database_not_found");
    assert_eq!(stage.server.names(), ["orders_moved"]);
    assert_eq!(stage.server.writes(), ["create orders"]);
    assert_eq!(stage.owned(), owned(&[("orders", "active")]));
}

#[tokio::test]
async fn another_database_under_the_name_of_ours_is_not_touched() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    let id = stage.asked("delete", "orders").await;
    stage.world.approve(id, ALICE).await.unwrap();
    stage.server.make_by_hand("orders");
    stage.world.work_off().await;
    assert_eq!(stage.world.state(id).await, "failed");
    assert_eq!(stage.world.last_detail("approval.failed")["code"], "database_not_ours");
    assert_eq!(stage.server.writes(), ["create orders"]);
}

/// The very database of the same mark under another id, as a dump and restore by hand leaves it: the plan is another one.
#[tokio::test]
async fn a_database_of_another_id_is_asked_about_again() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    let id = stage.asked("delete", "orders").await;
    let before = stage.world.approve(id, ALICE).await.unwrap().request;
    stage.server.copy_by_hand("orders", "17000");
    stage.world.work_off().await;
    let after = stage.world.request(id).await;
    assert_eq!((stage.world.state(id).await, after.revision), ("requested", before.revision + 1));
    assert_ne!(after.proposal.plan_digest, before.proposal.plan_digest);
    assert!(after.proposal.plan.to_string().contains("_q_orders_17000"), "the difference is in the new plan");
    assert_eq!(stage.server.writes(), ["create orders"]);
    stage.world.approve(id, ALICE).await.unwrap();
    stage.world.work_off().await;
    assert_eq!(stage.server.names(), ["_q_orders_17000"]);
}
