//! `countersign sessions`: ending the sessions of a person, in the configured store.

use std::process::ExitCode;

use anyhow::{Context, Result};
use countersign_kernel::Principal;
use countersign_usecases::sign_in::sign_out_everywhere;

use super::{configuration, say};
use crate::cli::SessionsCommand;
use crate::stores::Stores;

pub(super) async fn run(command: SessionsCommand) -> Result<ExitCode> {
    let SessionsCommand::End { principal, config } = command;
    let principal = Principal::parse(&principal)?;
    let stores = Stores::open(&configuration(&config)?.store).await.context("cannot open the store")?;
    let ended = sign_out_everywhere(&*stores.sessions, &principal).await;
    stores.close().await;
    say(format!("ended {} of `{principal}`", sessions(ended?)));
    Ok(ExitCode::SUCCESS)
}

fn sessions(number: u64) -> String {
    match number {
        1 => "1 session".to_owned(),
        other => format!("{other} sessions"),
    }
}
