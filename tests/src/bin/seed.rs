//! `cargo xtask seed`: fills an empty PostgreSQL database with very much.

use anyhow::Result;
use clap::Parser;
use countersign_suites::seed::{Size, fill};

/// Fill a store.
#[derive(Debug, Parser)]
struct Arguments {
    /// An empty database, as its superuser: `postgres://user:password@host:port/database`.
    #[arg(long, env = "COUNTERSIGN_SEED_URL", hide_env_values = true)]
    url: String,
    /// How many requests, a multiple of ten.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u32,
    /// How many events, roughly.
    #[arg(long, default_value_t = 5_000_000)]
    events: u32,
    /// Another number, other requests.
    #[arg(long, default_value_t = 1)]
    seed: i64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { url, requests, events, seed } = Arguments::parse();
    fill(&url, Size { requests, events, seed }, &mut say).await
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "filling takes minutes; one likes to see how far it is")]
    {
        println!("{line}");
    }
}
