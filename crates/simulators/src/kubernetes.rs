//! The Kubernetes stand-in: namespaces, Secrets with server-side apply, access reviews.
//!
//! What it refuses, and how, follows the API reference and the API server's sources:
//! [server-side apply](https://kubernetes.io/docs/reference/using-api/server-side-apply/) with the wording of conflicts
//! from `apimachinery/pkg/util/managedfields/internal/conflict.go`; `resourceVersion` and `uid` of an applied object from
//! `apiserver/pkg/registry/generic/registry/store.go` and `apiserver/pkg/endpoints/handlers/patch.go` (a version is a
//! precondition on an object that exists and is ignored when the apply creates it; a `uid` is refused then);
//! immutable Secrets and immutable types from `kubernetes/pkg/apis/core/validation`; `Status` answers from
//! [API concepts](https://kubernetes.io/docs/reference/using-api/api-concepts/).
//!
//! Left out: watches, label selectors, JSON patch, finalizers and owner references (refused, not ignored), the `.`
//! entries of `fieldsV1`, and YAML that is not also JSON.

mod access;
mod cluster;
mod fields;
mod object;
mod routes;
mod status;

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

pub use access::{KubernetesRule, KubernetesToken};

/// What the stand-in holds when it starts.
#[derive(Clone, Default)]
pub struct KubernetesConfig {
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Where effects are recorded; shared with other simulators to see one order.
    pub journal: Journal,
    /// Who may call, and what they may do.
    pub tokens: Vec<KubernetesToken>,
    /// The namespaces that exist.
    pub namespaces: Vec<String>,
}

/// A change by hand: how a test or a demo makes a foreign write or takes something away.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum KubernetesChange {
    /// Adds a namespace.
    AddNamespace {
        /// Its name.
        namespace: String,
    },
    /// Removes a namespace with its Secrets.
    RemoveNamespace {
        /// Its name.
        namespace: String,
    },
    /// Sets keys of a Secret as some other client would with an update; other keys stay. Creates the Secret if need be.
    PutSecret {
        /// The namespace.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// Plaintext by key.
        data: BTreeMap<String, String>,
        /// The field manager that the keys then belong to.
        #[serde(default = "by_hand")]
        manager: String,
    },
    /// Removes a Secret.
    DeleteSecret {
        /// The namespace.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// Marks a Secret immutable.
    MakeImmutable {
        /// The namespace.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// Sets or lifts the quota of Secrets in a namespace.
    SetQuota {
        /// The namespace.
        namespace: String,
        /// How many Secrets there may be; absent lifts the quota.
        secrets: Option<usize>,
    },
    /// Makes a token unknown.
    RevokeToken {
        /// The user that the token belongs to.
        username: String,
    },
}

fn by_hand() -> String {
    cluster::BY_HAND.to_owned()
}

/// A running stand-in; dropping it stops it.
#[derive(Debug)]
pub struct KubernetesSimulator {
    server: Server,
    kubernetes: Kubernetes,
}

impl KubernetesSimulator {
    /// Starts on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(config: KubernetesConfig) -> Result<Self, StartError> {
        let port = config.port;
        let journal = config.journal.clone();
        let kubernetes = Kubernetes { state: Arc::new(Mutex::new(cluster::Cluster::new(config))) };
        let api = routes::api(kubernetes.clone());
        let set = Router::new().route("/_simulator/set", post(set)).with_state(kubernetes.clone());
        let setup = Setup { port, api, set, journal, error_shape: status::on_command };
        Ok(Self { server: Server::start(setup).await?, kubernetes })
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
    /// When the namespace, Secret or token does not exist.
    pub fn set(&self, change: KubernetesChange) -> Result<(), ChangeRefused> {
        self.kubernetes.lock().change(change)
    }

    /// The plaintext of every key of a Secret; `None` if there is no such Secret.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, Vec<u8>>> {
        self.kubernetes.lock().plaintexts(namespace, name)
    }

    /// Stops, and returns once the port is closed.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The state behind the routes, shared by clones.
#[derive(Clone, Debug)]
struct Kubernetes {
    state: Arc<Mutex<cluster::Cluster>>,
}

impl Kubernetes {
    fn lock(&self) -> MutexGuard<'_, cluster::Cluster> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn set(State(kubernetes): State<Kubernetes>, Json(change): Json<KubernetesChange>) -> Response {
    set_answer(kubernetes.lock().change(change))
}
