//! Commands that start a program of the workspace and pass their arguments on: the demo, the suites, the benchmarks.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    image,
    postgres::Server,
    shell,
    workspace::{self, FEATURES, RELEASE_FEATURES},
};

pub(crate) enum Profile {
    Debug,
    Release,
}

/// Arguments of `demo`.
#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// Leave the server running and print how to act on it by hand.
    #[arg(long)]
    pub(crate) stay: bool,
}

/// Arguments of `suite`.
#[derive(clap::Args)]
pub(crate) struct SuiteArgs {
    /// Which outcome to test.
    suite: Suite,
    /// Passed on, such as `--server URL --tokens FILE` for a deployment of your own.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    Deny,
    Approve,
    Timeout,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Suite::Deny => "deny",
            Suite::Approve => "approve",
            Suite::Timeout => "timeout",
        }
    }
}

/// Arguments of `bench`.
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// What to measure.
    what: Bench,
    /// Passed on to the benchmark.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bench {
    Calls,
    Reads,
}

impl Bench {
    fn program(self) -> &'static str {
        match self {
            Bench::Calls => "bench-calls",
            Bench::Reads => "bench-reads",
        }
    }
}

/// Arguments of `seed`.
#[derive(clap::Args)]
pub(crate) struct SeedArgs {
    /// An empty database, as its superuser; without one, PostgreSQL is started in a container, which stays.
    #[arg(long, env = "COUNTERSIGN_SEED_URL", hide_env_values = true)]
    url: Option<String>,
    /// Passed on, such as `--requests 10000 --events 50000`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Plays the demo.
pub(crate) fn demo(args: &DemoArgs) -> Result<()> {
    let folder = build(Profile::Debug, &["countersign"])?;
    let mut command = Command::new(folder.join("countersign"));
    command.arg("demo");
    if args.stay {
        command.arg("--stay");
    }
    shell::run(&mut command)
}

/// Runs one black-box suite, against a server of its own on SQLite unless it is pointed at a deployment. `test` runs them on PostgreSQL.
pub(crate) fn suite(args: &SuiteArgs) -> Result<()> {
    let own_servers = !args.rest.iter().any(|arg| arg == "--server" || arg.starts_with("--server="));
    let folder = build(Profile::Debug, if own_servers { &["suite", "countersign"] } else { &["suite"] })?;
    let mut command = Command::new(folder.join("suite"));
    shell::run(command.arg(args.suite.name()).args(&args.rest))
}

/// Runs one benchmark, optimized.
pub(crate) fn bench(args: &BenchArgs) -> Result<()> {
    image::ensure(false)?;
    let folder = build(Profile::Release, &[args.what.program(), "countersign"])?;
    shell::run(Command::new(folder.join(args.what.program())).args(&args.rest))
}

/// Fills a store with very much, by servers and programs as they are released.
pub(crate) fn seed(args: &SeedArgs) -> Result<()> {
    let folder = build(Profile::Release, &["seed", "countersign"])?;
    let url = match &args.url {
        Some(url) => url.clone(),
        None => {
            image::ensure(false)?;
            Server::start_to_stay()?
        }
    };
    // Not among the arguments, where everybody on the machine could read the password.
    shell::run(Command::new(folder.join("seed")).env("COUNTERSIGN_SEED_URL", &url).args(&args.rest))
}

/// Runs the program of docs/examples/embed.
pub(crate) fn example() -> Result<()> {
    let folder = build(Profile::Debug, &["countersign-example-embed"])?;
    shell::run(&mut Command::new(folder.join("countersign-example-embed")))
}

/// Builds programs of the workspace, of which the server is looked for beside whoever starts it, and tells in which folder they are. They are then started from the folder one is in, so that paths
/// among their arguments mean what they say.
pub(crate) fn build(profile: Profile, names: &[&str]) -> Result<PathBuf> {
    let features = match profile {
        Profile::Debug => FEATURES,
        Profile::Release => RELEASE_FEATURES,
    };
    let mut command = workspace::cargo();
    command.args(["build", "--workspace", "--features", features]);
    for name in names {
        command.args(["--bin", name]);
    }
    let folder = match profile {
        // Asking for examples, whether there are any or not, has cargo count in what tests depend on when it settles the features of
        // each dependency: all commands then share one build of them, where this one and `test` would each make their own.
        Profile::Debug => {
            command.arg("--examples");
            "debug"
        }
        // Measured is what a release holds.
        Profile::Release => {
            command.arg("--release");
            "release"
        }
    };
    shell::run(&mut command)?;
    Ok(workspace::target().join(folder))
}
