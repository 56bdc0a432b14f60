//! `cargo xtask crash`: servers that die, and the oracle that looks what came of it.

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use countersign_suites::crash::cut::KeptBack;
use countersign_suites::crash::oracle::Invariant;
use countersign_suites::crash::points::{self, Replicas, Width};
use countersign_suites::crash::{cut, planted, random};
use countersign_testkit::planted::Plant;

/// Kill servers and see.
#[derive(Debug, Parser)]
struct Arguments {
    /// Every crash point of every action, first and second attempt, one and two replicas.
    #[arg(long)]
    points: bool,
    /// So many servers of two replicas killed at random moments.
    #[arg(long, value_name = "N")]
    random: Option<usize>,
    /// With `--random`: how often PostgreSQL itself is killed.
    #[arg(long, default_value_t = 20)]
    postgres_kills: usize,
    /// With `--random`: gives the same moments again.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// So many answers of each target kept back after the write.
    #[arg(long, value_name = "N")]
    cut: Option<usize>,
    /// Servers with a deliberate fault each, which must be noticed.
    #[arg(long)]
    planted: bool,
    /// With `--planted`: only this fault, such as `no_fence`.
    #[arg(long)]
    plant: Option<Plant>,
    /// With `--points`: stories at once on SQLite.
    #[arg(long, default_value_t = 12)]
    alone: usize,
    /// With `--points`: stories at once on PostgreSQL, with two servers each.
    #[arg(long, default_value_t = 8)]
    pairs: usize,
    /// With `--points`: only this story, such as `sync` or `restore`.
    #[arg(long)]
    story: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let Arguments { points: false, planted: false, random: None, cut: None, .. } = arguments else {
        return all(&arguments).await;
    };
    bail!("say what to do: --points, --random N, --cut N, --planted")
}

async fn all(arguments: &Arguments) -> Result<()> {
    if arguments.points {
        points(arguments).await?;
    }
    if arguments.planted {
        planted(arguments).await?;
    }
    if let Some(kills) = arguments.random {
        random(kills, arguments).await?;
    }
    if let Some(each) = arguments.cut {
        cut(each).await?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a suite ends by printing what it found")]
async fn planted(arguments: &Arguments) -> Result<()> {
    let began = now();
    let found = planted::run(arguments.plant).await?;
    for scene in &found {
        let mut invariants: Vec<_> = scene.with.iter().map(|broken| broken.invariant.name()).collect();
        invariants.dedup();
        println!("{:<24} caught by {}", scene.plant.as_str(), invariants.join(", "));
        for broken in &scene.without {
            println!("  and WITHOUT it: {broken}");
        }
    }
    let caught = found.iter().filter(|scene| scene.is_caught()).count();
    let total = found.len();
    println!("in {:.0} s: {caught} of {total} planted bugs caught", began.elapsed().as_secs_f64());
    ensure!(caught == total, "{} not caught", total - caught);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a suite ends by printing what it found")]
async fn points(arguments: &Arguments) -> Result<()> {
    let began = now();
    let width = Width { alone: arguments.alone, pairs: arguments.pairs };
    let tally = points::run(width, arguments.story.as_deref()).await?;
    println!("{:<16} {:<9} {:<8} recovered", "story", "replicas", "attempt");
    for ((theme, replicas, attempt), count) in &tally.played {
        let replicas = match replicas {
            Replicas::One => "one",
            Replicas::Two => "two",
        };
        println!("{theme:<16} {replicas:<9} {attempt:<8} {count}");
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

#[expect(clippy::print_stdout, reason = "a suite ends by printing what it found")]
async fn random(kills: usize, arguments: &Arguments) -> Result<()> {
    let (began, seed) = (now(), arguments.seed);
    println!("seed {seed}");
    let toll = random::run(kills, arguments.postgres_kills.min(kills), seed).await?;
    for broken in &toll.broken {
        println!("WRONG {broken}");
    }
    println!(
        "in {:.0} s, seed {seed}: {} kills of servers and {} of PostgreSQL, {} requests",
        began.elapsed().as_secs_f64(),
        toll.servers,
        toll.postgres,
        toll.requests
    );
    let count = |invariant| toll.count(invariant);
    println!(
        "{} lost, {} doubled, {} without approval, {} stuck, {} sealed values left; below {:.2} % with 95 % confidence",
        count(Invariant::NoEffectLost),
        count(Invariant::NoEffectTwice),
        count(Invariant::NoEffectWithoutApproval),
        count(Invariant::NothingStuck),
        count(Invariant::NoSealedValueLeft),
        100.0 * toll.upper_bound()
    );
    ensure!(toll.broken.is_empty(), "{} things are wrong", toll.broken.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a suite ends by printing what it found")]
async fn cut(each: usize) -> Result<()> {
    let began = now();
    let cuts = cut::run(each).await?;
    for broken in &cuts.broken {
        println!("WRONG {broken}");
    }
    for (target, kept_back) in &cuts.kept_back {
        let KeptBack { closed, reset, late } = kept_back;
        let total = kept_back.total();
        println!(
            "{target:<12} {total} answers kept back after the write: {closed} closed, {reset} reset, {late} late"
        );
    }
    println!(
        "in {:.0} s: {} requests, {} of them unknown for a while, {} things wrong",
        began.elapsed().as_secs_f64(),
        cuts.requests,
        cuts.unknown,
        cuts.broken.len()
    );
    ensure!(cuts.broken.is_empty(), "{} things are wrong", cuts.broken.len());
    Ok(())
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a suite measures how long it takes")]
    Instant::now()
}
