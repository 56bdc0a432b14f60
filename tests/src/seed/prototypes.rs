//! One request of each kind, played through a real server, with marks in its texts that are replaced when it is repeated.

use anyhow::{Context, Result, ensure};
use countersign_simulators::Behaviour;
use countersign_transport_grpc::v1::{Decision, RunStatus};
use serde_json::{Value, json};

use crate::clients::{Agent, Parties, status_of};
use crate::deployment::Deployment;
use crate::process::Site;

/// Stands for the agent's reason.
pub(super) const WHY: &str = "zzwhy";
/// Stands for the run's issue.
pub(super) const ISSUE: u64 = 17_000_001;
/// Stands for the run's pull request.
pub(super) const PULL_REQUEST: u64 = 17_000_002;

/// Which tool was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// A secret in Kubernetes and GitHub.
    Secret,
    /// A database.
    Database,
    /// A question to the owner.
    Question,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A person said yes (or answered), it was done, and the agent read it.
    Done,
    /// The same, and the agent has not read it.
    Unread,
    /// A person said no.
    Denied,
    /// The agent withdrew it.
    Cancelled,
    /// Nobody decided.
    Expired,
    /// The target refused.
    Failed,
    /// It waits for a person.
    Waiting,
}

/// A kind of request and how frequent it is.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The tool.
    pub tool: Tool,
    /// The end.
    pub end: End,
    /// How many of a hundred requests that are over, or of those that wait.
    pub share: u32,
}

const fn kind(tool: Tool, end: End, share: u32) -> Kind {
    Kind { tool, end, share }
}

/// All kinds; those that wait have their own hundred.
pub const KINDS: [Kind; 14] = [
    kind(Tool::Secret, End::Done, 32),
    kind(Tool::Secret, End::Unread, 3),
    kind(Tool::Secret, End::Denied, 6),
    kind(Tool::Secret, End::Cancelled, 3),
    kind(Tool::Secret, End::Expired, 4),
    kind(Tool::Secret, End::Failed, 3),
    kind(Tool::Database, End::Done, 22),
    kind(Tool::Database, End::Denied, 4),
    kind(Tool::Database, End::Cancelled, 3),
    kind(Tool::Question, End::Done, 14),
    kind(Tool::Question, End::Expired, 6),
    kind(Tool::Secret, End::Waiting, 50),
    kind(Tool::Database, End::Waiting, 30),
    kind(Tool::Question, End::Waiting, 20),
];

/// A played request.
pub(super) struct Prototype {
    pub(super) kind: Kind,
    pub(super) run: String,
    pub(super) request: String,
    /// Stands for what is asked for, in capitals too.
    pub(super) thing: String,
}

impl Prototype {
    /// The database that was made for it, on the same server as the store.
    pub(super) fn database(&self) -> Option<&str> {
        let made = self.kind.tool == Tool::Database && self.kind.end == End::Done;
        made.then_some(&self.thing)
    }
}

/// What has been played.
pub(super) struct Prototypes {
    pub(super) requests: Vec<Prototype>,
    /// A run that is finished, one that works and one that waits.
    pub(super) finished: String,
    pub(super) running: String,
    pub(super) waiting: String,
}

/// Plays all of them.
pub(super) async fn play(site: &Site) -> Result<Prototypes> {
    let server = site.start("prototypes").await?;
    let deployment = site.deployment(&server);
    let parties = Parties::connect(&deployment).await?;
    let mut requests = Vec::new();
    for (number, kind) in KINDS.into_iter().enumerate() {
        let played = play_one(site, &parties, &deployment, number, kind).await;
        requests.push(played.with_context(|| format!("the prototype of {kind:?}"))?);
    }
    let run_of = |end: End| {
        let found = requests.iter().find(|played| played.kind.end == end);
        found.map(|played| played.run.clone()).context("a kind of this end")
    };
    let (finished, running, waiting) = (run_of(End::Done)?, run_of(End::Denied)?, run_of(End::Waiting)?);
    parties.finish(&finished).await?;
    for _ in 0..100 {
        let found = parties.run(&finished).await?.run.context("the run is there")?;
        if found.status() == RunStatus::Finished {
            return Ok(Prototypes { requests, finished, running, waiting });
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("run `{finished}` was not finished within ten seconds")
}

async fn play_one(
    site: &Site,
    parties: &Parties,
    deployment: &Deployment,
    number: usize,
    kind: Kind,
) -> Result<Prototype> {
    let (run, thing) = (format!("zzrun{number:02}"), format!("zzthing{number:02}"));
    let agent_key = match kind.end {
        End::Expired => &deployment.hasty_agent_key,
        End::Done | End::Unread | End::Denied | End::Cancelled | End::Failed | End::Waiting => {
            &deployment.patient_agent_key
        }
    };
    let agent = parties.agent(&run, agent_key, "run:ops").await?;
    parties.link(&run, ISSUE, PULL_REQUEST).await?;
    let (tool, arguments) = arguments(kind.tool, deployment, &thing);
    let request = agent.call(tool, &arguments).await?.request_id.context("the call made a request")?;
    if kind.end == End::Failed {
        site.kubernetes.fail_next("PATCH", "/api/v1/namespaces/**", Behaviour::status(403));
    }
    end(parties, &agent, kind, &request).await?;
    Ok(Prototype { kind, run, request, thing })
}

async fn end(parties: &Parties, agent: &Agent, kind: Kind, request: &str) -> Result<()> {
    let expected = match (kind.end, kind.tool) {
        (End::Waiting, _) => return Ok(()),
        (End::Done | End::Unread, Tool::Question) => {
            parties.answer(request).await?;
            "answered"
        }
        (End::Done | End::Unread, Tool::Secret | Tool::Database) => {
            parties.decide(request, Decision::Approve, "go ahead").await?;
            "applied"
        }
        (End::Failed, _) => {
            parties.decide(request, Decision::Approve, "go ahead").await?;
            "failed"
        }
        (End::Denied, _) => {
            parties.decide(request, Decision::Deny, "not today").await?;
            "denied"
        }
        (End::Cancelled, _) => {
            agent.cancel(request, "no longer needed").await?;
            "cancelled"
        }
        (End::Expired, _) => "expired",
    };
    let outcome = status_of(&agent.outcome(request).await?);
    ensure!(outcome == expected, "came to {outcome}");
    if kind.end != End::Unread {
        agent.acknowledge(request).await?;
    }
    Ok(())
}

fn arguments(tool: Tool, deployment: &Deployment, thing: &str) -> (&'static str, Value) {
    let environment = &deployment.environment;
    let why = format!("{WHY}, as the owners agreed.");
    match tool {
        Tool::Secret => (
            "secret.sync.github_k8s",
            json!({
                "environment": environment, "github_secret_name": thing.to_uppercase(),
                "kubernetes_secret_name": thing, "justification": why,
            }),
        ),
        Tool::Database => (
            "database.lifecycle",
            json!({
                "action": "create", "environment": environment, "database_name": thing, "justification": why,
            }),
        ),
        Tool::Question => (
            "mcp_owner_feedback_request",
            json!({
                "question": format!("Which of the two shall {thing} use?"), "context": why,
                "options": ["The one it has", "Another one"],
            }),
        ),
    }
}
