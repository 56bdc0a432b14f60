//! `countersign policy`: check, explain and activate texts.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use countersign_mcp_tools::tools::standard_descriptors;
use countersign_policy::{Cell, Compiled, CompiledPolicy};
use countersign_usecases::services::catalog_of;

use super::say;
use crate::cli::{CellArgs, PolicyCommand};
use crate::client::grpc::Operator;

pub(super) async fn run(command: PolicyCommand) -> Result<ExitCode> {
    match command {
        PolicyCommand::Check { file } => check(&file),
        PolicyCommand::Explain { file, cell } => explain(&file, &cell),
        PolicyCommand::Activate { file, server } => {
            let text = read(&file)?;
            let answer = Operator::connect(&server).await?.activate_policy(text).await?;
            say(answer);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(file: &Path) -> Result<ExitCode> {
    match compile(&read(file)?) {
        Ok(compiled) => {
            for warning in &compiled.warnings {
                say(format!("warning: {}: {warning}", file.display()));
            }
            say(format!("{}: good, {}", file.display(), compiled.policy.digest()));
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            for error in errors.notices() {
                say(format!("error: {}: {error}", file.display()));
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn explain(file: &Path, cell: &CellArgs) -> Result<ExitCode> {
    let Compiled { policy, .. } = match compile(&read(file)?) {
        Ok(compiled) => compiled,
        Err(errors) => bail!("{}: {errors}", file.display()),
    };
    let explanation = policy.explain(&parse_cell(cell)?);
    say(serde_json::to_string_pretty(&explanation.to_json())?);
    Ok(ExitCode::SUCCESS)
}

fn compile(text: &str) -> Result<Compiled, countersign_policy::PolicyErrors> {
    // The tools Countersign brings, whatever a server has configured: a text is checked without one.
    CompiledPolicy::compile(text, &catalog_of(&standard_descriptors()))
}

fn parse_cell(cell: &CellArgs) -> Result<Cell> {
    Ok(Cell {
        project: cell.project.parse()?,
        agent_key: cell.agent_key.parse()?,
        run_label: cell.run_label.parse()?,
        runtime_mode: cell.runtime_mode.parse()?,
        tool: cell.tool.parse()?,
        action: cell.action.parse()?,
        environment: cell.environment.as_deref().map(str::parse).transpose()?,
    })
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}
