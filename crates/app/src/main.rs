//! The binary `countersign`: configuration, wiring, workers, command line.
//!
//! **Architecture invariant:** nothing is decided here. This is the one crate that reads the environment, the host's clock and the
//! operating system's randomness, and the one that knows which adapter stands behind which port.

mod ambient;
mod cli;
mod client;
mod commands;
mod config;
#[cfg(feature = "crash")]
mod crash;
#[cfg(feature = "demo")]
mod demo;
mod ending;
mod identities;
mod logging;
mod master_keys;
mod metered;
mod named_tasks;
#[cfg(feature = "planted")]
mod planted;
mod run_tokens;
mod serve;
mod sign_in;
mod speech;
mod stores;
mod targets;
mod upkeep;
mod wiring;
mod workers;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // One TLS stack in the whole program; see docs/adr.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "the command line's errors go to standard error")]
    {
        eprintln!("countersign: {error:#}");
    }
    ExitCode::FAILURE
}
