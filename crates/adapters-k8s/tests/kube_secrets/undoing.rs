//! Reading what a write will replace, and taking a write back.

use countersign_mcp_tools::ports::{KubernetesReceipt, KubernetesSecrets as _, RemoveKey, TargetErrorKind};

use crate::support::{adapter, apply, cluster, foreign, held, namespace, pairs, request};

#[tokio::test]
async fn a_key_is_read_in_the_version_asked_for_and_no_other() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let receipt = apply(&adapter, "value", "s3cret", None).await.unwrap();
    let version = receipt.resource_version.as_str();
    let read = adapter.read_key(&namespace(), "app", "value", version).await.unwrap();
    assert_eq!(read.unwrap().expose(), b"s3cret");
    assert!(adapter.read_key(&namespace(), "app", "other", version).await.unwrap().is_none());
    foreign(&cluster, "other", "theirs", "helm");
    let error = adapter.read_key(&namespace(), "app", "value", version).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict);
    let error = adapter.read_key(&namespace(), "none", "value", version).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict, "a Secret that is gone is not the one that was seen");
}

#[tokio::test]
async fn a_key_is_taken_away_and_the_others_stay() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    foreign(&cluster, "theirs", "from helm", "helm");
    let version = adapter.look(&namespace(), "app").await.unwrap().unwrap().resource_version;
    let first = apply(&adapter, "ours", "1", Some(&version)).await.unwrap();
    let second = apply(&adapter, "value", "2", Some(&first.resource_version)).await.unwrap();
    let namespace = namespace();
    let remove = |expected_version| RemoveKey {
        namespace: &namespace,
        name: "app",
        key: "value",
        expected_version,
        request: request(),
        fence: 3,
    };
    let error = adapter.remove_key(remove(&first.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict);
    adapter.remove_key(remove(&second.resource_version)).await.unwrap();
    assert_eq!(held(&cluster), pairs(&[("ours", "1"), ("theirs", "from helm")]));
}

#[tokio::test]
async fn a_secret_is_deleted_only_if_it_is_this_very_one_in_this_version() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let first = apply(&adapter, "value", "1", None).await.unwrap();
    let second = apply(&adapter, "value", "2", Some(&first.resource_version)).await.unwrap();
    let other = KubernetesReceipt { uid: "another".to_owned(), ..second.clone() };
    for wrong in [&first, &other] {
        let error = adapter.delete(&namespace(), "app", wrong).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::Conflict);
    }
    assert_eq!(held(&cluster), pairs(&[("value", "2")]));
    adapter.delete(&namespace(), "app", &second).await.unwrap();
    assert!(cluster.secret("shop-dev", "app").is_none());
    let error = adapter.delete(&namespace(), "app", &second).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NotFound);
}
