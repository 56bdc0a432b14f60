//! `countersign doctor`: look at everything a server needs, and say what to do about what is wrong.
//!
//! Each part is looked at on its own, so that one run tells of everything that is wrong. What can't be looked at because of something else
//! that is wrong, or because nothing tells what to look for, is said, too.

mod findings;
mod keys;
mod places;
mod policy;
mod sign_in;
mod speech;
mod store;
mod targets;

use std::process::ExitCode;

use anyhow::Result;

use super::say;
use crate::config::Config;
use findings::Findings;

pub(super) async fn run(config: &Config) -> Result<ExitCode> {
    let mut findings = Findings::default();
    findings.good("configuration", "read");
    keys::look(config, &mut findings);
    sign_in::look(config, &mut findings).await;
    speech::look(config, &mut findings).await;
    let stores = store::look(config, &mut findings).await;
    match &stores {
        Some(stores) => keys::look_in_store(&config.sealing, stores, &mut findings).await,
        None => findings.note("sealed values", "not looked at: see store"),
    }
    let clients = targets::make(&config.targets, &mut findings).await;
    let policy = policy::look(config, stores.as_ref(), &clients, &mut findings).await;
    targets::ask(&clients, policy.as_ref(), &mut findings).await;
    if let Some(stores) = stores {
        stores.close().await;
    }
    match findings.bad_ones() {
        0 => {
            say("\nall is well");
            Ok(ExitCode::SUCCESS)
        }
        bad => {
            say(format!("\n{bad} to mend"));
            Ok(ExitCode::FAILURE)
        }
    }
}
