//! `countersign keys`: which sealed values need which master key, and wrapping them anew under the active one. Against the configured
//! store, without a server.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result};
use countersign_usecases::master_keys::{KeyUse, key_uses, rewrap_all};
use countersign_usecases::seal::Sealer;

use super::{configuration, say};
use crate::ambient::OsEntropy;
use crate::cli::KeysCommand;
use crate::config::Config;
use crate::master_keys;
use crate::stores::Stores;

pub(super) async fn run(command: KeysCommand) -> Result<ExitCode> {
    match command {
        KeysCommand::Status(args) => {
            let Opened { sealer, stores } = open(&configuration(&args)?).await?;
            let uses = key_uses(&*stores.upkeep).await.context("the sealed values can't be looked at")?;
            stores.close().await;
            lines(&sealer, &uses).iter().for_each(say);
            let openable = uses.keys().all(|id| sealer.ids().any(|known| known == id));
            Ok(if openable { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        KeysCommand::Rewrap(args) => rewrap(&configuration(&args)?).await,
    }
}

async fn rewrap(config: &Config) -> Result<ExitCode> {
    let Opened { sealer, stores } = open(config).await?;
    let done = rewrap_all(&*stores.upkeep, &sealer, &OsEntropy)
        .await
        .context("not everything was wrapped anew; run the command again")?;
    let uses = key_uses(&*stores.upkeep).await.context("the sealed values can't be looked at")?;
    stores.close().await;
    say(format!("{} wrapped anew under `{}`", values(done.rewrapped), sealer.active()));
    if done.overtaken > 0 {
        say(format!("{} settled or wrapped by somebody else meanwhile", values(done.overtaken)));
    }
    for left in &done.left {
        say(format!("left as it was: request {}: {}", left.request_id, left.why));
    }
    lines(&sealer, &uses).iter().for_each(say);
    let all = uses.keys().all(|id| id == sealer.active());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Opened {
    sealer: Sealer,
    stores: Stores,
}

async fn open(config: &Config) -> Result<Opened> {
    let sealer = master_keys::sealer(&config.sealing)?;
    let stores = Stores::open(&config.store).await.context("cannot open the store")?;
    Ok(Opened { sealer, stores })
}

/// One line for each master key that is configured or needed.
fn lines(sealer: &Sealer, uses: &BTreeMap<String, KeyUse>) -> Vec<String> {
    let mut all: BTreeMap<&str, KeyUse> = sealer.ids().map(|id| (id, KeyUse::default())).collect();
    all.extend(uses.iter().map(|(id, found)| (id.as_str(), found.clone())));
    let line = |(id, found): (&str, KeyUse)| {
        let configured = sealer.ids().any(|known| known == id);
        let standing = match (id == sealer.active(), configured, found.values) {
            (true, _, _) => "active",
            (false, true, 0) => "not needed: it may be removed once no server seals with it",
            (false, true, _) => "still needed: `countersign keys rewrap` wraps these anew",
            (false, false, _) => {
                "NOT CONFIGURED and needed: put it back into sealing.keys, or settle these requests"
            }
        };
        let mut line = format!("{id}: {}, {standing}", values(found.values));
        if !found.oldest.is_empty() && id != sealer.active() {
            line.push_str(&format!("\n  oldest requests: {}", found.oldest.join(", ")));
        }
        line
    };
    all.into_iter().map(line).collect()
}

fn values(count: u64) -> String {
    match count {
        1 => "1 sealed value".to_owned(),
        count => format!("{count} sealed values"),
    }
}
