//! What operators do by the command line, on real servers and both stores: look at an `unknown` request and settle it, and rotate the
//! master key while a request is under way.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::{Behaviour, FaultRule};
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::process::{ServerProcess, Site, command_as};
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
    run_token: String,
    request_id: String,
}

impl Scene {
    /// A synchronisation whose second step meets this fault until the target is healed; waits until the request is in that state and the
    /// first step is done.
    async fn stuck(store: Store, fault: Behaviour, state: RequestState) -> Result<Self> {
        let site = Site::prepare(store).await?;
        site.github.fail(FaultRule { times: 1_000, ..FaultRule::next("PUT", "/repos/**", fault) });
        // What is refused for good would be taken back; that is refused, too.
        let secrets = "/api/v1/namespaces/shop-dev/secrets/**";
        let refused = FaultRule::next("DELETE", secrets, Behaviour::status(403));
        site.kubernetes.fail(FaultRule { times: 1_000, ..refused });
        let server = site.start("first").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let (agent, run_token) = parties.agent_with_token("operated-1", "patient", "run:at-once").await?;
        let arguments = json!({
            "environment": "dev", "github_secret_name": "KEY", "kubernetes_secret_name": "key",
            "justification": "To see what operators can do.",
        });
        let reply = agent.call("secret.sync.github_k8s", &arguments).await?;
        let request_id = reply.request_id.context("a request")?;
        let scene = Self { site, server, parties, agent, run_token, request_id };
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

/// Says which master keys are configured and which one seals, for whoever reads the configuration from now on.
fn seal_with(site: &Site, active: &str, ids: &[&str]) -> Result<()> {
    let folder = site.folder();
    std::fs::write(folder.join("second.key"), "a5".repeat(32))?;
    let file = |id: &str| folder.join(if id == "m1" { "master.key" } else { "second.key" });
    let keys: Vec<_> =
        ids.iter().map(|id| format!("{id} = {{ file = \"{}\" }}", file(id).display())).collect();
    let section = format!("[sealing]\nactive = \"{active}\"\nkeys = {{ {} }}\n", keys.join(", "));
    site.reconfigure(|text| {
        let (before, after) = text.split_once("[sealing]").unwrap_or((text, ""));
        let rest = after.find("\n[").map_or("", |next| &after[next..]);
        format!("{before}{section}{rest}")
    })
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

fn exit_code(scene: &Scene, arguments: &[&str]) -> Result<i32> {
    let output = command_as(&scene.server, "suite-approver-token", arguments)?.output()?;
    output.status.code().context("the command was killed")
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
                "step 1: kubernetes.apply_key on kubernetes:shop-dev/key#value: being undone, MAY OR MAY NOT BE UNDONE",
                "was done at 2",
                ", receipt {",
                "\"resource_version\"",
                "step 2: github.put_secret on github:acme/shop@dev#KEY: certainly not done (attempts: 1)",
                "in doubt at 2",
                "(undo_failed)",
                &settle,
            ],
        )?;

        let wait = ["approvals", "watch", id, "--until", "settled", "--timeout-s", "1"];
        ensure!(exit_code(&scene, &wait)? == 14, "whoever waits is told that it is in doubt");

        let bare = refusal(staff(&["approvals", "resolve-unknown", id, "--verdict", "failed"]))?;
        check(&bare, &["--reason"])?;
        let resolve = |verdict: &str, reason: &str| {
            staff(&["approvals", "resolve-unknown", id, "--verdict", verdict, "--reason", reason])
        };
        check(&refusal(resolve("perhaps", "I can't tell"))?, &["applied, failed"])?;
        check(&refusal(resolve("failed", ""))?, &["body `/reason`", "at least 1"])?;
        check(
            &resolve("failed", "GitHub has the old value; the Secret was put back by hand")?,
            &[id, " failed "],
        )?;
        check(&refusal(resolve("applied", "on second thought"))?, &["already_settled"])?;

        ensure!(exit_code(&scene, &wait)? == 13, "whoever waits is told that it failed");
        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(id)).await??;
        ensure!(status_of(&outcome) == "failed", "came to {}", status_of(&outcome));
        check(&staff(&["approvals", "show", id])?, &["ended at 2", "(undo_failed)"])?;
        let events = scene.parties.events(&scene.agent.run_id).await?;
        let settled = events.iter().find(|event| event.r#type == "approval.failed").context("an event")?;
        check(&format!("{settled:?}"), &["put back by hand", "user:github:alice"])
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_goes_on_with_the_same_bytes_after_the_master_key_was_rotated() -> Result<()> {
    on_both_stores("rotated", |store| async {
        let later = Behaviour::status_retry_after(429, 1);
        let Scene { site, server, request_id, run_token, .. } =
            Scene::stuck(store, later, RequestState::Applying).await?;
        server.kill()?;
        seal_with(&site, "m2", &["m1", "m2"])?;
        let said = site.command(&["keys", "rewrap"])?;
        check(&said, &["1 sealed value wrapped anew under `m2`", "m1: 0 sealed values, not needed"])?;

        seal_with(&site, "m2", &["m2"])?;
        site.github.heal();
        let server = site.start("second").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let agent = parties.agent_of("operated-1", &run_token)?;
        let outcome = tokio::time::timeout(PATIENCE, agent.outcome(&request_id)).await??;
        ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
        let values = site.journal.plaintexts();
        ensure!(values.len() == 2 && values[0] == values[1], "both targets hold the same bytes");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_master_key_that_is_gone_is_named_and_wrapped_once_it_is_back() -> Result<()> {
    on_both_stores("gone", |store| async {
        // A second server on one SQLite file is refused, and a command is one; on PostgreSQL the server goes on.
        let alone = store.name() == "sqlite";
        let Scene { site, server, request_id, .. } =
            Scene::stuck(store, Behaviour::status(422), RequestState::Unknown).await?;
        check(&site.staff_command(&server, &["approvals", "show", &request_id])?, &["in doubt"])?;
        let mut server = Some(server);
        if alone {
            check(&refusal(site.command(&["keys", "status"]))?, &["in use by another server"])?;
            server.take().context("a server")?.kill()?;
        }
        check(&site.command(&["keys", "status"])?, &["m1: 1 sealed value, active"])?;

        seal_with(&site, "m2", &["m2"])?;
        let missing =
            ["m1: 1 sealed value, NOT CONFIGURED and needed", &request_id, "m2: 0 sealed values, active"];
        check(&refusal(site.command(&["keys", "status"]))?, &missing)?;
        let missed = format!("sealed values: `m1` is not among sealing.keys and needed for 1 of them, such as those of request {request_id}");
        check(&refusal(site.command(&["doctor"]))?, &[&missed])?;
        let said = refusal(site.command(&["keys", "rewrap"]))?;
        check(&said, &missing)?;
        check(&said, &[&format!("left as it was: request {request_id}"), "`m1` is not configured"])?;

        seal_with(&site, "m2", &["m1", "m2"])?;
        let needed = ["m1: 1 sealed value, still needed", &request_id];
        check(&site.command(&["keys", "status"])?, &needed)?;
        check(&site.command(&["doctor"])?, &["sealed values: 1 stored, none of a master key that is missing"])?;
        let done = "m2: 1 sealed value, active";
        check(
            &site.command(&["keys", "rewrap"])?,
            &["1 sealed value wrapped anew", "m1: 0 sealed values", done],
        )?;
        check(&site.command(&["keys", "rewrap"])?, &["0 sealed values wrapped anew", done])?;
        seal_with(&site, "m2", &["m2"])?;
        check(&site.command(&["keys", "status"])?, &[done])?;

        let server = match server {
            Some(server) => server,
            None => site.start("second").await?,
        };
        let settle = [
            "approvals",
            "resolve-unknown",
            &request_id,
            "--verdict",
            "failed",
            "--reason",
            "undone by hand",
        ];
        check(&site.staff_command(&server, &settle)?, &[" failed "])?;
        if alone {
            server.kill()?;
        }
        check(&site.command(&["keys", "status"])?, &["m2: 0 sealed values, active"])
    })
    .await
}
