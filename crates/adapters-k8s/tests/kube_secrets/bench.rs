//! A cluster to try the adapter on: the stand-in, or a real one. Both are used in the same way, over HTTP with kube's own client, so that
//! a test can't tell them apart.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_adapters_k8s::{ClusterAccess, KubeSecrets, KubeSecretsConfig};
use countersign_kernel::Namespace;
use countersign_mcp_tools::ports::{
    ApplyKey, KubernetesReceipt, KubernetesSecrets as _, SecretSeen, TargetError,
};
use countersign_simulators::{KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken};
use k8s_openapi::api::core::v1::{self, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

use crate::support::{MANAGER, request, value};

/// The variable that names the kubeconfig of a real cluster, whose current user may make namespaces and do everything in them.
const KUBECONFIG: &str = "COUNTERSIGN_TEST_KUBECONFIG";

/// The Secret of all tests.
pub(crate) const NAME: &str = "app";

/// A namespace of its own, the adapter, and a client that is somebody else.
pub(crate) struct Bench {
    pub(crate) adapter: KubeSecrets,
    pub(crate) namespace: Namespace,
    client: Client,
    /// Held for as long as it is to run; none where the cluster is real.
    simulator: Option<KubernetesSimulator>,
}

impl Bench {
    /// The stand-in.
    pub(crate) async fn simulated() -> Self {
        let simulator = KubernetesSimulator::start(KubernetesConfig {
            tokens: vec![KubernetesToken {
                token: "all".into(),
                username: "all".into(),
                rules: vec![KubernetesRule::everything()],
            }],
            namespaces: vec!["shop-dev".into()],
            ..KubernetesConfig::default()
        })
        .await
        .expect("a simulator");
        let mut config = Config::new(simulator.url().parse().expect("a URL"));
        config.auth_info.token = Some("all".to_owned().into());
        let access = ClusterAccess::Token { url: simulator.url(), token: "all".into(), ca_pem: None };
        let client = Client::try_from(config).expect("a client");
        let namespace = Namespace::parse("shop-dev").expect("a namespace");
        Self { simulator: Some(simulator), ..Self::of(access, client, namespace).await }
    }

    /// A real cluster, if one is named; says so otherwise.
    pub(crate) async fn real() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "the one thing that says where a real cluster is")]
        let Some(path) = std::env::var_os(KUBECONFIG).map(PathBuf::from) else {
            // Past the test runner's capture: whoever runs the tests has to know what was not run.
            let said =
                format!("skipped: set {KUBECONFIG} to a kubeconfig to run this against a real cluster");
            let _ = writeln!(std::io::stderr(), "{said}");
            return None;
        };
        let file = Kubeconfig::read_from(&path).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
        let client = Client::try_from(config.expect("a usable kubeconfig")).expect("a client");
        let wanted: v1::Namespace =
            serde_json::from_value(json!({"metadata": {"generateName": "countersign-test-"}}))
                .expect("a namespace");
        let made = Api::<v1::Namespace>::all(client.clone()).create(&PostParams::default(), &wanted).await;
        let name = made.expect("we may make namespaces").metadata.name.expect("a made one has a name");
        let namespace = Namespace::parse(&name).expect("a namespace");
        let access = ClusterAccess::Kubeconfig { path, context: None };
        Some(Self::of(access, client, namespace).await)
    }

    async fn of(access: ClusterAccess, client: Client, namespace: Namespace) -> Self {
        let config = KubeSecretsConfig {
            access,
            field_manager: MANAGER.to_owned(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        };
        let adapter = KubeSecrets::connect(config).await.expect("a client");
        Self { adapter, namespace, client, simulator: None }
    }

    /// Takes the namespace away again where it is a real one.
    pub(crate) async fn tidy(self) {
        if self.simulator.is_none() {
            let namespaces = Api::<v1::Namespace>::all(self.client);
            let gone = namespaces.delete(self.namespace.as_str(), &DeleteParams::default()).await;
            gone.expect("we may delete what we made");
        }
    }

    /// Our own write of one key, under fence 3.
    pub(crate) async fn apply(
        &self,
        key: &str,
        text: &str,
        expected_version: Option<&str>,
    ) -> Result<KubernetesReceipt, TargetError> {
        let value = value(text);
        let write = ApplyKey {
            namespace: &self.namespace,
            name: NAME,
            key,
            value: &value,
            expected_version,
            request: request(),
            fence: 3,
        };
        self.adapter.apply_key(write).await
    }

    /// What the adapter sees; the Secret has to be there.
    pub(crate) async fn seen(&self) -> SecretSeen {
        self.adapter.look(&self.namespace, NAME).await.expect("it can be looked at").expect("it is there")
    }

    /// A write of one key by somebody else, as an update.
    pub(crate) async fn foreign(&self, key: &str, text: &str, manager: &str) {
        let secrets = self.secrets();
        let field_manager = Some(manager.to_owned());
        let data = json!({"data": {key: STANDARD.encode(text)}});
        if secrets.get_opt(NAME).await.expect("it can be read").is_some() {
            let params = PatchParams { field_manager, ..PatchParams::default() };
            secrets.patch(NAME, &params, &Patch::Merge(&data)).await.expect("they may write");
        } else {
            let secret = json!({"metadata": {"name": NAME}, "data": data["data"]});
            let secret: Secret = serde_json::from_value(secret).expect("a Secret");
            let params = PostParams { field_manager, ..PostParams::default() };
            secrets.create(&params, &secret).await.expect("they may write");
        }
    }

    /// A change of the whole Secret by somebody else.
    pub(crate) async fn change(&self, merge: serde_json::Value) {
        let params = PatchParams { field_manager: Some("kubectl".to_owned()), ..PatchParams::default() };
        self.secrets().patch(NAME, &params, &Patch::Merge(&merge)).await.expect("they may write");
    }

    /// The Secret goes.
    pub(crate) async fn delete(&self) {
        self.secrets().delete(NAME, &DeleteParams::default()).await.expect("they may delete");
    }

    /// What the Secret holds, sorted by key; empty when it isn't there.
    pub(crate) async fn held(&self) -> Vec<(String, String)> {
        let secret = self.secrets().get_opt(NAME).await.expect("it can be read");
        let data = secret.and_then(|secret| secret.data).unwrap_or_default();
        data.into_iter().map(|(key, value)| (key, String::from_utf8(value.0).expect("text"))).collect()
    }

    /// An annotation of the Secret.
    pub(crate) async fn annotation(&self, name: &str) -> Option<String> {
        let secret = self.secrets().get(NAME).await.expect("it is there");
        secret.metadata.annotations?.remove(name)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), self.namespace.as_str())
    }
}
