//! A database with a login role of its own: the password in the cluster logs in, nobody else is told it, and what is refused leaves nothing.
//! A real server on a real PostgreSQL, with the rights that docs/operations.md lists.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::{Behaviour, KubernetesChange};
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::PgServer;
use countersign_transport_grpc::client::from_struct;
use countersign_transport_grpc::v1::{CallReply, Decision};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What docs/operations.md gives Countersign on a server for databases, with the option of login roles.
const OURS: &str =
    "CREATE ROLE countersign_databases LOGIN CREATEDB CREATEROLE NOSUPERUSER NOREPLICATION PASSWORD 'ours';
    GRANT pg_signal_backend TO countersign_databases";

struct Scene {
    site: Site,
    postgres: PgServer,
    parties: Parties,
    agent: Agent,
    _server: ServerProcess,
}

impl Scene {
    async fn new(store: &str) -> Result<Self> {
        let postgres = PgServer::start().await?;
        let site = Site::prepare(postgres.store(store).await?).await?;
        let scene_url = format!("{}/postgres", postgres.address())
            .replace("postgres:postgres@", "countersign_databases:ours@");
        std::fs::write(site.folder().join("databases.url"), scene_url)?;
        let server = site.start("server").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let agent = parties.agent("credentials-1", "patient", "run:ops").await?;
        let scene = Self { site, postgres, parties, agent, _server: server };
        scene.run(OURS).await?;
        Ok(scene)
    }

    async fn run(&self, sql: &str) -> Result<()> {
        let mut admin = PgConnection::connect(&format!("{}/postgres", self.postgres.address())).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await?;
        Ok(())
    }

    async fn count(&self, sql: &'static str, name: &str) -> Result<i64> {
        let mut admin = PgConnection::connect(&format!("{}/postgres", self.postgres.address())).await?;
        Ok(sqlx::query_scalar(sql).bind(name).fetch_one(&mut admin).await?)
    }

    async fn roles(&self, name: &str) -> Result<i64> {
        self.count("SELECT count(*) FROM pg_roles WHERE rolname = $1", name).await
    }

    async fn log_in(&self, role: &str, password: &str, database: &str) -> Result<PgConnection> {
        let authority = self.postgres.address().replace("postgres:postgres@", &format!("{role}:{password}@"));
        Ok(PgConnection::connect(&format!("{authority}/{database}")).await?)
    }

    async fn ask(&self, changes: Value) -> Result<CallReply> {
        let mut arguments = json!({
            "action": "create", "environment": "dev", "database_name": "orders",
            "justification": "The new service needs a database and a way in.",
        });
        for (field, value) in changes.as_object().context("an object")? {
            arguments[field] = value.clone();
        }
        Ok(self.agent.call("database.lifecycle", &arguments).await?)
    }

    /// Approves, and waits for the outcome: its status, and its code if it failed.
    async fn decided(&self, reply: &CallReply) -> Result<(String, CallReply)> {
        let id = reply.request_id.as_ref().context("a request")?;
        self.parties.decide(id, Decision::Approve, "go ahead").await?;
        let outcome = tokio::time::timeout(PATIENCE, self.agent.outcome(id)).await??;
        let detail = outcome.detail.as_ref().map(from_struct).unwrap_or_default();
        let code = detail["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        Ok((format!("{}{code}", status_of(&outcome)), outcome))
    }

    fn password(&self) -> Option<String> {
        let secret = self.site.kubernetes.secret("shop-dev", "orders-db")?;
        secret.get("password").map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_the_password_in_the_cluster_logs_in_and_is_told_to_nobody() -> Result<()> {
    let scene = Scene::new("credentials").await?;
    let reply = scene.ask(json!({"credentials_secret": "orders-db"})).await?;
    let id = reply.request_id.clone().context("a request")?;
    let approval = format!("{:?}", scene.parties.approval(&id).await?);
    for told in ["login role `orders`", "shop-dev/orders-db", "`password`", "taken back"] {
        ensure!(approval.contains(told), "the approver isn't told `{told}`: {approval}");
    }
    let (status, outcome) = scene.decided(&reply).await?;
    ensure!(status == "applied", "came to {status}");

    let password = scene.password().context("the cluster has it")?;
    ensure!(password.len() == 32);
    let mut client = scene.log_in("orders", &password, "orders").await?;
    sqlx::raw_sql("CREATE TABLE t (n int); CREATE SCHEMA s").execute(&mut client).await?;
    let another = password.chars().rev().collect::<String>();
    ensure!(scene.log_in("orders", &another, "orders").await.is_err(), "another password logs in");
    let events = scene.parties.events("credentials-1").await?;
    let told =
        format!("{reply:?} {approval} {outcome:?} {:?} {events:?}", scene.parties.approval(&id).await?);
    ensure!(!told.contains(&password), "somebody was told the password");

    // Asking again asks for nothing; asking for another place is refused.
    let again = scene.ask(json!({"credentials_secret": "orders-db", "idempotency_key": "again"})).await?;
    ensure!(scene.decided(&again).await?.0 == "applied" && scene.password() == Some(password));
    let elsewhere = scene.ask(json!({"credentials_secret": "orders-db-2"})).await.unwrap_err();
    ensure!(elsewhere.to_string().contains("exists already"), "{elsewhere}");

    let dropped = json!({"action": "delete", "delete_mode": "drop", "confirm_delete": true});
    let (status, _) = scene.decided(&scene.ask(dropped).await?).await?;
    ensure!(status == "applied" && scene.roles("orders").await? == 0, "the role goes with its database");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_database_that_is_refused_for_good_leaves_neither_role_nor_password() -> Result<()> {
    let scene = Scene::new("taken_back").await?;
    scene.site.kubernetes.set(KubernetesChange::PutSecret {
        namespace: "shop-dev".to_owned(),
        name: "orders-db".to_owned(),
        data: [("user".to_owned(), "orders".to_owned())].into(),
        manager: "kubectl-edit".to_owned(),
    })?;
    let before = scene.site.kubernetes.secret("shop-dev", "orders-db");
    let reply = scene.ask(json!({"credentials_secret": "orders-db"})).await?;
    // The name that the database is prepared under is taken, so that the last step is refused after the first two are done.
    let prepared =
        format!("countersign_new_{}", reply.request_id.as_deref().context("a request")?.replace('-', ""));
    scene.run(&format!("CREATE DATABASE {prepared}")).await?;
    let (status, _) = scene.decided(&reply).await?;
    ensure!(status == "failed target_conflict", "came to {status}");
    let writes = scene.site.journal.plaintexts().len();
    ensure!(writes >= 2, "the password was written, and then taken back");
    ensure!(scene.site.kubernetes.secret("shop-dev", "orders-db") == before, "the Secret is as it was");
    ensure!(scene.roles("orders").await? == 0, "the role is gone");

    let (status, _) = scene.decided(&scene.ask(json!({"credentials_secret": "orders-db"})).await?).await?;
    ensure!(status == "applied", "nothing of it is in the way: came to {status}");
    let password = scene.password().context("the cluster has it")?;
    scene.log_in("orders", &password, "orders").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_role_that_is_refused_for_good_takes_the_password_back() -> Result<()> {
    let scene = Scene::new("role_refused").await?;
    let reply = scene.ask(json!({"credentials_secret": "orders-db"})).await?;
    // Somebody else is a moment faster: while the key is written, and after the last look.
    let held = Behaviour::Delay { for_ms: 2_000 };
    scene.site.kubernetes.fail_next("PATCH", "/api/v1/namespaces/shop-dev/secrets/**", held);
    let id = reply.request_id.clone().context("a request")?;
    let faster = async {
        while !scene.site.kubernetes.requests().iter().any(|request| request.method == "PATCH") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        scene.run("CREATE ROLE orders LOGIN PASSWORD 'theirs'").await
    };
    scene.parties.decide(&id, Decision::Approve, "go ahead").await?;
    faster.await?;
    let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(&id)).await??;
    ensure!(status_of(&outcome) == "failed", "{outcome:?}");
    ensure!(scene.password().is_none(), "the key is gone again");
    scene.log_in("orders", "theirs", "postgres").await.context("their role is as it was")?;
    ensure!(scene.count("SELECT count(*) FROM pg_database WHERE datname = $1", "orders").await? == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_without_the_right_nobody_is_asked_and_the_doctor_notes_it() -> Result<()> {
    let scene = Scene::new("no_right").await?;
    let login_roles = |said: &str| {
        let line = said.lines().find(|line| line.contains("database server main, login roles: "));
        line.map(str::to_owned).with_context(|| format!("nothing about login roles: {said}"))
    };
    ensure!(login_roles(&scene.site.command(&["doctor"])?)?.starts_with("ok    "));
    scene.run("ALTER ROLE countersign_databases NOCREATEROLE").await?;
    let refused = scene.ask(json!({"credentials_secret": "orders-db"})).await.unwrap_err();
    ensure!(refused.to_string().contains("has no CREATEROLE"), "{refused}");
    let noted = login_roles(&scene.site.command(&["doctor"])?)?;
    ensure!(noted.starts_with("note  ") && noted.contains("`credentials_secret` is refused"), "{noted}");
    let (status, _) = scene.decided(&scene.ask(json!({})).await?).await?;
    ensure!(status == "applied", "a database without a role needs no such right: {status}");
    Ok(())
}
