//! Policy texts that can't be activated, and replicas that have not seen the active one yet.

use countersign_kernel::{Fault, Kind};
use countersign_policy::CompiledPolicy;
use countersign_testkit::policy::TEXT;
use countersign_usecases::policy_text::{activate_policy, active_policy};

use crate::support::{World, texts, who};

#[tokio::test]
async fn r1_a_bad_text_never_replaces_the_running_one_and_is_recorded() {
    let world = World::new(1).await;
    let running = active_policy(&world.services).await.unwrap().digest();
    let bad = texts::broken();
    let refused = activate_policy(&world.services, &bad, &who("user:github:root")).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("policy_invalid", Kind::Invalid));
    let expected = CompiledPolicy::compile(&bad, world.services.catalog()).unwrap_err();
    let told: Vec<_> = expected.notices().iter().map(ToString::to_string).collect();
    let detail = world.last_detail("policy.rejected");
    assert_eq!(detail["errors"], serde_json::json!(told));
    assert_eq!(active_policy(&world.services).await.unwrap().digest(), running);
    assert_eq!(world.rows().policies.len(), 1);
    world.call("a").await;
}

#[tokio::test]
async fn r1_activating_the_running_text_again_changes_nothing() {
    let world = World::new(1).await;
    let before = world.rows();
    let again = activate_policy(&world.services, TEXT, &who("user:github:root")).await.unwrap();
    assert!(again.repeated && again.number == 1);
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn r1_every_replica_decides_by_the_text_in_the_database() {
    let world = World::new(1).await;
    let other = world.replica(2);
    let digest =
        activate_policy(&other, &texts::nothing_goes(), &who("user:github:root")).await.unwrap().digest;
    let refused = world.try_call("test.write", serde_json::json!({"name": "a", "environment": "dev"})).await;
    assert_eq!(refused.unwrap_err().code(), "policy_denied");
    assert_eq!(world.rows().events.last().unwrap().policy_digest, Some(digest.to_string()));
    assert_eq!(world.count("policy.loaded"), 2);
}
