//! Commands that start a program of the workspace and pass their arguments on: the demo, the suites, the benchmarks.

use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    image, shell,
    workspace::{self, FEATURES},
};

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
}

impl Bench {
    fn program(self) -> &'static str {
        match self {
            Bench::Calls => "bench-calls",
        }
    }
}

/// Plays the demo.
pub(crate) fn demo(args: &DemoArgs) -> Result<()> {
    let mut command = program("countersign", &[]);
    command.arg("demo");
    if args.stay {
        command.arg("--stay");
    }
    shell::run(&mut command)
}

/// Runs one black-box suite; servers of its own come from the workspace's build, unless it is pointed at a deployment.
pub(crate) fn suite(args: &SuiteArgs) -> Result<()> {
    let own_servers = !args.rest.iter().any(|arg| arg == "--server" || arg.starts_with("--server="));
    let mut command = program("suite", &[]);
    if own_servers {
        image::ensure(false)?;
        build_programs(&[])?;
        command.env("COUNTERSIGN_BIN", workspace::target().join("debug/countersign"));
    }
    shell::run(command.arg(args.suite.name()).args(&args.rest))
}

/// Runs one benchmark, optimized.
pub(crate) fn bench(args: &BenchArgs) -> Result<()> {
    image::ensure(false)?;
    build_programs(&["--release"])?;
    let mut command = program(args.what.program(), &["--release"]);
    command.env("COUNTERSIGN_BIN", workspace::target().join("release/countersign"));
    shell::run(command.args(&args.rest))
}

fn build_programs(options: &[&str]) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["build", "--workspace", "--bin", "countersign", "--features", FEATURES]).args(options);
    shell::run(&mut command)
}

/// `cargo run` of one binary without `-p`: cargo then settles the features of the whole workspace, and what one command has compiled
/// serves the others.
fn program(name: &str, options: &[&str]) -> Command {
    let mut command = workspace::cargo();
    command.args(["run", "--bin", name, "--features", FEATURES]).args(options).arg("--");
    command
}
