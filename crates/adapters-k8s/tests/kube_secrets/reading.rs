//! Looking, access, holding, connecting.

use countersign_adapters_k8s::{ClusterAccess, ConnectError, KubeSecrets, KubeSecretsConfig};
use countersign_kernel::Namespace;
use countersign_mcp_tools::ports::{Access, KubernetesSecrets as _, TargetErrorKind};
use countersign_simulators::Behaviour;

use crate::support::{APP, adapter, apply, cluster, config, namespace, value};

#[tokio::test]
async fn who_may_not_look_at_namespaces_takes_them_to_be_there() {
    let cluster = cluster().await;
    let nowhere = Namespace::parse("nowhere").unwrap();
    let secrets_only = adapter(&cluster, "secrets-only").await;
    assert_eq!(secrets_only.look(&nowhere, "app").await.unwrap(), None);
}

#[tokio::test]
async fn a_comparison_that_is_cut_says_nothing() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    cluster.fail_next("GET", APP, Behaviour::DropBeforeHandling);
    let error = adapter.holds(&namespace(), "app", "value", &value("mine")).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NoAnswer);
}

#[tokio::test]
async fn access_names_what_our_account_may_not_do() {
    let cluster = cluster().await;
    let syncer = adapter(&cluster, "syncer").await;
    assert_eq!(syncer.access(&namespace(), "app").await.unwrap(), Access::Allowed);
    let reader = adapter(&cluster, "reader").await;
    let why = "our account may not create, patch secret `app` in namespace `shop-dev`".to_owned();
    assert_eq!(reader.access(&namespace(), "app").await.unwrap(), Access::Refused { why });
    let wrong = adapter(&cluster, "wrong").await;
    assert_eq!(wrong.access(&namespace(), "app").await.unwrap_err().kind, TargetErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_kubeconfig_leads_to_the_same_cluster() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: none\nclusters:\n- name: c\n  cluster: {{server: \"{}\"}}\n\
         users:\n- name: u\n  user: {{token: syncer}}\ncontexts:\n- name: here\n  context: {{cluster: c, user: u}}\n",
        cluster.url()
    );
    std::fs::write(&path, text).unwrap();
    let with = |context: Option<&str>| KubeSecretsConfig {
        access: ClusterAccess::Kubeconfig { path: path.clone(), context: context.map(str::to_owned) },
        ..config("", "")
    };
    let adapter = KubeSecrets::connect(with(Some("here"))).await.unwrap();
    assert_eq!(adapter.server_version().await.unwrap(), "v1.33.0");
    apply(&adapter, "value", "1", None).await.unwrap();
    let error = KubeSecrets::connect(with(None)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("can't use kubeconfig `{}`", path.display()));
}

#[tokio::test]
async fn a_configuration_that_leads_nowhere_is_refused() {
    for url in ["", "not a url", "/only/a/path"] {
        let error = KubeSecrets::connect(config(url, "t")).await.unwrap_err();
        assert!(matches!(error, ConnectError::Url { .. }), "{url}: {error}");
    }
    let access = ClusterAccess::Token {
        url: "https://cluster.example".to_owned(),
        token: "t".into(),
        ca_pem: Some(b"no certificate".to_vec()),
    };
    let error = KubeSecrets::connect(KubeSecretsConfig { access, ..config("", "") }).await.unwrap_err();
    assert_eq!(error.to_string(), "the certificate authority of `https://cluster.example` is not PEM");
    let error =
        KubeSecrets::connect(KubeSecretsConfig { access: ClusterAccess::InCluster, ..config("", "") });
    assert!(matches!(error.await.unwrap_err(), ConnectError::InCluster(_)), "not in a pod");
}
