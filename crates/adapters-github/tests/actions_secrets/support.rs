//! A repository with one environment, and the adapter on it.

use std::time::Duration;

use countersign_adapters_github::{GithubActionsSecrets, GithubActionsSecretsConfig};
use countersign_kernel::{Environment, Repository};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::SecretPlace;
use countersign_simulators::{GithubConfig, GithubGrant, GithubRepository, GithubSimulator, GithubToken};

pub(crate) const SECRETS: &str = "/repos/acme/shop/actions/secrets";
pub(crate) const TOKEN: &str = "/repos/acme/shop/actions/secrets/API_TOKEN";
pub(crate) const KEY: &str = "/repos/acme/shop/actions/secrets/public-key";

pub(crate) async fn github() -> GithubSimulator {
    let token = |name: &str, grants| GithubToken { token: name.into(), login: name.into(), grants };
    let blind =
        GithubGrant { secrets: countersign_simulators::Access::None, ..GithubGrant::full("acme/shop") };
    GithubSimulator::start(GithubConfig {
        tokens: vec![
            token("countersign", vec![GithubGrant::full("acme/shop")]),
            token("reader", vec![GithubGrant::read_only("acme/shop")]),
            token("blind", vec![blind]),
            token("stranger", vec![]),
        ],
        repositories: vec![GithubRepository {
            full_name: "acme/shop".into(),
            environments: vec!["staging".into()],
        }],
        ..GithubConfig::default()
    })
    .await
    .expect("a simulator")
}

pub(crate) fn config(url: &str, token: &str) -> GithubActionsSecretsConfig {
    GithubActionsSecretsConfig {
        base_url: url.to_owned(),
        token: token.into(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_millis(700),
    }
}

pub(crate) fn adapter(github: &GithubSimulator, token: &str) -> GithubActionsSecrets {
    GithubActionsSecrets::connect(config(&github.url(), token)).expect("a client")
}

pub(crate) fn in_repository() -> SecretPlace {
    SecretPlace { repository: Repository::parse("acme/shop").expect("a repository"), environment: None }
}

pub(crate) fn in_environment(name: &str) -> SecretPlace {
    SecretPlace { environment: Some(Environment::parse(name).expect("an environment")), ..in_repository() }
}

pub(crate) fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec())
}

pub(crate) fn sent(github: &GithubSimulator, method: &str) -> usize {
    github.requests().iter().filter(|request| request.method == method).count()
}
