//! What agents have asked for, with every way a request can stand or end: enough for each page to have something to show.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use countersign_simulators::{Behaviour, FaultRule, KubernetesChange};
use countersign_transport_grpc::v1::{Decision, RequestState};
use serde_json::{Value, json};

use super::scene::{Scene, opened};
use crate::clients::{Agent, status_of};

const SYNC: &str = "secret.sync.github_k8s";
const DATABASE: &str = "database.lifecycle";
const ASK: &str = "mcp_owner_feedback_request";

/// The run that has done most.
const RELEASE: &str = "release-2026-11-26-a";

/// How long a state may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The requests, by what became of them.
pub struct Tale {
    /// The run of the requests that are over.
    pub run: String,
    /// An entry of the record.
    pub entry: String,
    /// A secret that is in place.
    pub applied: String,
    /// A deletion that was denied, with a reason.
    pub denied: String,
    /// A database that nobody decided on in time.
    pub expired: String,
    /// A question that has its answer.
    pub answered: String,
    /// A secret of which nobody knows whether it was written.
    pub unknown: String,
    /// A secret that is asked about again, since its target has changed.
    pub asked_again: String,
    /// A secret that waits.
    pub secret: String,
    /// A deletion for good that waits for two people.
    pub deletion: String,
    /// A question that waits.
    pub question: String,
}

impl Tale {
    /// Has it all happen.
    ///
    /// # Errors
    /// The server refuses, or something comes to another end.
    pub async fn tell(scene: &Scene) -> Result<Self> {
        let hasty = scene.parties.agent("preview-118", "hasty", "run:ops").await?;
        let expired = opened(&hasty, DATABASE, &create("preview_118", "staging")).await?;
        let agent = scene.parties.agent(RELEASE, "deployer", "run:ops").await?;
        scene.parties.link(RELEASE, 17, 42).await?;
        let applied = opened(&agent, SYNC, &secret("PAYMENT_API_KEY", "payment-api")).await?;
        scene.settle(&agent, &applied, Decision::Approve, "Rotation agreed in #17.", "applied").await?;
        let orders = opened(&agent, DATABASE, &create("orders", "dev")).await?;
        scene.settle(&agent, &orders, Decision::Approve, "", "applied").await?;
        let denied = opened(&agent, DATABASE, &delete("orders", "quarantine")).await?;
        let reason = "The reports of this month still read from it. Ask again in December.";
        scene.settle(&agent, &denied, Decision::Deny, reason, "denied").await?;
        let answered = opened(&agent, ASK, &json!({
            "question": "Which region should the new cluster be in?", "options": ["eu-central", "eu-west"],
        }))
        .await?;
        scene.parties.answer(&answered).await?;
        agent.outcome(&answered).await?;
        agent.acknowledge(&applied).await?;
        let unknown = scene.in_doubt().await?;
        let asked_again = scene.overtaken(&agent).await?;
        let nightly = scene.parties.agent("nightly-cleanup-7", "janitor", "run:ops").await?;
        scene.parties.link("nightly-cleanup-7", 23, 44).await?;
        let secret = opened(&nightly, SYNC, &secret("SEARCH_TOKEN", "search")).await?;
        let deletion = opened(&nightly, DATABASE, &delete("orders", "drop")).await?;
        let question = opened(&nightly, ASK, &question()).await?;
        let outcome = status_of(&hasty.outcome(&expired).await?);
        ensure!(outcome == "expired", "nobody decided in time, and it came to {outcome}");
        let run = RELEASE.to_owned();
        let events = scene.parties.events(&run).await?;
        let entry = events.last().context("a run has events")?.event_id.clone();
        Ok(Self {
            run,
            entry,
            applied,
            denied,
            expired,
            answered,
            unknown,
            asked_again,
            secret,
            deletion,
            question,
        })
    }
}

impl Scene {
    /// Decides on a request as the owner, and waits for what comes of it.
    async fn settle(
        &self,
        agent: &Agent,
        id: &str,
        decision: Decision,
        reason: &str,
        expected: &str,
    ) -> Result<()> {
        self.parties.decide(id, decision, reason).await?;
        let outcome = status_of(&agent.outcome(id).await?);
        ensure!(outcome == expected, "came to {outcome} instead of {expected}");
        Ok(())
    }

    /// A secret whose second step is refused for good, and the taking back of its first one too: how it ended a person has to say.
    async fn in_doubt(&self) -> Result<String> {
        let refuse = |method: &str, path: &str, status| FaultRule {
            times: u32::MAX,
            ..FaultRule::next(method, path, Behaviour::status(status))
        };
        self.site.github.fail(refuse("PUT", "/repos/**/LEGACY_TOKEN", 422));
        self.site.kubernetes.fail(refuse("DELETE", "/api/v1/namespaces/shop-dev/secrets/legacy", 403));
        let agent = self.parties.agent("migration-3", "sre", "run:at-once").await?;
        let id = opened(&agent, SYNC, &secret("LEGACY_TOKEN", "legacy")).await?;
        self.stands(&id, RequestState::Unknown).await?;
        Ok(id)
    }

    /// A secret that somebody writes past us between its approval and its execution.
    async fn overtaken(&self, agent: &Agent) -> Result<String> {
        let id = opened(agent, SYNC, &secret("MAIL_PASSWORD", "mail")).await?;
        self.site.kubernetes.set(KubernetesChange::PutSecret {
            namespace: "shop-dev".to_owned(),
            name: "mail".to_owned(),
            data: [("username".to_owned(), "shop".to_owned())].into(),
            manager: "kubectl-edit".to_owned(),
        })?;
        self.parties.decide(&id, Decision::Approve, "Fine.").await?;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let approval = self.parties.approval(&id).await?;
                if approval.summary.is_some_and(|summary| summary.revision == 2) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited.await??;
        Ok(id)
    }

    async fn stands(&self, id: &str, wanted: RequestState) -> Result<()> {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.parties.state(id).await? != wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            anyhow::Ok(())
        });
        match waited.await {
            Ok(result) => result,
            Err(_) => bail!("`{id}` doesn't come to {wanted:?}"),
        }
    }
}

fn secret(github: &str, kubernetes: &str) -> Value {
    json!({
        "environment": "dev", "github_secret_name": github, "kubernetes_secret_name": kubernetes,
        "justification": "The old value was seen in a build log on Monday. The new one has to be in place before the next release.",
        "risk_assessment": "Pods read the value when they start; those that run keep the old one until then.",
        "links_to_code": [{"text": "where it is read", "url": "https://github.com/acme/shop/pull/42"}],
    })
}

fn create(name: &str, environment: &str) -> Value {
    json!({
        "action": "create", "environment": environment, "database_name": name,
        "justification": "The preview of the pull request needs data of its own.",
    })
}

fn delete(name: &str, mode: &str) -> Value {
    json!({
        "action": "delete", "environment": "dev", "database_name": name, "confirm_delete": true, "delete_mode": mode,
        "justification": "Nothing has read from it for 30 days.",
    })
}

fn question() -> Value {
    json!({
        "question": "The clean-up found 214 images that no release names. Should they go tonight?",
        "context": "They take 61 GB. A rollback to a release from before October would need some of them.",
        "options": ["Delete all of them", "Delete those older than 90 days", "Keep them until the next release"],
    })
}
