//! A GitHub to try the adapter on: the stand-in, or the real one.

use std::io::Write as _;
use std::time::Duration;

use countersign_adapters_github::{GithubActionsSecrets, GithubActionsSecretsConfig};
use countersign_kernel::Repository;
use countersign_mcp_tools::ports::SecretPlace;
use countersign_simulators::GithubSimulator;
use octocrab::Octocrab;

use crate::support::{github, in_repository};

/// The variable with a token that may write Actions secrets of the repository.
const TOKEN: &str = "COUNTERSIGN_TEST_GITHUB_TOKEN";

/// The variable with a repository (`owner/name`) that is there for tests: secrets named `COUNTERSIGN_TEST_…` come and go in it.
const REPOSITORY: &str = "COUNTERSIGN_TEST_GITHUB_REPOSITORY";

/// The variable with the API's address; github.com's when it isn't set.
const URL: &str = "COUNTERSIGN_TEST_GITHUB_URL";

/// A repository and the adapter on it.
pub(crate) struct Bench {
    pub(crate) adapter: GithubActionsSecrets,
    pub(crate) place: SecretPlace,
    url: String,
    client: Octocrab,
    /// Held for as long as it is to run; none where GitHub is real.
    _simulator: Option<GithubSimulator>,
}

impl Bench {
    /// The stand-in.
    pub(crate) async fn simulated() -> Self {
        let simulator = github().await;
        let bench = Self::of(&simulator.url(), "countersign", in_repository());
        Self { _simulator: Some(simulator), ..bench }
    }

    /// The real one, if token and repository are named; says so otherwise.
    pub(crate) fn real() -> Option<Self> {
        let (Some(token), Some(repository)) = (variable(TOKEN), variable(REPOSITORY)) else {
            // Past the test runner's capture: whoever runs the tests has to know what was not run.
            let said = format!("skipped: set {TOKEN} and {REPOSITORY} to run this against a real repository");
            let _ = writeln!(std::io::stderr(), "{said}");
            return None;
        };
        let repository = Repository::parse(&repository).expect("owner/name");
        let url = variable(URL).unwrap_or_else(|| "https://api.github.com".to_owned());
        Some(Self::of(&url, &token, SecretPlace { repository, environment: None }))
    }

    fn of(url: &str, token: &str, place: SecretPlace) -> Self {
        let adapter = with_token(url, token);
        let client = Octocrab::builder().base_uri(url).expect("a URL").personal_token(token.to_owned());
        let client = client.build().expect("a client");
        Self { adapter, place, url: url.to_owned(), client, _simulator: None }
    }

    /// The adapter with a token that nobody knows.
    pub(crate) fn stranger(&self) -> GithubActionsSecrets {
        with_token(&self.url, "nobody")
    }

    /// Removes a secret, whether or not it is there.
    pub(crate) async fn remove(&self, name: &str) {
        let path = format!("/repos/{}/actions/secrets/{name}", self.place.repository);
        let answer = self.client._delete(path, None::<&()>).await.expect("an answer");
        assert!(matches!(answer.status().as_u16(), 204 | 404), "{}", answer.status());
    }
}

fn with_token(url: &str, token: &str) -> GithubActionsSecrets {
    let config = GithubActionsSecretsConfig {
        base_url: url.to_owned(),
        token: token.into(),
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(20),
    };
    GithubActionsSecrets::connect(config).expect("a client")
}

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one thing that says which GitHub to use")]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}
