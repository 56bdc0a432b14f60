//! A target that refuses, fails or doesn't answer, over real HTTP: the agent hears a stable code, the run goes on, the log says so. On
//! SQLite and on PostgreSQL.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::Behaviour;
use countersign_suites::clients::{Parties, status_of};
use countersign_suites::process::Site;
use countersign_suites::store::{PgServer, Store};
use countersign_transport_grpc::client::from_struct;
use serde_json::json;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Kubernetes does once when it is written to, and what comes of it.
fn faults() -> Vec<(&'static str, Behaviour, &'static str, Option<&'static str>)> {
    vec![
        ("401", Behaviour::status(401), "failed", Some("target_unauthorized")),
        ("403", Behaviour::status(403), "failed", Some("target_forbidden")),
        ("404", Behaviour::status(404), "failed", Some("target_not_found")),
        ("409", Behaviour::status(409), "failed", Some("target_conflict")),
        ("422", Behaviour::status(422), "failed", Some("target_invalid")),
        // These may have been done: looked for, found not done, and done.
        ("500", Behaviour::status(500), "applied", None),
        ("dropped", Behaviour::DropBeforeHandling, "applied", None),
        // This one was done: looked for, and found.
        ("cut", Behaviour::DropAfterHandling, "applied", None),
        ("429", Behaviour::status_retry_after(429, 1), "applied", None),
    ]
}

async fn refused_and_recovered(store: Store) -> Result<()> {
    let site = Site::prepare(store).await?;
    let server = site.start("server").await?;
    let parties = Parties::connect(&site.deployment(&server)).await?;
    for (name, fault, expected, code) in faults() {
        let before = site.journal.len();
        site.kubernetes.fail_next("PATCH", "/api/v1/namespaces/shop-dev/secrets/**", fault);
        let agent = parties.agent(&format!("fault-{name}"), "patient", "run:at-once").await?;
        let arguments = json!({
            "environment": "dev", "github_secret_name": format!("KEY_{name}"),
            "kubernetes_secret_name": format!("key-{name}"), "justification": "To see what a fault leaves.",
        });
        let reply = agent.call("secret.sync.github_k8s", &arguments).await?;
        let id = reply.request_id.context("a request")?;
        let outcome =
            tokio::time::timeout(PATIENCE, agent.outcome(&id)).await.with_context(|| name.to_owned())??;
        let detail = outcome.detail.as_ref().map(from_struct).unwrap_or_default();
        ensure!(status_of(&outcome) == expected, "{name}: came to {} {detail}", status_of(&outcome));
        ensure!(detail["code"].as_str() == code, "{name}: {detail}");
        let effects = site.journal.len() - before;
        ensure!(effects == if code.is_some() { 0 } else { 2 }, "{name}: {effects} effects");
        let run = parties.run(&agent.run_id).await?.run.context("the run")?;
        ensure!(run.waits.is_empty() && run.deadline_at.is_some(), "{name}: the run does not go on");
        let events = parties.events(&agent.run_id).await?;
        let settled = format!("approval.{expected}");
        let count = events.iter().filter(|event| event.r#type == settled).count();
        ensure!(count == 1, "{name}: {count} events {settled}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_leaves_a_code_and_a_consistent_run_on_sqlite() -> Result<()> {
    refused_and_recovered(Store::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_leaves_a_code_and_a_consistent_run_on_postgres() -> Result<()> {
    let server = PgServer::start().await?;
    refused_and_recovered(server.store("faults").await?).await
}

/// GitHub refuses for good after Kubernetes was written: what was there before is there again.
async fn taken_back(store: Store) -> Result<()> {
    let site = Site::prepare(store).await?;
    let server = site.start("server").await?;
    let parties = Parties::connect(&site.deployment(&server)).await?;
    let refuse = || site.github.fail_next("PUT", "/repos/**", Behaviour::status(403));
    let sync = async |run: &str, name: &str| -> Result<String> {
        let agent = parties.agent(run, "patient", "run:at-once").await?;
        let arguments = json!({
            "environment": "dev", "github_secret_name": "KEY", "kubernetes_secret_name": name,
            "justification": "To see what is taken back.",
        });
        let id = agent.call("secret.sync.github_k8s", &arguments).await?.request_id.context("a request")?;
        let outcome = tokio::time::timeout(PATIENCE, agent.outcome(&id)).await??;
        let detail = outcome.detail.as_ref().map(from_struct).unwrap_or_default();
        Ok(format!("{} {}", status_of(&outcome), detail["code"].as_str().unwrap_or_default()))
    };
    let held = |name: &str| site.kubernetes.secret("shop-dev", name);

    refuse();
    ensure!(sync("undo-new", "fresh").await? == "failed target_forbidden");
    ensure!(held("fresh").is_none(), "the Secret that was new is gone again");

    ensure!(sync("undo-first", "kept").await? == "applied ");
    let first = held("kept").context("it is there")?;
    refuse();
    ensure!(sync("undo-second", "kept").await? == "failed target_forbidden");
    ensure!(held("kept") == Some(first), "the value that was replaced is back");
    ensure!(site.github.secrets("acme/shop", Some("dev")).is_some_and(|secrets| secrets.len() == 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_what_was_written_first_is_taken_back_when_the_last_target_refuses_on_sqlite() -> Result<()> {
    taken_back(Store::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_what_was_written_first_is_taken_back_when_the_last_target_refuses_on_postgres() -> Result<()> {
    let server = PgServer::start().await?;
    taken_back(server.store("taken_back").await?).await
}
