//! `countersign migrate`: bring the store's tables up to this version.

use std::process::ExitCode;

use anyhow::{Context, Result};

use super::say;
use crate::config::Config;
use crate::stores;

pub(super) async fn run(config: &Config) -> Result<ExitCode> {
    stores::migrate(&config.store).await.context("the store could not be migrated")?;
    say("the store is up to date");
    Ok(ExitCode::SUCCESS)
}
