//! Everything that has to hold before a change lands, cheapest first, so that a mistake shows early.

mod outside;

use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;

use crate::{
    crash, generate, image, layers, programs, shell,
    steps::{self, Done, Step},
    test,
    workspace::{self, FEATURES},
};

/// Arguments of `ci`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install what is missing: npm, cargo-deny, Chromium, Docker (and start it); build the PostgreSQL image.
    #[arg(long)]
    install: bool,
    /// Only these steps.
    #[arg(long, value_delimiter = ',', value_parser = names())]
    only: Vec<String>,
    /// All but these steps.
    #[arg(long, value_delimiter = ',', value_parser = names())]
    skip: Vec<String>,
}

/// Runs the steps and prints how long each took.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut steps = all(args.install);
    steps.retain(|step| args.only.is_empty() || args.only.iter().any(|name| name == step.name));
    steps.retain(|step| !args.skip.iter().any(|name| name == step.name));
    steps::run_all(&steps)
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(all(false).into_iter().map(|step| step.name))
}

fn all(install: bool) -> Vec<Step> {
    vec![
        Step::new("fmt", 30, || shell::run(workspace::cargo().args(["fmt", "--all", "--check"]))),
        Step::new("layers", 60, layers::run),
        Step::new("migrations", 5, || generate::verify_migrations(&generate::migrations())),
        Step::that_may_be_left_out("proto", 60, move || outside::proto(install)),
        Step::that_may_be_left_out("openapi", 120, move || outside::openapi(install)),
        // Seconds, but for the first time on a machine, when cargo-deny is built.
        Step::that_may_be_left_out("deny", 600, move || outside::deny(install)),
        Step::new("clippy", 900, clippy),
        Step::new("doc", 300, doc),
        Step::new("alone", 600, alone),
        Step::new("image", 300, move || image::ensure(install)),
        Step::new("gen", 480, || generate::run(&generate::Args { check: true, copies_only: false })),
        Step::new("example", 300, programs::example),
        Step::new("demo", 600, || programs::demo(&programs::DemoArgs { stay: false })),
        Step::new("crash-absent", 300, crash::absent),
        Step::new("crash-planted", 180, || crash::play(&["--planted"])),
        Step::new("crash-points", 1800, || crash::play(&["--points"])),
        Step::new("crash-random", 900, || crash::play(&["--random", "300"])),
        Step::new("crash-cut", 420, || crash::play(&["--cut", "100"])),
        Step::that_may_be_left_out("rest", 600, move || outside::rest(install)),
        Step::that_may_be_left_out("browser", 600, move || outside::browser(install)),
        Step::new("test", 1800, move || test::run(&test::Args { install, rest: Vec::new() })),
        Step::that_may_be_left_out("clean-tree", 5, clean_tree),
    ]
}

fn clippy() -> Result<()> {
    // The scratch program of `gen` is code of ours as well.
    let features = format!("{FEATURES},xtask/scratch");
    let mut command = workspace::cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--features", &features, "--", "-D", "warnings"]);
    shell::run(&mut command)
}

fn doc() -> Result<()> {
    let mut command = workspace::cargo();
    command.env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--features",
        FEATURES,
    ]);
    shell::run(&mut command)
}

/// Each library has to compile with its own features only, as it does for somebody who takes that one crate.
fn alone() -> Result<()> {
    let metadata = workspace::metadata()?;
    for package in metadata.workspace_packages() {
        if package.targets.iter().any(|target| target.is_lib()) {
            shell::run(workspace::cargo().args(["check", "--quiet", "--package", &package.name]))
                .with_context(|| format!("`{}` does not compile alone", package.name))?;
        }
    }
    Ok(())
}

/// Tests and generators that write into the repository would go unnoticed otherwise, such as snapshots that were accepted on the fly.
fn clean_tree() -> Result<Done> {
    if shell::variable("CI").is_none() {
        println!("only checked where CI is set: here the tree may hold work in progress");
        return Ok(Done::LeftOut);
    }
    let status =
        shell::read(Command::new("git").current_dir(workspace::root()).args(["status", "--porcelain"]))?;
    if !status.trim().is_empty() {
        bail!("the run has changed files of the repository:\n{status}");
    }
    Ok(Done::Checked)
}
