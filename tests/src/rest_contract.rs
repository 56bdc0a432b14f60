//! `cargo xtask contract rest`: schemathesis holds the REST surface of a real server against the OpenAPI document, as each role.
//!
//! Whether a single answer fits the document is schemathesis's business. Counted here is whether it got anywhere: each role has to reach a
//! 2xx of each operation that the document says it may ask for.

mod attempt;
mod document;
mod report;
mod stage;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use attempt::{Attempt, Part};
pub use document::Contract;
use document::Operation;
use report::Seen;
use stage::Stage;

/// Asked enough, a role that still hasn't got everywhere has so many rounds more.
const EXTRA_ROUNDS: u32 = 2;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program `schemathesis`.
    pub program: PathBuf,
    /// As whom; everybody when nothing is said.
    pub role: Option<String>,
    /// At least so many requests, all roles together.
    pub requests: usize,
    /// Gives the same requests again, as far as the answers are the same.
    pub seed: u64,
    /// Where its reports go.
    pub folder: PathBuf,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Findings {
    /// What each role's requests came to.
    seen: BTreeMap<&'static str, Seen>,
    /// Runs of schemathesis that found something, with its words.
    broken: Vec<String>,
}

impl Findings {
    /// How many requests each role made.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.seen.iter().map(|(role, seen)| (*role, seen.requests()))
    }

    /// Requests of all roles.
    pub fn total(&self) -> usize {
        self.seen.values().map(Seen::requests).sum()
    }

    /// Of these, how many came to a 2xx.
    pub fn accepted(&self) -> usize {
        self.seen.values().map(Seen::accepted).sum()
    }

    /// The operations that a role may ask for and never reached a 2xx of.
    fn unreached(&self, contract: &Contract, role: &str) -> Vec<String> {
        let seen = self.seen.get(role);
        let has = |operation: &Operation| {
            seen.is_some_and(|seen| seen.has_accepted(&operation.method, &operation.path))
        };
        let never = contract.operations().filter(|operation| operation.may(role) && !has(operation));
        never.map(|operation| format!("{} as {role}", operation.id)).collect()
    }
}

/// Runs it: in rounds, until it was asked enough and every role got everywhere it may. What a round comes to is chance within its seed.
///
/// # Errors
/// The server or schemathesis can't be started, or a report can't be read.
pub async fn run(plan: &Plan, contract: &Contract) -> Result<Findings> {
    std::fs::create_dir_all(&plan.folder)?;
    let stage = Stage::set().await?;
    contract.write(&plan.folder.join("openapi.json"))?;
    let roles: Vec<_> = stage::ROLES
        .into_iter()
        .filter(|role| plan.role.as_deref().is_none_or(|only| only == *role))
        .collect();
    let mut findings = Findings::default();
    let mut extra = 0;
    for round in 0.. {
        let enough = findings.total() >= plan.requests;
        let left: Vec<_> = roles
            .iter()
            .copied()
            .filter(|role| !enough || !findings.unreached(contract, role).is_empty())
            .collect();
        if left.is_empty() || extra == EXTRA_ROUNDS || !findings.broken.is_empty() {
            break;
        }
        extra += u32::from(enough);
        for role in left {
            play(plan, contract, &stage, role, round, &mut findings).await?;
        }
        ensure!(findings.total() > 0, "schemathesis sent nothing");
    }
    Ok(findings)
}

/// Everything once as one role.
async fn play(
    plan: &Plan,
    contract: &Contract,
    stage: &Stage,
    role: &'static str,
    round: u64,
    findings: &mut Findings,
) -> Result<()> {
    for part in Part::ALL {
        let operations = part.operations(contract, role);
        // Whoever may only look at requests has nothing on their desk.
        if part == Part::Desk && operations.len() < 2 {
            continue;
        }
        let name = format!("{role}-{round}-{}", part.name());
        let attempt = Attempt { name, role, seed: plan.seed + round, part, operations };
        let seen = attempt.make(plan, stage, &mut findings.broken).await?;
        findings.seen.entry(role).or_default().merge(seen);
    }
    Ok(())
}

/// Fails unless everything was as the document says and everybody got everywhere.
///
/// # Errors
/// Names what was not.
pub fn check(findings: &Findings, contract: &Contract) -> Result<()> {
    ensure!(findings.broken.is_empty(), "{}", findings.broken.join("\n"));
    let unreached: Vec<_> =
        findings.seen.keys().flat_map(|role| findings.unreached(contract, role)).collect();
    ensure!(unreached.is_empty(), "never a 2xx: {}", unreached.join(", "));
    Ok(())
}
