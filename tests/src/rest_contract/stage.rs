//! A server with somebody for each role, and agents that ask, so that there is something to decide on, to answer and to settle.

use anyhow::{Context, Result};
use countersign_simulators::{Behaviour, FaultRule};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::clients::{Agent, Parties};
use crate::process::{ServerProcess, Site};
use crate::store::Store;

/// The roles of the document.
pub const ROLES: [&str; 5] = ["viewer", "approver", "operator", "auditor", "platform"];

/// How many of each kind wait for a person when an attempt begins, questions twice: all that is done about actions can be done about them,
/// too, before they are answered. A run may wait for a hundred.
const EACH: usize = 30;

/// More than there will be.
const FOR_EVER: u32 = 1_000_000;

/// The bearer token of whoever has this role and no other.
pub fn token(role: &str) -> String {
    format!("contract-{role}-token")
}

pub struct Stage {
    // Holds the simulators and the folder for as long as the server runs.
    _site: Site,
    server: ServerProcess,
    parties: Parties,
}

/// What waits for people.
pub struct Waiting {
    /// The runs that wait.
    pub runs: Vec<String>,
    /// The requests: actions, questions, and some whose effect nobody knows.
    pub requests: Vec<String>,
}

impl Stage {
    /// Starts the server.
    pub async fn set() -> Result<Self> {
        let site = Site::prepare(Store::Sqlite).await?;
        let refuse = |method, path, status| FaultRule {
            times: FOR_EVER,
            ..FaultRule::next(method, path, Behaviour::status(status))
        };
        // The second step is refused for good, and so is taking the first one back: how it ended a person has to say.
        site.github.fail(refuse("PUT", "/repos/**", 422));
        site.kubernetes.fail(refuse("DELETE", "/api/v1/namespaces/shop-dev/secrets/**", 403));
        let policy = site.folder().join("policy.yaml");
        let text = std::fs::read_to_string(&policy)?;
        std::fs::write(&policy, text.replace("[\"user:github:alice\"]", "[\"user:github:approver\"]"))?;
        site.reconfigure(|text| {
            let text = text.replace("filter = \"trace\"", "filter = \"info\"");
            format!(
                "{text}\n[http]\nrequests_per_minute = {FOR_EVER}\nstream_duration_s = 1\n{}",
                identities()
            )
        })?;
        let server = site.start("server").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        Ok(Self { _site: site, server, parties })
    }

    /// Where its surface is.
    pub fn http(&self) -> &str {
        &self.server.http
    }

    /// Has agents of new runs ask.
    pub async fn ask(&self, name: &str) -> Result<Waiting> {
        let runs = [format!("{name}-asks"), format!("{name}-at-once")];
        let asking = self.parties.agent(&runs[0], "patient", "run:ops").await?;
        let at_once = self.parties.agent(&runs[1], "patient", "run:at-once").await?;
        let mut requests = Vec::new();
        for number in 0..EACH {
            let tag = format!("{name}-{number}");
            requests.push(opened(&asking, "database.lifecycle", &database(&tag)).await?);
            for colour in ["red", "green"] {
                requests.push(opened(&asking, "mcp_owner_feedback_request", &question(&tag, colour)).await?);
            }
            requests.push(opened(&at_once, "secret.sync.github_k8s", &secret(&tag)).await?);
        }
        Ok(Waiting { runs: runs.into(), requests })
    }
}

async fn opened(agent: &Agent, tool: &str, arguments: &Value) -> Result<String> {
    agent.call(tool, arguments).await?.request_id.context("a call that waits has a request")
}

fn database(tag: &str) -> Value {
    let name = format!("d_{}", tag.replace('-', "_"));
    json!({"action": "create", "environment": "dev", "database_name": name, "justification": "For the contract."})
}

fn question(tag: &str, colour: &str) -> Value {
    json!({"question": format!("Should door {tag} be {colour}?"), "options": ["yes", "no"]})
}

fn secret(tag: &str) -> Value {
    let name = format!("KEY_{}", tag.replace('-', "_").to_uppercase());
    json!({"environment": "dev", "github_secret_name": name, "kubernetes_secret_name": format!("key-{tag}"),
        "justification": "For the contract."})
}

/// Somebody for each role.
fn identities() -> String {
    let identity = |role: &str| {
        let kind = if role == "platform" { "service:contract" } else { "user:github" };
        let hash = hex::encode(Sha256::digest(token(role).as_bytes()));
        format!(
            "\n[identities.contract-{role}]\nprincipal = \"{kind}:{role}\"\nroles = [\"{role}\"]\ntoken_sha256 = \"{hash}\"\n"
        )
    };
    ROLES.iter().map(|role| identity(role)).collect()
}
