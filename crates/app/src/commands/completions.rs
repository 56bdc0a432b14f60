//! `countersign completions`: what makes a shell complete the command line.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::say;
use crate::cli::Cli;

pub(super) fn run(shell: Shell) -> Result<ExitCode> {
    say(script(shell)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> Result<String> {
    let mut bytes = Vec::new();
    generate(shell, &mut Cli::command(), "countersign", &mut bytes);
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell).unwrap();
            for word in ["approvals", "resolve-unknown", "watch", "plain-http"] {
                assert!(script.contains(word), "{shell}: `{word}`");
            }
        }
    }
}
