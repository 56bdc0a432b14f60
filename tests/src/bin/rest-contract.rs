//! `cargo xtask contract rest`: schemathesis against a server, as each role.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use countersign_suites::rest_contract::{self, Contract, Plan};

/// Hold the REST surface against its document.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program `schemathesis`.
    #[arg(long)]
    schemathesis: PathBuf,
    /// The document.
    #[arg(long)]
    document: PathBuf,
    /// Where the reports go.
    #[arg(long)]
    reports: PathBuf,
    /// As whoever has this role only, such as `approver`.
    #[arg(long)]
    role: Option<String>,
    /// At least so many requests.
    #[arg(long, default_value_t = 5000)]
    requests: usize,
    /// Gives the same requests again, as far as the answers are the same.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a suite ends by printing what it found")]
async fn main() -> Result<()> {
    let Arguments { schemathesis, document, reports, role, requests, seed } = Arguments::parse();
    let (program, folder) = (std::path::absolute(schemathesis)?, std::path::absolute(reports)?);
    let plan = Plan { program, role, requests, seed, folder };
    let contract = Contract::read(&document)?;
    let findings = rest_contract::run(&plan, &contract).await?;
    for (role, count) in findings.requests() {
        println!("{role:<10} {count:>7} requests");
    }
    println!("{} requests, {} of them accepted", findings.total(), findings.accepted());
    rest_contract::check(&findings, &contract)
}
