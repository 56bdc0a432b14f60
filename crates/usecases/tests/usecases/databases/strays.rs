//! Databases with our mark and without an owner row, seen by the watcher.

use countersign_kernel::Millis;
use countersign_usecases::{Services, watch};

use super::*;

/// The details of all findings, each as its target and deviation.
fn findings(stage: &Stage) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = stage.world.rows();
    let found = rows.events.iter().filter(|event| event.event_type == "bypass.detected");
    found.map(|event| (text(&event.detail["target"]), text(&event.detail["deviation"]))).collect()
}

async fn looked(stage: &Stage, services: &Services) {
    for _ in 0..2 {
        stage.world.pass_with(services, 5).await;
    }
}

#[tokio::test]
async fn the_life_of_a_database_is_no_finding_and_what_is_past_the_register_is_one() {
    let stage = Stage::new().await;
    let services = stage.world.watching(2, Millis::from_secs(5));
    watch::begin(&services).await.unwrap();
    for (action, name) in [("create", "orders"), ("create", "billing"), ("delete", "billing")] {
        stage.done(action, name).await;
        looked(&stage, &services).await;
    }
    assert_eq!(findings(&stage), []);
    stage.server.make_by_hand("somebodys");
    looked(&stage, &services).await;
    assert_eq!(findings(&stage), [], "what carries no mark is not ours");

    stage.server.copy_under_by_hand("orders", "orders_copy", "17000");
    looked(&stage, &services).await;
    let one = |name: &str, deviation: &str| (format!("database:main/{name}"), deviation.to_owned());
    assert_eq!(findings(&stage), [one("orders_copy", "unregistered")]);
    stage.server.rename_by_hand("orders", "orders_old");
    stage.server.drop_by_hand("orders_copy");
    looked(&stage, &services).await;
    let both = [one("orders_copy", "unregistered"), one("orders", "removed")];
    assert_eq!(findings(&stage), both, "a renamed one is told of by what its request left");

    stage.done("drop", "orders").await;
    looked(&stage, &services).await;
    assert_eq!(findings(&stage), both);
    let unknown = countersign_testkit::TestIds::new(99, stage.world.clock.clone()).request();
    stage.server.make_marked_by_hand("orders_back", unknown);
    looked(&stage, &services).await;
    assert_eq!(findings(&stage)[2..], [one("orders_back", "unregistered")]);
}
