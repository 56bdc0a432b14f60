//! Secret values reach the targets and nothing else (R3): logs at trace level, data files, a dump of the database, answers and events are
//! searched for them, raw and encoded; and so is what a database server logs, which gets a login role and not its password.

use anyhow::{Context, Result, ensure};
use countersign_suites::canary::{Haystack, find};
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::process::Site;
use countersign_suites::store::{PgServer, Store};
use countersign_transport_grpc::v1::Decision;
use serde_json::json;

async fn searched(store: Store, postgres: Option<&PgServer>) -> Result<()> {
    let site = Site::prepare(store.clone()).await?;
    let server = site.start("server").await?;
    let parties = Parties::connect(&site.deployment(&server)).await?;
    let agent = parties.agent("canary-1", "patient", "run:ops").await?;
    let mut answers = Vec::new();
    for (number, decision) in [Decision::Approve, Decision::Deny, Decision::Approve].into_iter().enumerate() {
        let arguments = json!({
            "environment": "dev", "github_secret_name": format!("KEY_{number}"),
            "kubernetes_secret_name": "keys", "kubernetes_secret_key": format!("key{number}"),
            "justification": "A canary for what may leak.",
        });
        let reply = agent.call("secret.sync.github_k8s", &arguments).await?;
        let id = reply.request_id.clone().context("a request")?;
        parties.decide(&id, decision, "").await?;
        let outcome = agent.outcome(&id).await?;
        answers.push(format!("{reply:?} {outcome:?} {:?}", parties.approval(&id).await?));
        ensure!(matches!(status_of(&outcome).as_str(), "applied" | "denied"));
    }
    if postgres.is_some() {
        answers.push(with_login_role(&parties, &agent).await?);
    }
    answers.push(format!("{:?} {:?}", parties.events("canary-1").await?, parties.run("canary-1").await?));
    let values = site.journal.plaintexts();
    let passwords = usize::from(postgres.is_some());
    ensure!(values.len() == 4 + passwords, "two syncs wrote two values each, a login role one");

    let mut haystack = Haystack::default();
    if let Some(postgres) = postgres {
        let log = postgres.log().await?;
        ensure!(String::from_utf8_lossy(&log).contains("CREATE ROLE"), "the server logs its statements");
        haystack.add("log of PostgreSQL", log);
    }
    haystack.add("answers", answers.join("\n").into_bytes());
    haystack.add_folder(site.folder())?;
    haystack.add("dump", store.dump(site.folder()).await?);
    ensure!(haystack.len_of("server.log") > 10_000, "the log at trace level was searched");
    let hits = find(&values, &haystack);
    ensure!(hits.is_empty(), "secret values were found in {hits:?}");

    // The search can fail: a line planted in a copy of the server's own log is found.
    let mut log = std::fs::read(site.folder().join("server.log"))?;
    log.extend_from_slice(&[b"TRACE value=".as_slice(), &values[0], b"\n"].concat());
    let mut planted = Haystack::default();
    planted.add("planted log", log);
    ensure!(find(&values, &planted) == ["planted log"], "a planted line was not found");
    Ok(())
}

/// Makes a database with a login role; what everybody is told about it.
async fn with_login_role(parties: &Parties, agent: &Agent) -> Result<String> {
    let arguments = json!({
        "action": "create", "environment": "dev", "database_name": "canary_orders",
        "credentials_secret": "canary-orders", "justification": "A canary for what may leak.",
    });
    let reply = agent.call("database.lifecycle", &arguments).await?;
    let id = reply.request_id.clone().context("a request")?;
    parties.decide(&id, Decision::Approve, "").await?;
    let outcome = agent.outcome(&id).await?;
    ensure!(status_of(&outcome) == "applied", "{outcome:?}");
    Ok(format!("{reply:?} {outcome:?} {:?}", parties.approval(&id).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_no_secret_value_is_found_on_sqlite() -> Result<()> {
    searched(Store::Sqlite, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_no_secret_value_is_found_on_postgres() -> Result<()> {
    let server = PgServer::start().await?;
    server.log_statements().await?;
    searched(server.store("canary").await?, Some(&server)).await
}
