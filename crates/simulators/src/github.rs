//! The GitHub stand-in: repositories, environments and their Actions secrets.
//!
//! What it refuses, and how, follows GitHub's documentation of
//! [Actions secrets](https://docs.github.com/en/rest/actions/secrets),
//! [deployment environments](https://docs.github.com/en/rest/deployments/environments),
//! [the permissions of fine-grained tokens](https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens),
//! [rate limits](https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api) and
//! [the limits for secrets](https://docs.github.com/en/actions/reference/security/secrets). Where the documentation gives no wording
//! (too large, too many, a stale `key_id`), the status is GitHub's and the message is ours.
//!
//! It holds the key pairs, so it opens each sealed box and knows the plaintext that a workflow would get.
//! It is served at `/` as on api.github.com, and at `/api/v3` as on GitHub Enterprise Server.

mod access;
mod answers;
mod routes;
mod state;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::faults::{Behaviour, FaultRule};
use crate::journal::Journal;
use crate::server::{ChangeRefused, SeenRequest, Server, Setup, StartError, set_answer};

pub use access::{Access, GithubGrant, GithubToken};

/// What the stand-in holds when it starts.
#[derive(Clone)]
pub struct GithubConfig {
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Where effects are recorded; shared with other simulators to see one order.
    pub journal: Journal,
    /// Who may call.
    pub tokens: Vec<GithubToken>,
    /// What exists.
    pub repositories: Vec<GithubRepository>,
    /// Requests an hour for each token.
    pub rate_limit: u32,
}

impl Default for GithubConfig {
    fn default() -> Self {
        Self {
            port: 0,
            journal: Journal::default(),
            tokens: Vec::new(),
            repositories: Vec::new(),
            rate_limit: 5_000,
        }
    }
}

/// A private repository with its deployment environments.
#[derive(Clone, Debug)]
pub struct GithubRepository {
    /// `owner/name`.
    pub full_name: String,
    /// Names of its environments.
    pub environments: Vec<String>,
}

/// A change by hand: how a test or a demo makes a foreign write, rotates a key, takes something away.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum GithubChange {
    /// Adds a private repository.
    AddRepository {
        /// `owner/name`.
        repository: String,
    },
    /// Adds an environment to a repository.
    AddEnvironment {
        /// `owner/name`.
        repository: String,
        /// The environment.
        environment: String,
    },
    /// Removes an environment with its secrets.
    RemoveEnvironment {
        /// `owner/name`.
        repository: String,
        /// The environment.
        environment: String,
    },
    /// Makes a repository read-only, or writable again.
    Archive {
        /// `owner/name`.
        repository: String,
        /// Read-only?
        archived: bool,
    },
    /// Writes a secret as some other client would.
    PutSecret {
        /// `owner/name`.
        repository: String,
        /// The environment; absent for a secret of the repository.
        #[serde(default)]
        environment: Option<String>,
        /// Name of the secret.
        name: String,
        /// Its plaintext.
        value: String,
    },
    /// Removes a secret as some other client would.
    DeleteSecret {
        /// `owner/name`.
        repository: String,
        /// The environment; absent for a secret of the repository.
        #[serde(default)]
        environment: Option<String>,
        /// Name of the secret.
        name: String,
    },
    /// Replaces the key pair that values are sealed for.
    RotateKey {
        /// `owner/name`.
        repository: String,
        /// The environment; absent for the repository's own key.
        #[serde(default)]
        environment: Option<String>,
    },
    /// Makes a token unknown.
    RevokeToken {
        /// The login that the token belongs to.
        login: String,
    },
    /// Sets how many requests a token has left in this hour.
    SetRemaining {
        /// The login that the token belongs to.
        login: String,
        /// Requests left.
        remaining: u32,
    },
}

/// A running stand-in; dropping it stops it.
#[derive(Debug)]
pub struct GithubSimulator {
    server: Server,
    github: Github,
}

impl GithubSimulator {
    /// Starts on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(config: GithubConfig) -> Result<Self, StartError> {
        let port = config.port;
        let journal = config.journal.clone();
        let github = Github { state: Arc::new(Mutex::new(state::Hub::new(config))) };
        let api = routes::api(github.clone());
        let set = Router::new().route("/_simulator/set", post(set)).with_state(github.clone());
        let setup = Setup { port, api, set, journal, error_shape: answers::on_command };
        Ok(Self { server: Server::start(setup).await?, github })
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The journal of effects.
    pub fn journal(&self) -> Journal {
        self.server.journal()
    }

    /// Every API request seen so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.server.requests()
    }

    /// Fails the next request that matches; see [`FaultRule`] for the pattern.
    pub fn fail_next(&self, method: &str, path: &str, behaviour: Behaviour) {
        self.fail(FaultRule::next(method, path, behaviour));
    }

    /// Adds a rule.
    pub fn fail(&self, rule: FaultRule) {
        self.server.faults().add(rule);
    }

    /// Forgets every rule.
    pub fn heal(&self) {
        self.server.faults().clear();
    }

    /// Changes the target by hand; effects enter the journal with the actor `by-hand`.
    ///
    /// # Errors
    /// When the repository, environment or token does not exist.
    pub fn set(&self, change: GithubChange) -> Result<(), ChangeRefused> {
        self.github.lock().change(change)
    }

    /// The plaintext of every secret of a repository or one of its environments, by name; `None` if there is no such
    /// place.
    pub fn secrets(&self, repository: &str, environment: Option<&str>) -> Option<BTreeMap<String, Vec<u8>>> {
        self.github.lock().plaintexts(repository, environment)
    }

    /// Stops, and returns once the port is closed.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The state behind the routes, shared by clones.
#[derive(Clone, Debug)]
struct Github {
    state: Arc<Mutex<state::Hub>>,
}

impl Github {
    fn lock(&self) -> MutexGuard<'_, state::Hub> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn set(State(github): State<Github>, Json(change): Json<GithubChange>) -> Response {
    set_answer(github.lock().change(change))
}
