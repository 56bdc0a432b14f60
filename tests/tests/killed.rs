//! A server is killed (`kill -9`) at the worst moments; another one is started on the same store. There is one effect, and the agent gets
//! its outcome (R6). On SQLite and on PostgreSQL.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::{Behaviour, Target};
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::{PgServer, Store};
use countersign_transport_grpc::v1::{Decision, RequestState};
use serde_json::json;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

struct Scene {
    site: Site,
    server: ServerProcess,
    parties: Parties,
    request_id: String,
    run_token: String,
}

impl Scene {
    /// A sync was asked for and approved.
    async fn approved(store: Store, variables: &[(&str, &str)], fault: Option<Behaviour>) -> Result<Self> {
        let site = Site::prepare(store).await?;
        if let Some(fault) = fault {
            site.kubernetes.fail_next("PATCH", "/api/v1/namespaces/shop-dev/secrets/**", fault);
        }
        let server = site.start_with("first", variables).await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let (agent, run_token) = parties.agent_with_token("killed-1", "patient", "run:ops").await?;
        let arguments = json!({
            "environment": "dev", "github_secret_name": "KEY", "kubernetes_secret_name": "key",
            "justification": "To see what a killed server leaves.",
        });
        let reply = agent.call("secret.sync.github_k8s", &arguments).await?;
        let request_id = reply.request_id.context("a request")?;
        parties.decide(&request_id, Decision::Approve, "").await?;
        Ok(Self { site, server, parties, request_id, run_token })
    }

    /// Kills the server, starts another, and checks that all is as if nothing had happened.
    async fn killed_and_recovered(self) -> Result<()> {
        self.server.kill()?;
        self.site.kubernetes.heal();
        let server = self.site.start("second").await?;
        let parties = Parties::connect(&self.site.deployment(&server)).await?;
        let agent: Agent = parties.agent_of("killed-1", &self.run_token)?;
        let outcome = tokio::time::timeout(PATIENCE, agent.outcome(&self.request_id)).await??;
        ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
        let effects = self.site.journal.effects();
        for target in [Target::Kubernetes, Target::Github] {
            let count = effects.iter().filter(|effect| effect.target == target).count();
            ensure!(count == 1, "{target:?} has {count} effects: {effects:?}");
        }
        let values: Vec<_> = self.site.journal.plaintexts();
        ensure!(values.windows(2).all(|pair| pair[0] == pair[1]), "both targets hold the same bytes");
        Ok(())
    }
}

/// Looks again and again until it is so.
async fn until<F: Future<Output = Result<bool>>>(what: &str, look: impl Fn() -> F) -> Result<()> {
    for _ in 0..300 {
        if look().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("never: {what}")
}

async fn on_both_stores<F: Future<Output = Result<()>>>(name: &str, play: impl Fn(Store) -> F) -> Result<()> {
    let server = PgServer::start().await?;
    play(Store::Sqlite).await.context("on sqlite")?;
    play(server.store(name).await?).await.context("on postgres")
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_killed_after_the_approval() -> Result<()> {
    on_both_stores("approval", |store| async {
        // The first server has no workers: it can only be killed between approval and execution.
        let scene = Scene::approved(store, &[("COUNTERSIGN_WORKERS__AT_ONCE", "0")], None).await?;
        ensure!(scene.site.journal.is_empty(), "nothing is written without a worker");
        scene.killed_and_recovered().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_killed_after_the_applying_commit() -> Result<()> {
    on_both_stores("applying", |store| async {
        let scene = Scene::approved(store, &[], Some(Behaviour::Hang { for_ms: 60_000 })).await?;
        until("applying", || async {
            let state = scene.parties.state(&scene.request_id).await?;
            let asked = scene.site.kubernetes.requests().iter().any(|request| request.method == "PATCH");
            Ok(state == RequestState::Applying && asked)
        })
        .await?;
        ensure!(scene.site.journal.is_empty(), "the write was not handled");
        scene.killed_and_recovered().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_killed_after_the_write_and_before_its_record() -> Result<()> {
    on_both_stores("written", |store| async {
        let scene =
            Scene::approved(store, &[], Some(Behaviour::HangAfterHandling { for_ms: 60_000 })).await?;
        until("written", || async { Ok(scene.site.journal.len() == 1) }).await?;
        scene.killed_and_recovered().await
    })
    .await
}
