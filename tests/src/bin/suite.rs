//! `cargo xtask suite deny|approve|timeout [--server URL --tokens FILE]`: one suite, against a server of its own or one of yours.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use countersign_suites::deployment::Deployment;
use countersign_suites::process::Site;
use countersign_suites::store::Store;
use countersign_suites::suites::{self, Suite};
use countersign_suites::table::Table;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Deny,
    Approve,
    Timeout,
}

/// Run one suite.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which suite.
    which: Which,
    /// The gRPC address of a server of yours; without it the suite starts one on SQLite with simulated targets.
    #[arg(long, requires = "tokens")]
    server: Option<String>,
    /// A TOML file with tokens and names; docs/operations.md shows one.
    #[arg(long, requires = "server")]
    tokens: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let suite = match arguments.which {
        Which::Deny => Suite::Deny,
        Which::Approve => Suite::Approve,
        Which::Timeout => Suite::Timeout,
    };
    let tag = format!("s{}", std::process::id());
    let (table, store) = match (arguments.server, arguments.tokens) {
        (Some(server), Some(tokens)) => {
            let text = std::fs::read_to_string(&tokens)
                .with_context(|| format!("cannot read `{}`", tokens.display()))?;
            let mut table = Table::on(&["deployment"]);
            let deployment = Deployment::from_toml(&text, &server)?;
            suites::run(suite, &deployment, "deployment", &tag, &mut table).await?;
            (table, "deployment")
        }
        (None, None) => {
            let site = Site::prepare(Store::Sqlite).await?;
            let process = site.start("server").await?;
            let mut table = Table::on(&["sqlite"]);
            suites::run(suite, &site.deployment(&process), "sqlite", &tag, &mut table).await?;
            (table, "sqlite")
        }
        (Some(_), None) | (None, Some(_)) => bail!("--server and --tokens go together"),
    };
    #[expect(clippy::print_stdout, reason = "a suite ends by printing its table")]
    {
        println!("{} on {store}:\n{table}", suite.name());
    }
    table.check(|cell| suite.expected(cell))
}
