//! `cargo xtask bench calls`: what a durable, audited call costs, beside the floor of the same rows in the same run.
//!
//! The call is the question tool over gRPC: token, arguments, policy, request, paused run, events, one commit before the reply. The floor
//! writes the very rows such a call left, with new ids, in one prepared statement per call, on as many connections as the server has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use countersign_suites::clients::{Agent, Parties};
use countersign_suites::floor::Floor;
use countersign_suites::process::Site;
use countersign_suites::store::PgServer;
use serde_json::json;
use tokio::task::JoinSet;

/// Connections of the server, and of the floor.
const POOL_SIZE: u32 = 16;

/// Measure calls.
#[derive(Debug, Parser)]
struct Arguments {
    /// Calls measured for each number of clients.
    #[arg(long, default_value_t = 2000)]
    calls: usize,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    clients: Vec<usize>,
}

/// What was measured: the whole time, and each call's.
struct Measured {
    whole: Duration,
    each: Vec<Duration>,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.each.len() as f64 / self.whole.as_secs_f64()
    }

    fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.each.clone();
        sorted.sort();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let postgres = PgServer::start().await?;
    let store = postgres.store("bench").await?;
    let site = Site::prepare(store.clone()).await?;
    let pool = POOL_SIZE.to_string();
    let variables = [("COUNTERSIGN_LOG__FILTER", "warn"), ("COUNTERSIGN_STORE__POOL_SIZE", pool.as_str())];
    let server = site.start_with("server", &variables).await?;
    let parties = Parties::connect(&site.deployment(&server)).await?;
    say(&format!("pool {POOL_SIZE}, {} calls each, fsync on", arguments.calls));
    say("clients   calls/s   p50 ms   p99 ms   floor/s   p50 ms   p99 ms   calls to floor");
    for clients in arguments.clients {
        let agents = register(&parties, clients, arguments.calls).await?;
        let called =
            measure(clients, agents, |agent, number| async move { call(&agent, number).await }).await?;
        let template = format!("bench-{clients}-0");
        let first_number = clients * 1_000_000;
        let floor = Floor::prepare(&store, POOL_SIZE, &template, arguments.calls, first_number).await?;
        let floor = Arc::new(floor);
        let floors = vec![floor; arguments.calls];
        let written =
            measure(clients, floors, |floor, number| async move { floor.write(number).await }).await?;
        say(&format!(
            "{clients:>7} {:>9.0} {:>8.2} {:>8.2} {:>9.0} {:>8.2} {:>8.2} {:>10.2}",
            called.per_second(),
            called.percentile_ms(50),
            called.percentile_ms(99),
            written.per_second(),
            written.percentile_ms(50),
            written.percentile_ms(99),
            called.per_second() / written.per_second(),
        ));
    }
    Ok(())
}

/// A run for each call: an agent waits after a call, so that one run seldom makes many at once.
async fn register(parties: &Parties, clients: usize, calls: usize) -> Result<Vec<Agent>> {
    let mut agents = Vec::with_capacity(calls);
    for chunk in (0..calls).collect::<Vec<_>>().chunks(16) {
        let mut registering = JoinSet::new();
        for number in chunk {
            let (parties, number) = (parties.clone(), *number);
            registering.spawn(async move {
                parties.agent(&format!("bench-{clients}-{number}"), "patient", "run:ops").await
            });
        }
        while let Some(agent) = registering.join_next().await {
            agents.push(agent??);
        }
    }
    Ok(agents)
}

async fn call(agent: &Agent, number: usize) -> Result<()> {
    let question = json!({
        "question": format!("Shall call number {number} be measured?"), "options": ["Yes", "No"],
    });
    agent.call("mcp_owner_feedback_request", &question).await?;
    Ok(())
}

/// Does each piece of work once, so many at a time.
async fn measure<T, F>(
    clients: usize,
    work: Vec<T>,
    act: impl Fn(T, usize) -> F + Copy + Send + 'static,
) -> Result<Measured>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let work = Arc::new(work);
    let next = Arc::new(AtomicUsize::new(0));
    let began = now();
    let mut busy = JoinSet::new();
    for _ in 0..clients {
        let (work, next) = (Arc::clone(&work), Arc::clone(&next));
        busy.spawn(async move {
            let mut each = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = work.get(number).cloned() else { return anyhow::Ok(each) };
                let began = now();
                act(item, number).await?;
                each.push(began.elapsed());
            }
        });
    }
    let mut each = Vec::new();
    while let Some(done) = busy.join_next().await {
        each.extend(done.context("a client failed")??);
    }
    Ok(Measured { whole: began.elapsed(), each })
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
