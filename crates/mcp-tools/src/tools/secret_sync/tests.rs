//! The tool over mocked targets.

mod input;
mod plan;
mod steps;
mod undo;
mod watch;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::ports::github::MockGithubSecrets;
use crate::ports::kubernetes::MockKubernetesSecrets;
use crate::ports::{Access, GithubSecretSeen, SecretKeySeen, SecretPlace, SecretSeen};
use crate::tools::namespaces::{NamePattern, NamespaceRule};
use crate::tools::samples::{at, caller, dev};

fn config() -> SecretSyncConfig {
    let pattern = |text: &str| NamePattern::parse(text).unwrap();
    SecretSyncConfig::new(NamespaceRules(vec![NamespaceRule {
        environments: vec![pattern("dev"), pattern("staging")],
        namespaces: vec![pattern("{project}-{environment}*")],
    }]))
}

fn tool_over(kubernetes: MockKubernetesSecrets, github: MockGithubSecrets) -> SecretSync {
    SecretSync::new(config(), Arc::new(kubernetes), Arc::new(github))
}

/// The tool over targets that must not be touched.
fn tool() -> SecretSync {
    tool_over(MockKubernetesSecrets::new(), MockGithubSecrets::new())
}

fn good() -> Value {
    json!({
        "environment": "dev",
        "github_secret_name": "DB_PASSWORD",
        "kubernetes_secret_name": "app",
        "justification": "the old password was in a log",
    })
}

fn call(changes: Value) -> Call {
    let mut given = good();
    for (field, value) in changes.as_object().unwrap() {
        given[field] = value.clone();
    }
    tool().parse(&given, &caller()).unwrap()
}

fn place() -> SecretPlace {
    SecretPlace { repository: caller().repository.unwrap(), environment: Some(dev()) }
}

fn secret(keys: &[(&str, Option<&str>)]) -> SecretSeen {
    SecretSeen {
        uid: "uid-1".to_owned(),
        resource_version: "41".to_owned(),
        secret_type: "Opaque".to_owned(),
        immutable: false,
        keys: keys
            .iter()
            .map(|(name, manager)| SecretKeySeen {
                name: (*name).to_owned(),
                manager: manager.map(str::to_owned),
                changed_at: None,
            })
            .collect(),
        written_by: None,
        fence: None,
    }
}

fn actions_secret(updated_secs: i64) -> GithubSecretSeen {
    GithubSecretSeen { created_at: at(1_600_000_000), updated_at: at(updated_secs) }
}

/// A cluster that lets us look and holds this.
fn kubernetes_with(seen: Option<SecretSeen>) -> MockKubernetesSecrets {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes.expect_access().times(1).returning(|_, _| Ok(Access::Allowed));
    kubernetes.expect_look().times(1).return_once(move |_, _| Ok(seen));
    kubernetes
}

/// A GitHub that lets us look and holds this.
fn github_with(seen: Option<GithubSecretSeen>) -> MockGithubSecrets {
    let mut github = MockGithubSecrets::new();
    github.expect_access().times(1).returning(|_| Ok(Access::Allowed));
    if seen.is_none() {
        github.expect_count().times(1).returning(|_| Ok(99));
    }
    github.expect_look().times(1).return_once(move |_, _| Ok(seen));
    github
}

/// Observes and plans over targets that hold these.
async fn planned(
    call: &Call,
    kubernetes: Option<SecretSeen>,
    github: Option<GithubSecretSeen>,
) -> Result<Plan, PlanRefusal> {
    let tool = tool_over(kubernetes_with(kubernetes), github_with(github));
    let observed = tool.observe(&caller(), call).await;
    tool.plan(&caller(), call, &observed)
}
