//! The commands of the command line, one file each.

mod approvals;
mod completions;
mod databases;
mod doctor;
mod guard;
mod keys;
mod migrate;
mod policy;
mod sessions;
mod token;

#[cfg(feature = "demo")]
pub(crate) use approvals::shown::shown;
#[cfg(feature = "demo")]
pub(crate) use token::Bearer;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::{Cli, Command, ConfigArgs};
use crate::config::{Config, embedded, load};
use crate::{logging, serve};

/// Runs a command; the exit code is its answer.
///
/// # Errors
/// The command could not be carried out.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => {
            let config = configuration(&args)?;
            logging::start(&config.log)?;
            serve::serve(config).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate(args) => migrate::run(&configuration(&args)?).await,
        Command::Policy(command) => policy::run(command).await,
        Command::Token(command) => token::run(command),
        Command::Keys(command) => keys::run(command).await,
        Command::Sessions(command) => sessions::run(command).await,
        Command::Approvals(command) => Ok(approvals::run(&command).await.into()),
        Command::Guard(command) => guard::run(&command),
        Command::Databases(command) => databases::run(command).await,
        Command::Doctor(args) => doctor::run(&configuration(&args)?).await,
        Command::Completions { shell } => completions::run(shell),
        #[cfg(feature = "demo")]
        Command::Demo { stay } => crate::demo::run(stay).await,
    }
}

fn configuration(args: &ConfigArgs) -> Result<Config> {
    match (&args.config, &args.embedded) {
        (Some(file), _) => load::from_file(file),
        (None, Some(dir)) => embedded::prepare(dir),
        (None, None) => None.context("name a configuration with --config FILE or --embedded DIR"),
    }
}

/// Prints a line of a command's answer. A reader that has gone away (`| head`) wants no more of it.
pub(crate) fn say(line: impl std::fmt::Display) {
    told(line);
}

/// The same; whether anybody still reads it.
fn told(line: impl std::fmt::Display) -> bool {
    writeln!(std::io::stdout(), "{line}").is_ok()
}
