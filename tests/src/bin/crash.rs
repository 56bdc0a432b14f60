//! `cargo xtask crash`: servers that die, and the oracle that looks what came of it.

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use countersign_suites::crash::points::{self, Replicas, Width};

/// Kill servers and see.
#[derive(Debug, Parser)]
struct Arguments {
    /// Every crash point of every action, first and second attempt, one and two replicas.
    #[arg(long)]
    points: bool,
    /// With `--points`: stories at once on SQLite.
    #[arg(long, default_value_t = 12)]
    alone: usize,
    /// With `--points`: stories at once on PostgreSQL, with two servers each.
    #[arg(long, default_value_t = 8)]
    pairs: usize,
    /// With `--points`: only this action, such as `sync`.
    #[arg(long)]
    action: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if !arguments.points {
        bail!("say what to do: --points");
    }
    points(&arguments).await
}

#[expect(clippy::print_stdout, reason = "a suite ends by printing what it found")]
async fn points(arguments: &Arguments) -> Result<()> {
    let began = now();
    let width = Width { alone: arguments.alone, pairs: arguments.pairs };
    let tally = points::run(width, arguments.action.as_deref()).await?;
    println!("{:<28} {:<9} {:<9} {:<8} recovered", "tool", "action", "replicas", "attempt");
    for ((cell, replicas, attempt), count) in &tally.played {
        let replicas = match replicas {
            Replicas::One => "one",
            Replicas::Two => "two",
        };
        println!("{:<28} {:<9} {replicas:<9} {attempt:<8} {count}", cell.tool, cell.action);
    }
    for wrong in &tally.wrong {
        println!("WRONG {wrong}");
    }
    for missed in &tally.missed {
        println!("MISSED {missed}");
    }
    let total = tally.total() + tally.missed.len();
    let recovered = tally.total() - tally.wrong.len().min(tally.total());
    println!("in {:.0} s: {recovered} of {total} recovered", began.elapsed().as_secs_f64());
    points::check(&tally)
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a suite measures how long it takes")]
    Instant::now()
}
