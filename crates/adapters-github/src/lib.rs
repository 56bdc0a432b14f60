//! GitHub Actions secrets as a target, through octocrab: the port `GithubSecrets` on github.com or a GitHub Enterprise
//! Server.
//!
//! octocrab's raw requests are used and answers are read here, because an answer's headers decide what it means: the
//! same 403 is a missing permission or a rate limit.
//!
//! **Architecture invariant:** nothing is retried or followed here, no key is cached (a value is always sealed for the
//! key that GitHub has now), and no value enters an error, a log line or a `Debug` output. GitHub never gives a value
//! back, so nothing here could compare one.

mod config;
mod exchange;
mod secrets;

pub use config::{ConnectError, GithubActionsSecretsConfig};
pub use secrets::GithubActionsSecrets;
