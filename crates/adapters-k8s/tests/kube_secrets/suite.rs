//! What the adapter does on any cluster: each test runs on the stand-in, and on a real cluster when `COUNTERSIGN_TEST_KUBECONFIG` names
//! one. What only a stand-in can be told to do (faults, quotas, foreign accounts) is tested beside this.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as expected fails the test: these are the bodies of tests"
)]

use countersign_adapters_k8s::{FENCE_ANNOTATION, REQUEST_ANNOTATION};
use countersign_kernel::Namespace;
use countersign_mcp_tools::ports::{Access, KubernetesSecrets as _, TargetErrorKind};
use serde_json::json;

use crate::bench::{Bench, NAME};
use crate::support::{MANAGER, pairs, request, value};

macro_rules! on_any_cluster {
    ($($test:ident,)*) => {
        mod on_the_simulator {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::bench::Bench::simulated().await).await;
            })*
        }

        mod on_a_real_cluster {
            $(#[tokio::test]
            async fn $test() {
                if let Some(bench) = crate::bench::Bench::real().await {
                    super::$test(&bench).await;
                    bench.tidy().await;
                }
            })*
        }
    };
}

on_any_cluster! {
    a_new_secret_gets_the_key_our_manager_and_our_annotations,
    other_keys_stay_whoever_wrote_them,
    a_key_of_another_manager_is_a_conflict_that_names_it,
    a_version_that_moved_is_a_conflict,
    a_secret_that_went_is_not_made_anew,
    a_secret_where_there_was_none_is_a_conflict,
    a_manager_beside_us_is_the_one_told,
    the_time_of_the_last_write_of_a_key_is_told,
    what_no_server_takes_is_invalid,
    holding_is_exact_and_tells_the_version,
    no_secret_is_none_and_no_namespace_is_not_found,
    who_may_do_everything_has_access,
}

async fn a_new_secret_gets_the_key_our_manager_and_our_annotations(bench: &Bench) {
    let receipt = bench.apply("value", "s3cret", None).await.unwrap();
    assert_eq!(bench.held().await, pairs(&[("value", "s3cret")]));
    assert_eq!(bench.annotation(REQUEST_ANNOTATION).await, Some(request().to_string()));
    assert_eq!(bench.annotation(FENCE_ANNOTATION).await.as_deref(), Some("3"));
    let seen = bench.seen().await;
    assert_eq!((&seen.uid, &seen.resource_version), (&receipt.uid, &receipt.resource_version));
    assert_eq!((seen.secret_type.as_str(), seen.immutable, seen.fence), ("Opaque", false, Some(3)));
    assert_eq!(seen.written_by, Some(request().to_string()));
    assert_eq!((seen.keys[0].name.as_str(), seen.keys[0].manager.as_deref()), ("value", Some(MANAGER)));
}

async fn other_keys_stay_whoever_wrote_them(bench: &Bench) {
    bench.foreign("theirs", "from kubectl", "kubectl").await;
    let version = bench.seen().await.resource_version;
    let first = bench.apply("one", "1", Some(&version)).await.unwrap();
    // The same manager applies another key: without carrying the first along, the server would remove it.
    let second = bench.apply("two", "2", Some(&first.resource_version)).await.unwrap();
    assert_eq!(bench.held().await, pairs(&[("one", "1"), ("theirs", "from kubectl"), ("two", "2")]));
    bench.apply("one", "1 again", Some(&second.resource_version)).await.unwrap();
    assert_eq!(bench.held().await, pairs(&[("one", "1 again"), ("theirs", "from kubectl"), ("two", "2")]));
    let keys = bench.seen().await.keys;
    let owners: Vec<_> = keys.iter().map(|key| (key.name.as_str(), key.manager.as_deref())).collect();
    assert_eq!(owners, [("one", Some(MANAGER)), ("theirs", Some("kubectl")), ("two", Some(MANAGER))]);
}

async fn a_key_of_another_manager_is_a_conflict_that_names_it(bench: &Bench) {
    bench.foreign("value", "theirs", "helm").await;
    let version = bench.seen().await.resource_version;
    let error = bench.apply("value", "ours", Some(&version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict);
    let said =
        format!("kubernetes secret {}/{NAME}: conflict with \"helm\" using v1: .data.value", bench.namespace);
    assert_eq!(error.to_string(), said);
    assert_eq!(bench.held().await, pairs(&[("value", "theirs")]));
}

async fn a_version_that_moved_is_a_conflict(bench: &Bench) {
    let receipt = bench.apply("value", "1", None).await.unwrap();
    bench.foreign("other", "x", "kubectl").await;
    let error = bench.apply("value", "2", Some(&receipt.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict, "{error}");
    assert_eq!(bench.held().await, pairs(&[("other", "x"), ("value", "1")]));
}

async fn a_secret_that_went_is_not_made_anew(bench: &Bench) {
    let receipt = bench.apply("value", "1", None).await.unwrap();
    bench.delete().await;
    let error = bench.apply("value", "2", Some(&receipt.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict, "{error}");
    assert_eq!(bench.held().await, []);
}

async fn a_secret_where_there_was_none_is_a_conflict(bench: &Bench) {
    bench.foreign("other", "x", "kubectl").await;
    let error = bench.apply("value", "1", None).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Conflict);
    assert_eq!(bench.held().await, pairs(&[("other", "x")]));
}

async fn a_manager_beside_us_is_the_one_told(bench: &Bench) {
    bench.apply("value", "1", None).await.unwrap();
    bench.foreign("value", "2", "kubectl-edit").await;
    assert_eq!(bench.seen().await.keys[0].manager.as_deref(), Some("kubectl-edit"));
}

async fn the_time_of_the_last_write_of_a_key_is_told(bench: &Bench) {
    let written = bench.apply("value", "1", None).await.unwrap();
    let first = bench.seen().await.keys[0].changed_at.expect("a server tells the time");
    bench.foreign("other", "x", "kubectl").await;
    assert_eq!(bench.seen().await.keys[1].changed_at, Some(first), "another key is not this one");
    let version = bench.seen().await.resource_version;
    assert_ne!(version, written.resource_version);
    // A server tells whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    bench.apply("value", "2", Some(&version)).await.unwrap();
    let keys = bench.seen().await.keys;
    assert!(keys[1].changed_at > Some(first), "{keys:?}");
    assert!(keys[0].changed_at < keys[1].changed_at, "{keys:?}");
}

async fn what_no_server_takes_is_invalid(bench: &Bench) {
    let error = bench.apply("not a key", "s3cret", None).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (TargetErrorKind::Invalid, "422 Invalid: `data[not a key]` FieldValueInvalid")
    );
    bench.apply("value", "s3cret", None).await.unwrap();
    bench.change(json!({"immutable": true})).await;
    let seen = bench.seen().await;
    assert!(seen.immutable);
    let error = bench.apply("value", "another", Some(&seen.resource_version)).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Invalid);
    assert!(error.message.contains("field is immutable when `immutable` is set"), "{error}");
    assert_eq!(bench.held().await, pairs(&[("value", "s3cret")]));
}

async fn holding_is_exact_and_tells_the_version(bench: &Bench) {
    let mine = value("mine");
    let (adapter, namespace) = (&bench.adapter, &bench.namespace);
    assert_eq!(adapter.holds(namespace, NAME, "value", &mine).await.unwrap(), None);
    let receipt = bench.apply("value", "mine", None).await.unwrap();
    assert_eq!(adapter.holds(namespace, NAME, "value", &mine).await.unwrap(), Some(receipt));
    assert_eq!(adapter.holds(namespace, NAME, "other", &mine).await.unwrap(), None);
    for different in ["mine2", "min", "", "MINE"] {
        assert_eq!(adapter.holds(namespace, NAME, "value", &value(different)).await.unwrap(), None);
    }
    bench.foreign("value", "theirs", "kubectl").await;
    assert_eq!(adapter.holds(namespace, NAME, "value", &mine).await.unwrap(), None);
}

async fn no_secret_is_none_and_no_namespace_is_not_found(bench: &Bench) {
    assert_eq!(bench.adapter.look(&bench.namespace, NAME).await.unwrap(), None);
    let nowhere = Namespace::parse("countersign-test-nowhere").unwrap();
    let error = bench.adapter.look(&nowhere, NAME).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NotFound);
    let said = format!("kubernetes namespace {nowhere}: namespaces \"{nowhere}\" not found");
    assert_eq!(error.to_string(), said);
    let look = bench.adapter.look(&bench.namespace, "../../version").await;
    assert_eq!(look.unwrap(), None, "a name stays a name");
}

async fn who_may_do_everything_has_access(bench: &Bench) {
    assert_eq!(bench.adapter.access(&bench.namespace, NAME).await.unwrap(), Access::Allowed);
    assert!(bench.adapter.server_version().await.unwrap().starts_with('v'));
}
