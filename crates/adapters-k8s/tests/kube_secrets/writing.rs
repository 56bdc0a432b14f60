//! Applying one key.

use std::time::Duration;

use countersign_adapters_k8s::{FENCE_ANNOTATION, REQUEST_ANNOTATION};
use countersign_mcp_tools::ports::{ApplyKey, KubernetesSecrets as _, TargetErrorKind};
use countersign_simulators::{Behaviour, KubernetesChange};

use crate::support::{
    APP, MANAGER, adapter, apply, cluster, foreign, held, namespace, pairs, request, sent, value,
};

#[tokio::test]
async fn a_new_secret_gets_the_key_our_manager_and_our_annotations() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let receipt = apply(&adapter, "value", "s3cret", None).await.unwrap();
    assert_eq!(held(&cluster), pairs(&[("value", "s3cret")]));
    let effect = &cluster.journal().effects()[0];
    assert_eq!(effect.actor, "syncer");
    assert_eq!(effect.detail["manager"], MANAGER);
    assert_eq!(effect.detail["annotations"][REQUEST_ANNOTATION], request().to_string());
    assert_eq!(effect.detail["annotations"][FENCE_ANNOTATION], "3");

    let seen = adapter.look(&namespace(), "app").await.unwrap().unwrap();
    assert_eq!((&seen.uid, &seen.resource_version), (&receipt.uid, &receipt.resource_version));
    assert_eq!((seen.secret_type.as_str(), seen.immutable, seen.fence), ("Opaque", false, Some(3)));
    assert_eq!(seen.written_by, Some(request().to_string()));
    assert_eq!((seen.keys[0].name.as_str(), seen.keys[0].manager.as_deref()), ("value", Some(MANAGER)));
}

#[tokio::test]
async fn other_keys_stay_whoever_wrote_them() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    foreign(&cluster, "theirs", "from kubectl", "kubectl");
    let version = adapter.look(&namespace(), "app").await.unwrap().unwrap().resource_version;
    let first = apply(&adapter, "one", "1", Some(&version)).await.unwrap();
    // The same manager applies another key: without carrying the first along, the server would remove it.
    let second = apply(&adapter, "two", "2", Some(&first.resource_version)).await.unwrap();
    apply(&adapter, "one", "1 again", Some(&second.resource_version)).await.unwrap();
    assert_eq!(held(&cluster), pairs(&[("one", "1 again"), ("theirs", "from kubectl"), ("two", "2")]));
    let changed: Vec<_> =
        cluster.journal().effects().iter().map(|effect| effect.detail["changed_keys"].to_string()).collect();
    assert_eq!(changed, [r#"["theirs"]"#, r#"["one"]"#, r#"["two"]"#, r#"["one"]"#]);
    let removed: Vec<_> =
        cluster.journal().effects().iter().map(|e| e.detail["removed_keys"].clone()).collect();
    assert!(removed.iter().all(|keys| keys == &serde_json::json!([])), "{removed:?}");
    let seen = adapter.look(&namespace(), "app").await.unwrap().unwrap();
    let owners: Vec<_> = seen.keys.iter().map(|key| (key.name.as_str(), key.manager.as_deref())).collect();
    assert_eq!(owners, [("one", Some(MANAGER)), ("theirs", Some("kubectl")), ("two", Some(MANAGER))]);
}

#[tokio::test]
async fn a_key_of_another_manager_is_a_conflict_that_names_it() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    foreign(&cluster, "value", "theirs", "helm");
    let version = adapter.look(&namespace(), "app").await.unwrap().unwrap().resource_version;
    let error = apply(&adapter, "value", "ours", Some(&version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "kubernetes secret shop-dev/app: conflict with \"helm\" using v1: .data.value"
    );
    assert_eq!(held(&cluster), pairs(&[("value", "theirs")]));
}

#[tokio::test]
async fn a_version_that_moved_is_a_conflict() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let receipt = apply(&adapter, "value", "1", None).await.unwrap();
    foreign(&cluster, "other", "x", "kubectl");
    let error = apply(&adapter, "value", "2", Some(&receipt.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict, "{error}");
    assert_eq!(sent(&cluster, "PATCH"), 1, "seen before writing");
    cluster.set(KubernetesChange::DeleteSecret { namespace: "shop-dev".into(), name: "app".into() }).unwrap();
    let error = apply(&adapter, "value", "2", Some(&receipt.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict, "{error}");
    assert_eq!(held(&cluster), []);
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
async fn a_secret_where_there_was_none_is_a_conflict() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    foreign(&cluster, "other", "x", "kubectl");
    let error = apply(&adapter, "value", "1", None).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict);
    assert_eq!(held(&cluster), pairs(&[("other", "x")]));
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

    let error = apply(&adapter, "not a key", "s3cret", None).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (TargetErrorKind::Invalid, "422 Invalid: `data[not a key]` FieldValueInvalid")
    );

    let receipt = apply(&adapter, "value", "s3cret", None).await.unwrap();
    cluster
        .set(KubernetesChange::MakeImmutable { namespace: "shop-dev".into(), name: "app".into() })
        .unwrap();
    let seen = adapter.look(&namespace(), "app").await.unwrap().unwrap();
    assert!(seen.immutable && seen.resource_version != receipt.resource_version);
    let error = apply(&adapter, "value", "another", Some(&seen.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Invalid);
    assert!(error.message.contains("field is immutable when `immutable` is set"), "{error}");

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
