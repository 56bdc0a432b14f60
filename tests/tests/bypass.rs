//! Somebody writes to a target by hand: one `bypass.detected` for each finding, linked to what was applied last, whoever looks and how
//! often. Real servers that watch every second, on SQLite and, with two replicas, on PostgreSQL.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::{GithubChange, KubernetesChange};
use countersign_suites::clients::{Parties, status_of};
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::{PgServer, Store};
use countersign_transport_grpc::client::from_struct;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a finding is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longer than two looks.
const LOOKS: Duration = Duration::from_millis(2_500);

const RUN: &str = "bypassed";
const EVERY_SECOND: [(&str, &str); 1] = [("COUNTERSIGN_WATCH__INTERVAL_S", "1")];

/// The details of all findings so far, oldest first.
async fn findings(parties: &Parties) -> Result<Vec<Value>> {
    let events = parties.events(RUN).await?;
    let found = events.iter().filter(|event| event.r#type == "bypass.detected");
    Ok(found.map(|event| event.detail.as_ref().map(from_struct).unwrap_or_default()).collect())
}

/// Waits until there are so many findings, and looks that it stays so.
async fn settled_at(parties: &Parties, count: usize) -> Result<Vec<Value>> {
    let enough = async {
        while findings(parties).await?.len() < count {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, enough).await.with_context(|| format!("finding {count} never came"))??;
    tokio::time::sleep(LOOKS).await;
    let all = findings(parties).await?;
    ensure!(all.len() == count, "{} findings instead of {count}: {all:#?}", all.len());
    Ok(all)
}

/// The sum of a counter over the servers.
async fn counted(servers: &[ServerProcess], counter: &str) -> Result<u64> {
    let mut sum = 0;
    for server in servers {
        let address = server.http.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).await?;
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        let line = answer.lines().find_map(|line| line.strip_prefix(counter));
        sum += line.map_or(Ok(0), |value| value.trim().parse::<u64>())?;
    }
    Ok(sum)
}

async fn written_by_hand(store: Store, replicas: usize) -> Result<()> {
    let site = Site::prepare(store).await?;
    let mut servers = Vec::new();
    for number in 0..replicas {
        servers.push(site.start_with(&format!("server-{number}"), &EVERY_SECOND).await?);
    }
    let parties = Parties::connect(&site.deployment(&servers[0])).await?;
    let agent = parties.agent(RUN, "patient", "run:at-once").await?;
    let mut applied = Vec::new();
    // Two keys of one Secret: each write moves the other's version and mark, which is no finding.
    for key in ["one", "two"] {
        let arguments = json!({
            "environment": "dev", "github_secret_name": format!("KEY_{}", key.to_uppercase()),
            "kubernetes_secret_name": "app", "kubernetes_secret_key": key, "justification": "To be bypassed.",
        });
        let id = agent.call("secret.sync.github_k8s", &arguments).await?.request_id.context("a request")?;
        let outcome = tokio::time::timeout(PATIENCE, agent.outcome(&id)).await??;
        ensure!(status_of(&outcome) == "applied", "{outcome:?}");
        applied.push(id);
    }
    settled_at(&parties, 0).await?;

    let hand = "written-by-hand-7f3a";
    site.kubernetes.set(KubernetesChange::PutSecret {
        namespace: "shop-dev".to_owned(),
        name: "app".to_owned(),
        data: [("one".to_owned(), hand.to_owned())].into(),
        manager: "kubectl-edit".to_owned(),
    })?;
    let all = settled_at(&parties, 1).await?;
    ensure!(all[0]["target"] == "kubernetes:shop-dev/app#one", "{all:#?}");
    ensure!(all[0]["deviation"] == "rewritten" && all[0]["seen"]["manager"] == "kubectl-edit", "{all:#?}");

    site.github.set(GithubChange::PutSecret {
        repository: "acme/shop".to_owned(),
        environment: Some("dev".to_owned()),
        name: "KEY_TWO".to_owned(),
        value: hand.to_owned(),
    })?;
    let all = settled_at(&parties, 2).await?;
    ensure!(
        all[1]["target"] == "github:acme/shop@dev#KEY_TWO" && all[1]["deviation"] == "rewritten",
        "{all:#?}"
    );

    // The Secret goes altogether: another finding about `one`, the first about `two`.
    let gone = KubernetesChange::DeleteSecret { namespace: "shop-dev".to_owned(), name: "app".to_owned() };
    site.kubernetes.set(gone)?;
    let all = settled_at(&parties, 4).await?;
    ensure!(all[2..].iter().all(|finding| finding["deviation"] == "removed"), "{all:#?}");

    let events = parties.events(RUN).await?;
    let of: Vec<_> = events.iter().filter(|event| event.r#type == "bypass.detected").collect();
    ensure!(of[0].request_id.as_ref() == Some(&applied[0]) && of[1].request_id.as_ref() == Some(&applied[1]));
    ensure!(!format!("{events:?}").contains(hand), "a finding tells no value");
    ensure!(counted(&servers, "countersign_bypass_detected_total ").await? == 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_what_is_written_by_hand_is_found_once_on_sqlite() -> Result<()> {
    written_by_hand(Store::Sqlite, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_what_is_written_by_hand_is_found_once_by_two_replicas() -> Result<()> {
    let server = PgServer::start().await?;
    written_by_hand(server.store("bypass").await?, 2).await
}

/// Somebody copies a database of ours with its mark.
async fn copy_by_hand(site: &Site, from: &str, to: &str) -> Result<()> {
    match site.store() {
        Store::Sqlite => {
            let folder = site.folder().join("databases");
            std::fs::copy(folder.join(format!("{from}.db")), folder.join(format!("{to}.db")))?;
        }
        Store::Postgres { url } => {
            let mut connection = PgConnection::connect(url).await?;
            let mark = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
            let mark: String = sqlx::query_scalar(mark).bind(from).fetch_one(&mut connection).await?;
            // The names are literals of this file, and the mark is of our own making.
            for statement in [
                format!("CREATE DATABASE {to} TEMPLATE {from}"),
                format!("COMMENT ON DATABASE {to} IS '{mark}'"),
            ] {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            }
        }
    }
    Ok(())
}

async fn copied_by_hand(store: Store, replicas: usize) -> Result<()> {
    let site = Site::prepare(store).await?;
    let mut servers = Vec::new();
    for number in 0..replicas {
        servers.push(site.start_with(&format!("server-{number}"), &EVERY_SECOND).await?);
    }
    let parties = Parties::connect(&site.deployment(&servers[0])).await?;
    let agent = parties.agent(RUN, "patient", "run:at-once").await?;
    let arguments = json!({
        "action": "create", "environment": "dev", "database_name": "bypassed_orders",
        "justification": "To be copied by hand.",
    });
    let id = agent.call("database.lifecycle", &arguments).await?.request_id.context("a request")?;
    let outcome = tokio::time::timeout(PATIENCE, agent.outcome(&id)).await??;
    ensure!(status_of(&outcome) == "applied", "{outcome:?}");
    settled_at(&parties, 0).await?;
    copy_by_hand(&site, "bypassed_orders", "bypassed_copy").await?;
    let all = settled_at(&parties, 1).await?;
    ensure!(all[0]["target"] == "database:main/bypassed_copy", "{all:#?}");
    ensure!(all[0]["deviation"] == "unregistered" && all[0]["seen"]["created_by"] == id, "{all:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_copied_database_is_found_once_on_both_stores() -> Result<()> {
    copied_by_hand(Store::Sqlite, 1).await.context("on sqlite")?;
    let server = PgServer::start().await?;
    copied_by_hand(server.store("copied").await?, 2).await.context("on postgres")
}
