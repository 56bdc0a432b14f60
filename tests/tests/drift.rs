//! A target changes by hand between an approval and its execution (a Secret is written, a database renamed): nothing is overwritten,
//! people are asked again and shown what is different, and what was approved before doesn't count. Real servers on both stores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::KubernetesChange;
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::crash::look::databases;
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::{PgServer, Store};
use countersign_transport_grpc::client::from_struct;
use countersign_transport_grpc::v1::{Approval, Decision, RequestState};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

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
    /// A synchronisation is asked for. It waits for its approval, so what is done by hand meanwhile comes before its execution.
    async fn asked(store: Store) -> Result<Self> {
        let arguments = json!({
            "environment": "dev", "github_secret_name": "KEY", "kubernetes_secret_name": "app",
            "justification": "To be overtaken by a change.",
        });
        Self::of(store, "secret.sync.github_k8s", &arguments).await
    }

    /// The same of creating a database of this name.
    async fn asked_for_database(store: Store, name: &str) -> Result<Self> {
        Self::of(store, "database.lifecycle", &database("create", name)).await
    }

    async fn of(store: Store, tool: &str, arguments: &Value) -> Result<Self> {
        let site = Site::prepare(store).await?;
        let server = site.start("server").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let agent = parties.agent("drifting-1", "patient", "run:ops").await?;
        let reply = agent.call(tool, arguments).await?;
        let request_id = reply.request_id.context("a request")?;
        Ok(Self { site, server, parties, agent, request_id })
    }

    /// Somebody renames a database on its server.
    async fn rename_by_hand(&self, from: &str, to: &str) -> Result<()> {
        match self.site.store() {
            Store::Sqlite => {
                let folder = self.site.folder().join("databases");
                std::fs::rename(folder.join(format!("{from}.db")), folder.join(format!("{to}.db")))?;
            }
            Store::Postgres { url } => {
                let mut connection = PgConnection::connect(url).await?;
                // The names are literals of this file.
                let rename = AssertSqlSafe(format!("ALTER DATABASE {from} RENAME TO {to}"));
                sqlx::raw_sql(rename).execute(&mut connection).await?;
            }
        }
        Ok(())
    }

    /// Somebody sets another key of the Secret.
    fn change_by_hand(&self, value: &str) -> Result<()> {
        let change = KubernetesChange::PutSecret {
            namespace: "shop-dev".to_owned(),
            name: "app".to_owned(),
            data: [("other".to_owned(), value.to_owned())].into(),
            manager: "kubectl-edit".to_owned(),
        };
        Ok(self.site.kubernetes.set(change)?)
    }

    async fn approve(&self) -> Result<()> {
        self.parties.decide(&self.request_id, Decision::Approve, "go ahead").await
    }

    /// Waits until it is asked again, for the so-manieth time.
    async fn asked_again(&self, revision: u32) -> Result<Approval> {
        for _ in 0..300 {
            let approval = self.parties.approval(&self.request_id).await?;
            let summary = approval.summary.as_ref().context("an approval has a summary")?;
            if (summary.revision, summary.state()) == (revision, RequestState::Requested) {
                ensure!(summary.approvals == 0, "an approval of an earlier revision counts");
                return Ok(approval);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("it was not asked again as revision {revision}")
    }

    fn nothing_was_written(&self) -> Result<()> {
        let effects = self.site.journal.effects();
        ensure!(effects.iter().all(|effect| effect.actor == "by-hand"), "written: {effects:?}");
        Ok(())
    }

    fn staff(&self, arguments: &[&str]) -> Result<String> {
        self.site.staff_command(&self.server, arguments)
    }
}

fn database(action: &str, name: &str) -> Value {
    json!({
        "action": action, "environment": "dev", "database_name": name, "confirm_delete": action == "delete",
        "justification": "To be renamed by hand.",
    })
}

fn check(said: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    Ok(())
}

async fn on_both_stores<F: Future<Output = Result<()>>>(name: &str, play: impl Fn(Store) -> F) -> Result<()> {
    let server = PgServer::start().await?;
    play(Store::Sqlite).await.context("on sqlite")?;
    play(server.store(name).await?).await.context("on postgres")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_changed_by_hand_is_not_overwritten_and_asked_about_again_with_the_difference() -> Result<()>
{
    on_both_stores("drifted", |store| async {
        let scene = Scene::asked(store).await?;
        let id = scene.request_id.as_str();
        let hand = "written-by-hand-91c2";
        let first_digest = scene.parties.digest(id).await?;
        scene.change_by_hand(hand)?;
        scene.approve().await?;
        scene.asked_again(2).await?;
        scene.nothing_was_written()?;
        check(&scene.staff(&["approvals", "list"])?, &[id, " requested ", "ASKED AGAIN (revision 2)"])?;
        let shown = scene.staff(&["approvals", "show", id])?;
        let differences = [
            "asked again: what was approved changed at 2",
            "no longer so: The Kubernetes Secret `shop-dev/app` does not exist",
            "new: The Kubernetes Secret `shop-dev/app` exists without the key `value`",
            "new: The other keys of the Kubernetes Secret stay as they are: `other`",
            "changed: The `resource_version` of the step on `kubernetes:shop-dev/app#value` is not what it was.",
        ];
        check(&shown, &differences)?;
        ensure!(!shown.contains("no longer so: GitHub is written last"), "what is still so is no difference");
        let waiting = scene.agent.outcomes().await?;
        let told = waiting[0].detail.as_ref().map(from_struct).unwrap_or_default();
        ensure!(told == json!({"asked_again": true, "revision": 2}), "the agent is told {told}");

        let stale = scene.parties.decide_on(id, &first_digest, Decision::Approve, "as before").await;
        ensure!(stale.is_err_and(|status| status.message().contains("revision 2")), "the old plan was approved");
        scene.approve().await?;
        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(id)).await??;
        ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
        let events = scene.parties.events(&scene.agent.run_id).await?;
        ensure!(!format!("{events:?}{shown}").contains(hand), "a difference tells no value");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_keeps_changing_fails_the_fourth_time() -> Result<()> {
    on_both_stores("drifting", |store| async {
        let scene = Scene::asked(store).await?;
        let id = scene.request_id.as_str();
        for change in 1..=3 {
            scene.change_by_hand(&format!("value {change}"))?;
            scene.approve().await?;
            let drift = scene.asked_again(change + 1).await?.drift.context("the difference")?;
            let parts: Vec<_> = drift.changed_parts.iter().map(|changed| changed.part.as_str()).collect();
            ensure!(parts == ["resource_version"], "{drift:?}");
            // From the second time on only the version moves: the facts are what they were.
            ensure!((drift.gone_facts.is_empty(), drift.new_facts.is_empty()) == (change > 1, change > 1));
        }
        scene.change_by_hand("value 4")?;
        scene.approve().await?;
        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(id)).await??;
        ensure!(status_of(&outcome) == "failed", "came to {}", status_of(&outcome));
        let told = outcome.detail.as_ref().map(from_struct).unwrap_or_default();
        ensure!(told["code"] == "drifting", "{told}");
        scene.nothing_was_written()?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_database_renamed_by_hand_is_deleted_once_that_is_approved_and_restored_under_its_own_name()
-> Result<()> {
    on_both_stores("renamed", |store| async {
        let mut scene = Scene::asked_for_database(store, "drift_orders").await?;
        scene.approve().await?;
        let made = tokio::time::timeout(PATIENCE, scene.agent.outcome(&scene.request_id)).await??;
        ensure!(status_of(&made) == "applied", "came to {}", status_of(&made));
        let reply = scene.agent.call("database.lifecycle", &database("delete", "drift_orders")).await?;
        scene.request_id = reply.request_id.context("a request")?;
        let id = scene.request_id.as_str();
        scene.rename_by_hand("drift_orders", "drift_orders_old").await?;
        scene.approve().await?;
        scene.asked_again(2).await?;
        let shown = scene.staff(&["approvals", "show", id])?;
        let renamed = "new: The database registered as `drift_orders` on server `main` was renamed by hand: it is called `drift_orders_old` now";
        check(&shown, &[renamed, "changed: The `found_as` of the step on `database:main/drift_orders`"])?;
        ensure!(!shown.contains("no longer so"), "nothing else changed:\n{shown}");
        let described = scene.agent.call("database.lifecycle", &database("describe", "drift_orders")).await?;
        let told = described.detail.as_ref().map(from_struct).unwrap_or_default();
        ensure!(told["receipts"][0]["renamed_to"] == "drift_orders_old", "{told}");

        scene.approve().await?;
        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(id)).await??;
        ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
        let names: Vec<_> = databases(&scene.site).await?.into_iter().map(|found| found.name).collect();
        ensure!(!names.iter().any(|name| name.starts_with("drift_orders")), "{names:?}");
        let kept = names.iter().find(|name| name.starts_with("_q_drift_orders_")).context("a kept one")?;
        let reason = ["--reason", "to see its name"];
        scene.staff(&[&["databases", "restore", "main", kept], &reason[..]].concat())?;
        for _ in 0..300 {
            if databases(&scene.site).await?.iter().any(|found| found.name == "drift_orders") {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("it was not given the name back that it is registered under")
    })
    .await
}
