//! A database that somebody renames by hand between approval and execution.

use super::*;

fn words(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The codes of the facts on one side of the newest difference.
fn told(stage: &Stage, side: &str) -> Vec<String> {
    let detail = stage.world.last_detail("approval.drifted");
    let facts = detail["changes"][side].as_array().unwrap();
    facts.iter().map(|fact| fact["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_database_renamed_by_hand_is_asked_about_again_and_deleted_under_its_new_name() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    let id = stage.asked("delete", "orders").await;
    let before = stage.world.approve(id, ALICE).await.unwrap().request;
    stage.server.rename_by_hand("orders", "orders_old");
    stage.world.work_off().await;
    let after = stage.world.request(id).await;
    assert_eq!((stage.world.state(id).await, after.revision), ("requested", before.revision + 1));
    assert!(after.votes.is_empty(), "what was approved is not this");
    assert_eq!((told(&stage, "gone"), told(&stage, "new")), (vec![], vec!["database_renamed".to_owned()]));
    let changes = &stage.world.last_detail("approval.drifted")["changes"];
    assert_eq!(changes["new"][0]["params"]["now"], "orders_old");
    assert_eq!(changes["parts"], json!([{"target": "database:main/orders", "part": "found_as"}]));
    assert_eq!(
        (stage.server.writes(), stage.server.names()),
        (words(&["create orders"]), words(&["orders_old"]))
    );

    stage.world.approve(id, ALICE).await.unwrap();
    stage.world.work_off().await;
    assert_eq!(stage.world.state(id).await, "applied");
    assert_eq!(stage.server.names(), [KEPT]);
    assert_eq!(stage.server.writes()[1], format!("quarantine orders_old {KEPT}"));
    assert_eq!(stage.owned(), owned(&[(KEPT, "quarantined")]));

    stage.restore().await.unwrap();
    stage.world.work_off().await;
    assert_eq!((stage.server.names(), stage.owned()), (words(&["orders"]), owned(&[("orders", "active")])));
}

#[tokio::test]
async fn one_that_was_renamed_before_is_deleted_for_good_and_what_has_its_name_stays() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    stage.server.rename_by_hand("orders", "orders_old");
    stage.server.make_by_hand("orders");
    let id = stage.asked("drop", "orders").await;
    let plan = stage.world.request(id).await.proposal.plan;
    let codes: Vec<_> = plan["facts"].as_array().unwrap().iter().map(|fact| fact["code"].clone()).collect();
    assert_eq!(codes[..2], [json!("database_renamed"), json!("database_name_used")]);
    stage.world.approve(id, ALICE).await.unwrap();
    stage.world.work_off().await;
    assert_eq!((stage.world.state(id).await, stage.world.request(id).await.revision), ("applied", 1));
    assert_eq!(stage.server.writes()[1], "drop orders_old");
    assert_eq!((stage.server.names(), stage.owned()), (words(&["orders"]), owned(&[])));
}

#[tokio::test]
async fn one_that_was_renamed_and_kept_is_purged_in_its_time() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    stage.server.rename_by_hand("orders", "orders_old");
    stage.done("delete", "orders").await;
    stage.world.pass(RETENTION).await;
    assert_eq!((stage.server.names(), stage.owned()), (words(&[]), owned(&[])));
    assert_eq!(stage.events(), ["database.purging", "database.purged"]);
}

#[tokio::test]
async fn one_that_is_renamed_again_and_again_fails_the_fourth_time() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    let id = stage.asked("drop", "orders").await;
    let names = ["orders", "orders_1", "orders_2", "orders_3", "orders_4"];
    for (time, step) in (1..).zip(names.windows(2)) {
        stage.world.approve(id, ALICE).await.unwrap();
        stage.server.rename_by_hand(step[0], step[1]);
        stage.world.work_off().await;
        let expected = if time < 4 { "requested" } else { "failed" };
        assert_eq!(stage.world.state(id).await, expected, "time {time}");
    }
    assert_eq!(stage.world.last_detail("approval.failed")["code"], "drifting");
    assert_eq!(
        (told(&stage, "gone"), told(&stage, "new")),
        (words(&["database_renamed"]), words(&["database_renamed"]))
    );
    assert_eq!(
        (stage.server.names(), stage.server.writes()),
        (words(&["orders_4"]), words(&["create orders"]))
    );
    assert_eq!(stage.owned(), owned(&[("orders", "active")]));
}

#[tokio::test]
async fn one_whose_new_name_is_in_the_register_is_never_touched() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    stage.done("create", "billing").await;
    let id = stage.asked("drop", "orders").await;
    stage.world.approve(id, ALICE).await.unwrap();
    // As if `billing` had been dropped by hand, and `orders` put in its place.
    stage.server.rename_by_hand("orders", "billing");
    stage.world.work_off().await;
    assert_eq!(stage.world.state(id).await, "failed");
    assert_eq!(stage.world.last_detail("approval.failed")["code"], "database_not_ours");
    assert_eq!(stage.server.writes(), ["create orders", "create billing"]);
}

#[tokio::test]
async fn one_that_is_gone_fails_and_a_name_to_create_that_is_taken_meanwhile_too() {
    let stage = Stage::new().await;
    stage.done("create", "orders").await;
    let gone = stage.asked("delete", "orders").await;
    stage.world.approve(gone, ALICE).await.unwrap();
    stage.server.drop_by_hand("orders");
    stage.world.work_off().await;
    assert_eq!(stage.world.last_detail("approval.failed")["code"], "database_not_found");
    let taken = stage.asked("create", "invoices").await;
    stage.world.approve(taken, ALICE).await.unwrap();
    stage.server.make_by_hand("invoices");
    stage.world.work_off().await;
    assert_eq!(stage.world.state(taken).await, "failed");
    assert_eq!(stage.world.last_detail("approval.failed")["code"], "database_not_ours");
    assert_eq!(stage.world.count("approval.drifted"), 0);
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
