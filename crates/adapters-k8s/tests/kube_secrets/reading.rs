//! Looking, access, holding, connecting.

use countersign_adapters_k8s::{ClusterAccess, ConnectError, KubeSecrets, KubeSecretsConfig};
use countersign_kernel::Namespace;
use countersign_mcp_tools::ports::{Access, KubernetesSecrets as _, TargetErrorKind};
use countersign_simulators::Behaviour;

use crate::support::{APP, adapter, apply, cluster, config, foreign, namespace, value};

#[tokio::test]
async fn no_secret_is_none_and_no_namespace_is_not_found() {
    let cluster = cluster().await;
    let syncer = adapter(&cluster, "syncer").await;
    assert_eq!(syncer.look(&namespace(), "app").await.unwrap(), None);
    let nowhere = Namespace::parse("nowhere").unwrap();
    let error = syncer.look(&nowhere, "app").await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NotFound);
    assert_eq!(error.to_string(), "kubernetes namespace nowhere: namespaces \"nowhere\" not found");
    let secrets_only = adapter(&cluster, "secrets-only").await;
    assert_eq!(secrets_only.look(&nowhere, "app").await.unwrap(), None, "it may not look at namespaces");
    assert_eq!(syncer.look(&namespace(), "../../version").await.unwrap(), None, "a name stays a name");
}

#[tokio::test]
async fn a_manager_beside_us_is_the_one_told() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    apply(&adapter, "value", "1", None).await.unwrap();
    foreign(&cluster, "value", "2", "kubectl-edit");
    let seen = adapter.look(&namespace(), "app").await.unwrap().unwrap();
    assert_eq!(seen.keys[0].manager.as_deref(), Some("kubectl-edit"));
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
async fn holding_is_exact_and_tells_the_version() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let (namespace, mine) = (namespace(), value("mine"));
    assert_eq!(adapter.holds(&namespace, "app", "value", &mine).await.unwrap(), None);
    let receipt = apply(&adapter, "value", "mine", None).await.unwrap();
    assert_eq!(adapter.holds(&namespace, "app", "value", &mine).await.unwrap(), Some(receipt));
    assert_eq!(adapter.holds(&namespace, "app", "other", &mine).await.unwrap(), None);
    for different in ["mine2", "min", "", "MINE"] {
        assert_eq!(adapter.holds(&namespace, "app", "value", &value(different)).await.unwrap(), None);
    }
    foreign(&cluster, "value", "theirs", "kubectl");
    assert_eq!(adapter.holds(&namespace, "app", "value", &mine).await.unwrap(), None);
    cluster.fail_next("GET", APP, Behaviour::DropBeforeHandling);
    let error = adapter.holds(&namespace, "app", "value", &mine).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NoAnswer);
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
