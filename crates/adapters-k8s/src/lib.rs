//! Kubernetes Secrets as a target, through kube's client: the port `KubernetesSecrets` on a real API server.
//!
//! Requests are sent with [`kube::Client::send`] and answers are read here, for three reasons: an answer's status and
//! headers decide what a failed write means; kube's own reader logs a body that it can't parse, and ours may hold
//! secrets; and looking at a Secret should not even decode its values.
//!
//! **Architecture invariant:** nothing is retried here (kube's own retries are off), nothing is forced, no namespace is
//! created, and no value of a Secret enters an error, a log line or a `Debug` output.

mod config;
mod exchange;
pub mod guard;
mod secrets;
mod wire;

pub use config::{ClusterAccess, ConnectError, KubeSecretsConfig};
pub use secrets::{FENCE_ANNOTATION, KubeSecrets, REQUEST_ANNOTATION};
