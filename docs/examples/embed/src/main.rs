//! A platform team embeds Countersign in its own process: policy, use cases, a ledger in one file, and a control tool of its own that
//! switches feature flags. No server, no gRPC.
//!
//! Run it with `cargo run -p countersign-example-embed`. docs/embedding.md walks through it.

mod flag_tool;
mod ports;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use countersign_adapters_sqlite::{SqliteOptions, SqliteStore};
use countersign_approvals::{Choice, InputMode};
use countersign_kernel::{Digest, Millis, Principal, Proof, RunId};
use countersign_mcp_tools::ToolRegistry;
use countersign_usecases::call_tool::{CallStatus, call_tool};
use countersign_usecases::decisions::decide::{Decision, decide_request};
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::wake::NoWake;
use countersign_usecases::port::{Entropy, Ids};
use countersign_usecases::runs::register_run;
use countersign_usecases::seal::{MasterKey, Sealer};
use countersign_usecases::warrants::Unlogged;
use countersign_usecases::{Identity, Ports, Services, worker};
use countersign_waitstate::{OutcomeStatus, RunFacts, RunLinks};
use serde_json::json;

use flag_tool::{FlagTool, Flags};
use ports::{OsEntropy, OwnTokens, TokioWatch, host_now};

const POLICY: &str = r#"
version: 1
groups:
  shop-owners: ["user:corp:alice"]
projects:
  shop: { owners: [shop-owners], repository: acme/shop, environments: [staging] }
defaults: { approval: owner, decide_within: 1h, execute_within: 15m, quorum: 1 }
grants: []
guards: []
"#;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store =
        SqliteStore::open(folder.path().join("countersign.db"), SqliteOptions::default(), host_now).await?;
    let flags = Flags::default();
    let services = assemble(&store, &flags)?;

    activate_policy(&services, POLICY, &person("service:corp:deploy")?).await?;
    let run = RunId::parse("run-1")?;
    register_run(&services, facts(&run)?, RunLinks::default(), &person("service:corp:launcher")?).await?;

    let arguments = json!({"environment": "staging", "flag": "new-checkout", "on": true, "justification": "roll-out step 2"});
    let reply = call_tool(&services, &run, "feature.flag", &arguments).await?;
    say(&format!("the agent asked, and was told: {}", reply.status.as_str()));
    let request = reply.request.context("a request was made")?;
    let seen: Digest = reply.plan_digest.context("it has a plan")?;

    let decision = Decision { choice: Choice::Approve, seen, reason: None, input_mode: InputMode::Button };
    decide_request(&services, request, &decision, &person("user:corp:alice")?).await?;
    say("alice approved exactly that plan");

    work_until_idle(&services).await?;
    let outcome = get_outcome(&services, &run, request).await?;
    say(&format!("the agent's outcome: {} {}", outcome.status.as_str(), outcome.detail));
    if outcome.status != CallStatus::Over(OutcomeStatus::Applied) || !flags.is_on("new-checkout") {
        bail!("the flag was not switched");
    }
    store.close().await;
    Ok(())
}

/// The ports, the tools and the keys: everything a use case works with.
fn assemble(store: &SqliteStore, flags: &Flags) -> Result<Services> {
    let store = Arc::new(store.clone());
    let ports = Ports {
        ledger: store.clone(),
        work: store.clone(),
        queries: store.clone(),
        warrants: Arc::new(Unlogged::new(store.clone())),
        tokens: Arc::new(OwnTokens),
        entropy: Arc::new(OsEntropy),
        wake: Arc::new(NoWake),
        stopwatch: Arc::new(TokioWatch::start()),
    };
    let mut tools = ToolRegistry::new();
    tools.register(Arc::new(FlagTool::new(flags.clone())?))?;
    // This tool makes no secret values; one that does needs a key that survives the process.
    let mut key = [0; 32];
    OsEntropy.fill(&mut key);
    let sealer = Sealer::new(BTreeMap::from([("m1".to_owned(), MasterKey::new(key))]), "m1".to_owned())?;
    Ok(Services::new(ports, Arc::new(tools), sealer))
}

/// A process of your own would do this in a loop; see docs/embedding.md.
async fn work_until_idle(services: &Services) -> Result<()> {
    let worker_id = Ids::new(&OsEntropy, host_now()).worker();
    loop {
        let leases = worker::claim(services, worker_id, 8).await?;
        if leases.is_empty() {
            return Ok(());
        }
        for lease in leases {
            worker::work(services, &lease).await?;
        }
    }
}

fn facts(run: &RunId) -> Result<RunFacts> {
    Ok(RunFacts {
        id: run.clone(),
        agent_key: "dev".parse()?,
        run_label: "run:dev".parse()?,
        runtime_mode: "full-env".parse()?,
        project: "shop".parse()?,
        repository: Some("acme/shop".parse()?),
        namespace: None,
        launched_by: Principal::parse("user:corp:bob")?,
        budget: Millis::from_secs(3600),
    })
}

fn person(name: &str) -> Result<Identity> {
    Ok(Identity::new(Principal::parse(name)?, Proof::Process))
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "an example tells what it does")]
    {
        println!("{line}");
    }
}
