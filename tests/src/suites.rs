//! The suites: what a person's no, a person's yes, and nobody's word come to, for every action of every control tool.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use countersign_transport_grpc::v1::{CallReply, Decision};
use serde_json::{Value, json};

use crate::clients::{Parties, status_of};
use crate::deployment::Deployment;
use crate::table::{CELLS, Cell, Table};

/// Which suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// A person says no.
    Deny,
    /// A person says yes.
    Approve,
    /// Nobody says anything.
    Timeout,
}

impl Suite {
    /// The outcome every cell must come to.
    pub fn expected(self, cell: Cell) -> &'static str {
        match (self, cell.action) {
            (Self::Deny, _) => "denied",
            (Self::Approve, "ask") => "answered",
            (Self::Approve, _) => "applied",
            (Self::Timeout, _) => "expired",
        }
    }

    /// The suite's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Approve => "approve",
            Self::Timeout => "timeout",
        }
    }
}

/// Runs a suite against a server and notes what each cell came to. `tag` makes names of runs and databases unique.
///
/// # Errors
/// The server can't be reached, or a step of the suite is refused.
pub async fn run(
    suite: Suite,
    deployment: &Deployment,
    store: &str,
    tag: &str,
    table: &mut Table,
) -> Result<()> {
    let parties = Parties::connect(deployment).await?;
    check_registered(&parties, deployment, tag).await?;
    for cell in CELLS {
        let outcome = play(suite, &parties, deployment, cell, tag)
            .await
            .with_context(|| format!("{} {} {} on {store}", suite.name(), cell.tool, cell.action))?;
        table.note(cell, store, &outcome);
    }
    Ok(())
}

/// Every action a run is offered has to be in the table: a tool that is registered and not tested fails.
async fn check_registered(parties: &Parties, deployment: &Deployment, tag: &str) -> Result<()> {
    let label = &deployment.guarded_run_label;
    let agent = parties.agent(&format!("{tag}-tools"), &deployment.patient_agent_key, label).await?;
    let offered = agent.tools().await?;
    let tested: BTreeSet<_> =
        CELLS.iter().map(|cell| (cell.tool.to_owned(), cell.action.to_owned())).collect();
    let untested: Vec<_> = offered.difference(&tested).collect();
    ensure!(untested.is_empty(), "registered and not in the table: {untested:?}");
    Ok(())
}

async fn play(
    suite: Suite,
    parties: &Parties,
    deployment: &Deployment,
    cell: Cell,
    tag: &str,
) -> Result<String> {
    let database = format!("{}_{}_{}", suite.name(), cell.action, tag.replace('-', "_"));
    if matches!(cell.action, "describe" | "delete" | "drop") {
        // These need a database of ours.
        let run = format!("{tag}-{}-{}-prepare", suite.name(), cell.action);
        let agent = parties.agent(&run, &deployment.patient_agent_key, &deployment.guarded_run_label).await?;
        let made = agent.call("database.lifecycle", &arguments(deployment, "create", &database)).await?;
        parties.decide(id_of(&made)?, Decision::Approve, "for the suite").await?;
        let outcome = status_of(&agent.outcome(id_of(&made)?).await?);
        ensure!(outcome == "applied", "the database to work on came to {outcome}");
    }
    let agent_key = match suite {
        Suite::Deny | Suite::Approve => &deployment.patient_agent_key,
        Suite::Timeout => &deployment.hasty_agent_key,
    };
    let run = format!("{tag}-{}-{}-{}", suite.name(), cell.tool, cell.action);
    let agent = parties.agent(&run, agent_key, &deployment.guarded_run_label).await?;
    let reply = agent.call(cell.tool, &arguments(deployment, cell.action, &database)).await?;
    ensure!(status_of(&reply) == "approval_required", "answered {} at once", status_of(&reply));
    let request_id = id_of(&reply)?;
    decide(suite, parties, cell, request_id).await?;
    let outcome = agent.outcome(request_id).await?;
    check_run(parties, &agent.run_id, &status_of(&outcome)).await?;
    Ok(status_of(&outcome))
}

async fn decide(suite: Suite, parties: &Parties, cell: Cell, request_id: &str) -> Result<()> {
    match (suite, cell.action) {
        (Suite::Deny, _) => parties.decide(request_id, Decision::Deny, "not today").await,
        (Suite::Approve, "ask") => parties.answer(request_id).await,
        (Suite::Approve, _) => parties.decide(request_id, Decision::Approve, "go ahead").await,
        (Suite::Timeout, _) => Ok(()),
    }
}

/// After the outcome nothing waits, the budget runs again, and the log tells the whole story.
async fn check_run(parties: &Parties, run_id: &str, outcome: &str) -> Result<()> {
    let run = parties.run(run_id).await?.run.context("the run is there")?;
    ensure!(run.waits.is_empty(), "the run still waits");
    ensure!(run.deadline_at.is_some(), "the budget does not run again");
    let types: Vec<_> = parties.events(run_id).await?.into_iter().map(|event| event.r#type).collect();
    let settled = format!("approval.{outcome}");
    for needed in [
        "run.registered",
        "mcp.tool.called",
        "approval.requested",
        "run.wait.paused",
        &settled,
        "run.wait.resumed",
    ] {
        if !types.iter().any(|seen| seen == needed) {
            bail!("the log lacks `{needed}`: {types:?}");
        }
    }
    Ok(())
}

fn id_of(reply: &CallReply) -> Result<&str> {
    reply.request_id.as_deref().context("the call made a request")
}

fn arguments(deployment: &Deployment, action: &str, database: &str) -> Value {
    let why = "Asked for by the black-box suite.";
    let environment = &deployment.environment;
    match action {
        "sync" => json!({
            "environment": environment, "github_secret_name": "SUITE_KEY", "kubernetes_secret_name": "suite-key",
            "justification": why,
        }),
        "ask" => json!({"question": "Shall the suite go on as planned?", "options": ["Yes", "No"]}),
        "delete" => json!({
            "action": "delete", "environment": environment, "database_name": database, "confirm_delete": true,
            "justification": why,
        }),
        "drop" => json!({
            "action": "delete", "environment": environment, "database_name": database, "confirm_delete": true,
            "delete_mode": "drop", "justification": why,
        }),
        other => json!({
            "action": other, "environment": environment, "database_name": database, "justification": why,
        }),
    }
}
