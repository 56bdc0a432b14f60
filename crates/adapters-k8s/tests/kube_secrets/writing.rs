//! Applying one key, where it takes a stand-in to see: what is sent, and what happens in the last moment.

use std::time::Duration;

use countersign_mcp_tools::ports::{ApplyKey, KubernetesSecrets as _, TargetErrorKind};
use countersign_simulators::{Behaviour, KubernetesChange};

use crate::support::{APP, adapter, apply, cluster, foreign, held, namespace, pairs, request, sent, value};

#[tokio::test]
async fn a_version_that_moved_is_seen_before_anything_is_written() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let receipt = apply(&adapter, "value", "1", None).await.unwrap();
    foreign(&cluster, "other", "x", "kubectl");
    let error = apply(&adapter, "value", "2", Some(&receipt.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict, "{error}");
    assert_eq!(sent(&cluster, "PATCH"), 1);
    let effect = &cluster.journal().effects()[0];
    assert_eq!((effect.actor.as_str(), effect.detail["manager"].as_str()), ("syncer", Some("countersign")));
}

#[tokio::test]
async fn a_secret_that_changes_or_goes_in_the_last_moment_is_a_conflict_too() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let receipt = apply(&adapter, "value", "1", None).await.unwrap();
    cluster.fail_next("PATCH", APP, Behaviour::Delay { for_ms: 200 });
    let write = apply(&adapter, "value", "2", Some(&receipt.resource_version));
    let meddle = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        foreign(&cluster, "other", "x", "kubectl");
    };
    let (outcome, ()) = tokio::join!(write, meddle);
    assert_eq!(outcome.unwrap_err().kind, TargetErrorKind::Conflict);
    assert_eq!(sent(&cluster, "PATCH"), 2, "the server refused it");
    assert_eq!(held(&cluster), pairs(&[("other", "x"), ("value", "1")]));

    let version = adapter.look(&namespace(), "app").await.unwrap().unwrap().resource_version;
    cluster.fail_next("PATCH", APP, Behaviour::Delay { for_ms: 200 });
    let write = apply(&adapter, "value", "2", Some(&version));
    let meddle = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let gone = KubernetesChange::DeleteSecret { namespace: "shop-dev".into(), name: "app".into() };
        cluster.set(gone).unwrap();
    };
    let (outcome, ()) = tokio::join!(write, meddle);
    assert_eq!(outcome.unwrap_err().kind, TargetErrorKind::Conflict);
    assert_eq!(held(&cluster), [], "it is not made anew");
}

#[tokio::test]
async fn what_the_server_refuses_for_good_is_said_in_its_words() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let quota = |secrets| KubernetesChange::SetQuota { namespace: "shop-dev".into(), secrets };
    cluster.set(quota(Some(0))).unwrap();
    let error = apply(&adapter, "value", "s3cret", None).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::QuotaExceeded);
    assert!(error.message.contains("exceeded quota"), "{error}");
    cluster.set(quota(None)).unwrap();

    cluster.set(KubernetesChange::RemoveNamespace { namespace: "shop-dev".into() }).unwrap();
    let error = apply(&adapter, "value", "s3cret", None).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (TargetErrorKind::NotFound, "namespaces \"shop-dev\" not found")
    );
}

#[tokio::test]
async fn a_secret_with_a_newer_fence_is_left_alone() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let receipt = apply(&adapter, "value", "first", None).await.unwrap();
    let (namespace, text) = (namespace(), value("second"));
    let write = |fence| ApplyKey {
        namespace: &namespace,
        name: "app",
        key: "value",
        value: &text,
        expected_version: Some(&receipt.resource_version),
        request: request(),
        fence,
    };
    // The first write was made under fence 3.
    let error = adapter.apply_key(write(2)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (TargetErrorKind::Fenced, "it carries fence 3, which is newer than ours, 2")
    );
    assert_eq!(held(&cluster), pairs(&[("value", "first")]));
    adapter.apply_key(write(3)).await.unwrap();
    assert_eq!(held(&cluster), pairs(&[("value", "second")]));
}
