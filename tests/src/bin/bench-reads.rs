//! `cargo xtask bench reads`: how quickly the pages that staff read are there when there is very much, each kind by itself at a steady rate.
//!
//! An open loop: a page is asked for when it is due, whether or not those before it have been answered, and what counts is the time from
//! then until the last byte. A server that falls behind shows it. Every kind is read for a while before the first one is measured: what is
//! measured is a server at work, not one that opens its connections and plans its statements.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use countersign_suites::process::Site;
use countersign_suites::reads::{Pages, Reader, pages};
use countersign_suites::store::Store;
use tokio::task::JoinSet;

/// Connections of the server.
const POOL_SIZE: &str = "16";

/// Measure reading.
#[derive(Debug, Parser)]
struct Arguments {
    /// A store that `cargo xtask seed` filled.
    #[arg(long, env = "COUNTERSIGN_SEED_URL", hide_env_values = true)]
    url: String,
    /// Pages a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// For how many seconds each kind of page is measured. For a fifth of it each is read before the first, and once more before its own turn.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Only kinds of pages that are called like this; may be given several times.
    #[arg(long)]
    only: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { url, rate, seconds, only } = Arguments::parse();
    let site = Site::prepare(Store::Postgres { url: url.clone() }).await?;
    let variables = [
        ("COUNTERSIGN_LOG__FILTER", "warn"),
        ("COUNTERSIGN_STORE__POOL_SIZE", POOL_SIZE),
        ("COUNTERSIGN_HTTP__REQUESTS_PER_MINUTE", "1000000"),
        // The watcher would look for a million targets that nobody has.
        ("COUNTERSIGN_WATCH__INTERVAL_S", "0"),
    ];
    let server = site.start_with("server", &variables).await?;
    let reader = Reader::new(&server.http, &site.deployment(&server).approver_token);
    say(&format!("{rate} pages a second, {seconds} s each, pool {POOL_SIZE}"));
    say(&format!(
        "{:<21} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "page", "p50 ms", "p95 ms", "p99 ms", "max ms", "p99 <="
    ));
    let all = pages(&url, &reader).await?;
    let wanted = |pages: &&Pages| only.is_empty() || only.iter().any(|one| one == pages.name);
    let (warm_up, measured) = (rate * seconds / 5, rate * seconds);
    for pages in all.iter().filter(wanted) {
        ask(&reader, pages, rate, warm_up).await?;
    }
    for pages in all.iter().filter(wanted) {
        ask(&reader, pages, rate, warm_up).await?;
        let took = ask(&reader, pages, rate, measured).await?;
        let of = |percent| percentile_ms(&took, percent);
        let good = if of(99) <= pages.within_ms { "yes" } else { "NO" };
        say(&format!(
            "{:<21} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8} {good}",
            pages.name,
            of(50),
            of(95),
            of(99),
            of(100),
            pages.within_ms
        ));
    }
    Ok(())
}

/// How long each of so many pages took from when it was due, in ascending order.
async fn ask(reader: &Reader, pages: &Pages, rate: u32, count: u32) -> Result<Vec<Duration>> {
    let began = now();
    let mut asked = JoinSet::new();
    for number in 0..count {
        let due = began + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        let path = pages.paths[usize::try_from(number)? % pages.paths.len()].clone();
        let reader = reader.clone();
        asked.spawn(async move {
            reader.read(&path).await?;
            anyhow::Ok(due.elapsed())
        });
    }
    let mut took = Vec::new();
    while let Some(read) = asked.join_next().await {
        took.push(read.context("a reader failed")??);
    }
    took.sort();
    Ok(took)
}

fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures elapsed time")]
    Instant::now()
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
    {
        println!("{line}");
    }
}
