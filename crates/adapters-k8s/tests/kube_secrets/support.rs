//! A cluster with one namespace, and the adapter on it.

use std::time::Duration;

use countersign_adapters_k8s::{ClusterAccess, KubeSecrets, KubeSecretsConfig};
use countersign_kernel::{Namespace, RequestId, Timestamp};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{ApplyKey, KubernetesReceipt, KubernetesSecrets as _, TargetError};
use countersign_simulators::{
    KubernetesChange, KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken,
};

pub(crate) const MANAGER: &str = "countersign";
pub(crate) const APP: &str = "/api/v1/namespaces/shop-dev/secrets/app";

pub(crate) async fn cluster() -> KubernetesSimulator {
    let rule = |verbs: &[&str], resources: &[&str]| KubernetesRule {
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
        namespaces: vec!["*".to_owned()],
        resource_names: Vec::new(),
    };
    let token = |name: &str, rules| KubernetesToken { token: name.into(), username: name.into(), rules };
    KubernetesSimulator::start(KubernetesConfig {
        tokens: vec![
            token("syncer", vec![rule(&["get", "create", "patch", "delete"], &["secrets", "namespaces"])]),
            token("secrets-only", vec![rule(&["get", "create", "patch"], &["secrets"])]),
            token("reader", vec![rule(&["get"], &["secrets", "namespaces"])]),
        ],
        namespaces: vec!["shop-dev".into()],
        ..KubernetesConfig::default()
    })
    .await
    .expect("a simulator")
}

pub(crate) fn config(url: &str, token: &str) -> KubeSecretsConfig {
    KubeSecretsConfig {
        access: ClusterAccess::Token { url: url.to_owned(), token: token.into(), ca_pem: None },
        field_manager: MANAGER.to_owned(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_millis(700),
    }
}

pub(crate) async fn adapter(cluster: &KubernetesSimulator, token: &str) -> KubeSecrets {
    KubeSecrets::connect(config(&cluster.url(), token)).await.expect("a client")
}

pub(crate) fn namespace() -> Namespace {
    Namespace::parse("shop-dev").expect("a namespace")
}

pub(crate) fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec())
}

pub(crate) fn request() -> RequestId {
    RequestId::from_parts(Timestamp::from_unix_micros(1_700_000_000_000_000), [7; 10])
}

/// Writes one key of `shop-dev/app`.
pub(crate) async fn apply(
    adapter: &KubeSecrets,
    key: &str,
    text: &str,
    expected_version: Option<&str>,
) -> Result<KubernetesReceipt, TargetError> {
    let (namespace, value) = (namespace(), value(text));
    let write = ApplyKey {
        namespace: &namespace,
        name: "app",
        key,
        value: &value,
        expected_version,
        request: request(),
        fence: 3,
    };
    adapter.apply_key(write).await
}

/// A write by someone else.
pub(crate) fn foreign(cluster: &KubernetesSimulator, key: &str, text: &str, manager: &str) {
    let change = KubernetesChange::PutSecret {
        namespace: "shop-dev".into(),
        name: "app".into(),
        data: [(key.to_owned(), text.to_owned())].into(),
        manager: manager.into(),
    };
    cluster.set(change).expect("the namespace is there");
}

/// What `shop-dev/app` holds.
pub(crate) fn held(cluster: &KubernetesSimulator) -> Vec<(String, String)> {
    let secret = cluster.secret("shop-dev", "app").unwrap_or_default();
    secret.into_iter().map(|(key, value)| (key, String::from_utf8(value).expect("text"))).collect()
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn sent(cluster: &KubernetesSimulator, method: &str) -> usize {
    cluster.requests().iter().filter(|request| request.method == method).count()
}
