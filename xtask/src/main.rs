//! `cargo xtask …`: everything a developer or CI runs, in one place and in Rust, so that a fresh machine needs no other tool.
//!
//! It drives `cargo`, `docker`, `npm` for checkers of others and, where it has to build the database image, `debootstrap`; it links
//! no database driver and none of our own crates, so that it is ready in seconds. Nothing here decides anything about the product.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod browser;
mod ci;
mod contract;
mod crash;
mod generate;
mod image;
mod layers;
mod machine;
mod postgres;
mod programs;
mod shell;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything a developer or CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays the whole story on the embedded default with simulated targets.
    Demo(programs::DemoArgs),
    /// Runs all tests, PostgreSQL included; each suite has a time budget.
    Test(test::Args),
    /// Runs every check and then all tests.
    Ci(ci::Args),
    /// Checks which crate may depend on which, and where each technology lives.
    Layers,
    /// Writes the files that are made from others; with `--check`, fails when one of them has drifted.
    Gen(generate::Args),
    /// Makes the PostgreSQL image available that the tests and benchmarks use.
    Image(image::Args),
    /// Runs the deny, approve or timeout suite, also against a deployment of your own.
    Suite(programs::SuiteArgs),
    /// Holds the REST surface, or an adapter's requests, against its description: `rest` (needs Python), `github` (needs node and npm).
    Contract(contract::Args),
    /// Has a real browser do what staff do; installs what is missing as root or with `--install`.
    Browser(browser::Args),
    /// Takes a picture of every page of the console, in both themes and both languages.
    Screenshots(browser::ScreenshotArgs),
    /// Kills servers at every point and at random, cuts answers, plants faults, and looks what came of it.
    Crash(crash::Args),
    /// Measures: `calls`, or `reads` on a store that `seed` filled.
    Bench(programs::BenchArgs),
    /// Fills a PostgreSQL store with a million requests and five million events, to be looked at or measured.
    Seed(programs::SeedArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => programs::demo(&args),
        Command::Test(args) => test::run(&args),
        Command::Ci(args) => ci::run(&args),
        Command::Layers => layers::run(),
        Command::Gen(args) => generate::run(&args),
        Command::Image(args) => image::ensure(args.install),
        Command::Suite(args) => programs::suite(&args),
        Command::Contract(args) => contract::run(&args),
        Command::Browser(args) => browser::run(&args),
        Command::Screenshots(args) => browser::screenshots(&args),
        Command::Crash(args) => crash::run(&args),
        Command::Bench(args) => programs::bench(&args),
        Command::Seed(args) => programs::seed(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace, whatever the environment says: the message names what to do.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
