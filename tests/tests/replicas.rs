//! Two replicas on one PostgreSQL, over gRPC: whatever arrives at both at once happens once.

use anyhow::{Context, Result, ensure};
use countersign_suites::clients::{Parties, status_of};
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::PgServer;
use countersign_transport_grpc::v1::Decision;
use serde_json::{Value, json};
use tokio::task::JoinSet;

struct Pair {
    site: Site,
    servers: [ServerProcess; 2],
    _postgres: PgServer,
}

impl Pair {
    async fn start(name: &str) -> Result<Self> {
        let postgres = PgServer::start().await?;
        let site = Site::prepare(postgres.store(name).await?).await?;
        let servers = [site.start("one").await?, site.start("two").await?];
        Ok(Self { site, servers, _postgres: postgres })
    }

    async fn parties(&self) -> Result<[Parties; 2]> {
        let [one, two] = &self.servers;
        Ok([
            Parties::connect(&self.site.deployment(one)).await?,
            Parties::connect(&self.site.deployment(two)).await?,
        ])
    }
}

fn sync(number: u32) -> Value {
    json!({
        "environment": "dev", "github_secret_name": format!("KEY_{number}"),
        "kubernetes_secret_name": format!("key-{number}"), "justification": "Asked for at both replicas at once.",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_calls_at_both_replicas_make_one_request_and_one_effect() -> Result<()> {
    let pair = Pair::start("identical").await?;
    let parties = pair.parties().await?;
    let (first, token) = parties[0].agent_with_token("replicas-1", "patient", "run:ops").await?;
    let agents = [first, parties[1].agent_of("replicas-1", &token)?];
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let agent = agents[number % 2].clone();
        calls.spawn(async move { agent.call("secret.sync.github_k8s", &sync(1)).await });
    }
    let mut ids = std::collections::BTreeSet::new();
    let mut fresh = 0;
    while let Some(reply) = calls.join_next().await {
        let reply = reply??;
        fresh += u32::from(!reply.reused);
        ids.insert(reply.request_id.context("an id")?);
    }
    ensure!(fresh == 1 && ids.len() == 1, "{fresh} fresh requests, ids {ids:?}");
    let events = parties[0].events("replicas-1").await?;
    let count = |name: &str| events.iter().filter(|event| event.r#type == name).count();
    ensure!(count("approval.requested") == 1, "{} requested", count("approval.requested"));
    // Ten are recorded one by one; how many more there were, the run's end tells.
    ensure!(count("approval.reused") == 10, "{} reused", count("approval.reused"));

    let id = ids.into_iter().next().context("an id")?;
    let digest = parties[0].digest(&id).await?;
    let mut decisions = JoinSet::new();
    for number in 0..8 {
        let (parties, id, digest) = (parties[number % 2].clone(), id.clone(), digest.clone());
        decisions.spawn(async move { parties.decide_on(&id, &digest, Decision::Approve, "").await });
    }
    let mut counted = 0;
    while let Some(decided) = decisions.join_next().await {
        counted += u32::from(!decided??);
    }
    ensure!(counted == 1, "{counted} decisions counted");
    let outcome = agents[1].outcome(&id).await?;
    ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
    ensure!(pair.site.journal.len() == 2, "one effect on each target: {:?}", pair.site.journal.effects());
    let approved = parties[1].events("replicas-1").await?;
    let approved = approved.iter().filter(|event| event.r#type == "approval.approved").count();
    ensure!(approved == 1, "{approved} approvals on the record");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn different_calls_of_one_run_at_both_replicas_all_succeed() -> Result<()> {
    let pair = Pair::start("different").await?;
    let parties = pair.parties().await?;
    let (first, token) = parties[0].agent_with_token("replicas-2", "patient", "run:ops").await?;
    let agents = [first, parties[1].agent_of("replicas-2", &token)?];
    let mut calls = JoinSet::new();
    for number in 0..32_u32 {
        let agent = agents[usize::from(number % 2 == 1)].clone();
        calls.spawn(async move {
            let question = json!({
                "question": format!("Question number {number}, asked with others?"), "options": ["Yes", "No"],
            });
            agent.call("mcp_owner_feedback_request", &question).await
        });
    }
    let mut ids = std::collections::BTreeSet::new();
    while let Some(reply) = calls.join_next().await {
        ids.insert(reply??.request_id.context("an id")?);
    }
    ensure!(ids.len() == 32, "{} different requests", ids.len());
    let run = parties[1].run("replicas-2").await?.run.context("the run")?;
    ensure!(run.waits.len() == 32 && run.deadline_at.is_none(), "all are waited for, with the budget paused");
    Ok(())
}
