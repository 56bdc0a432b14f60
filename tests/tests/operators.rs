//! What operators do by the command line, on real servers and both stores: look at an `unknown` request and settle it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::{Behaviour, FaultRule};
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::{PgServer, Store};
use countersign_transport_grpc::v1::RequestState;
use serde_json::json;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

struct Scene {
    site: Site,
    server: ServerProcess,
    parties: Parties,
    agent: Agent,
    request_id: String,
}

impl Scene {
    /// A synchronisation whose second step meets this fault until the target is healed; waits until the request is in that state and the
    /// first step is done.
    async fn stuck(store: Store, fault: Behaviour, state: RequestState) -> Result<Self> {
        let site = Site::prepare(store).await?;
        site.github.fail(FaultRule { times: 1_000, ..FaultRule::next("PUT", "/repos/**", fault) });
        let server = site.start("first").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let agent = parties.agent("operated-1", "patient", "run:at-once").await?;
        let arguments = json!({
            "environment": "dev", "github_secret_name": "KEY", "kubernetes_secret_name": "key",
            "justification": "To see what operators can do.",
        });
        let reply = agent.call("secret.sync.github_k8s", &arguments).await?;
        let request_id = reply.request_id.context("a request")?;
        let scene = Self { site, server, parties, agent, request_id };
        scene.wait_for(state).await?;
        Ok(scene)
    }

    async fn wait_for(&self, state: RequestState) -> Result<()> {
        for _ in 0..300 {
            if self.site.journal.len() == 1 && self.parties.state(&self.request_id).await? == state {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the request did not become {state:?} with its first step done")
    }
}

async fn on_both_stores<F: Future<Output = Result<()>>>(name: &str, play: impl Fn(Store) -> F) -> Result<()> {
    let server = PgServer::start().await?;
    play(Store::Sqlite).await.context("on sqlite")?;
    play(server.store(name).await?).await.context("on postgres")
}

fn check(said: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    Ok(())
}

/// What a command says that has to fail.
fn refusal(result: Result<String>) -> Result<String> {
    match result {
        Ok(said) => anyhow::bail!("the command succeeded: {said}"),
        Err(error) => Ok(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_request_is_shown_step_by_step_and_settled_by_command() -> Result<()> {
    on_both_stores("settled", |store| async {
        let scene = Scene::stuck(store, Behaviour::status(422), RequestState::Unknown).await?;
        let id = scene.request_id.as_str();
        let staff = |arguments: &[&str]| scene.site.staff_command(&scene.server, arguments);

        check(&staff(&["approvals", "list"])?, &[id, " unknown "])?;
        let shown = staff(&["approvals", "show", id])?;
        let settle = format!("resolve-unknown {id} --verdict applied|failed");
        check(
            &shown,
            &[
                "step 1: kubernetes.apply_key on kubernetes:shop-dev/key#value: done at 2",
                ", receipt {",
                "\"resource_version\"",
                "step 2: github.put_secret on github:acme/shop@dev#KEY: certainly not done (attempts: 1)",
                "in doubt at 2",
                "(target_invalid)",
                &settle,
            ],
        )?;

        let bare = refusal(staff(&["approvals", "resolve-unknown", id, "--verdict", "failed"]))?;
        check(&bare, &["--reason"])?;
        let resolve = |verdict: &str, reason: &str| {
            staff(&["approvals", "resolve-unknown", id, "--verdict", verdict, "--reason", reason])
        };
        check(&refusal(resolve("perhaps", "I can't tell"))?, &["applied, failed"])?;
        check(&refusal(resolve("failed", ""))?, &["reason", "at least 1"])?;
        check(
            &resolve("failed", "GitHub has the old value; the Secret was put back by hand")?,
            &[id, " failed "],
        )?;
        check(&refusal(resolve("applied", "on second thought"))?, &["already_settled"])?;

        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(id)).await??;
        ensure!(status_of(&outcome) == "failed", "came to {}", status_of(&outcome));
        check(&staff(&["approvals", "show", id])?, &["ended at 2", "(target_invalid)"])?;
        let events = scene.parties.events(&scene.agent.run_id).await?;
        let settled = events.iter().find(|event| event.r#type == "approval.failed").context("an event")?;
        check(&format!("{settled:?}"), &["put back by hand", "user:github:alice"])
    })
    .await
}
