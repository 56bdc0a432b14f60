//! What a suite has to know of a server: where it is, who is who, and which cells of its policy to use.

use anyhow::{Context, Result};
use serde::Deserialize;

/// A server the suites run against. For a deployment of one's own this is read from a TOML file; docs/operations.md shows one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The gRPC address. On the command line it comes by `--server`.
    #[serde(default)]
    pub server: String,
    /// Bearer token of an identity with the role `platform`.
    pub platform_token: String,
    /// Bearer token of somebody policy lets decide, who is not `launched_by`.
    pub approver_token: String,
    /// The project.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// A namespace the project's secrets may be written to.
    pub namespace: String,
    /// An environment with a database server.
    pub environment: String,
    /// Who launches the runs.
    pub launched_by: String,
    /// An agent key for which policy gives hours to decide.
    pub patient_agent_key: String,
    /// An agent key for which policy gives seconds to decide.
    pub hasty_agent_key: String,
    /// A run label for which every action, describing too, needs a person.
    pub guarded_run_label: String,
}

impl Deployment {
    /// Reads a deployment's file.
    ///
    /// # Errors
    /// The text is not of this form; the message names what is wrong.
    pub fn from_toml(text: &str, server: &str) -> Result<Self> {
        let deployment: Self = toml::from_str(text).context("the tokens file is not usable")?;
        Ok(Self { server: server.to_owned(), ..deployment })
    }
}
