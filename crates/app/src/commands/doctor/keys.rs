//! Keys and identities: read one by one, as the server would, so that each bad one is told.

use std::collections::BTreeMap;

use anyhow::Result;
use countersign_usecases::master_keys::key_uses;

use super::findings::Findings;
use crate::config::secret::SecretSource;
use crate::config::{Config, IdentityConfig, RunTokenConfig, SealingConfig};
use crate::identities::ConfiguredIdentities;
use crate::master_keys;
use crate::run_tokens::PasetoRunTokens;
use crate::stores::Stores;

pub(super) fn look(config: &Config, findings: &mut Findings) {
    let Config { run_tokens, sealing, .. } = config;
    let advice = "mend the file or variable it names; `countersign token master-key` makes a new key, but what is sealed with the old one needs the old one";
    let alone = |keys, active| master_keys::sealer(&SealingConfig { active, keys }).map(drop);
    look_at_keys("sealing", (&sealing.keys, &sealing.active), alone, advice, findings);

    let advice = "mend the file or variable it names; `countersign token run-key` makes a new key";
    let alone = |keys, active| {
        PasetoRunTokens::from_config(&RunTokenConfig { active, keys, ..run_tokens.clone() }).map(drop)
    };
    look_at_keys("run_tokens", (&run_tokens.keys, &run_tokens.active), alone, advice, findings);
    look_at_identities(&config.identities, findings);
}

/// Whether each sealed value in the store can be opened with what is configured.
pub(super) async fn look_in_store(sealing: &SealingConfig, stores: &Stores, findings: &mut Findings) {
    let uses = match key_uses(&*stores.upkeep).await {
        Ok(uses) => uses,
        // The store itself has been asked before; a role that may not read these rows is a finding of its own.
        Err(error) => {
            let advice = "give the role the rights docs/operations.md lists";
            findings.bad("sealed values", error, advice);
            return;
        }
    };
    let before = findings.bad_ones();
    for (id, found) in uses.iter().filter(|(id, _)| !sealing.keys.contains_key(*id)) {
        let (values, oldest) = (found.values, found.oldest.join(", "));
        let seen = format!(
            "`{id}` is not among sealing.keys and needed for {values} of them, such as those of request {oldest}"
        );
        let advice =
            "put the key back into sealing.keys; if it is lost, settle these requests (docs/operations.md)";
        findings.bad("sealed values", seen, advice);
    }
    if findings.bad_ones() == before {
        let values: u64 = uses.values().map(|found| found.values).sum();
        findings.good("sealed values", format!("{values} stored, none of a master key that is missing"));
    }
}

/// Tries each key as if it were the only one.
fn look_at_keys(
    what: &str,
    (keys, active): (&BTreeMap<String, SecretSource>, &String),
    alone: impl Fn(BTreeMap<String, SecretSource>, String) -> Result<()>,
    advice: &str,
    findings: &mut Findings,
) {
    let before = findings.bad_ones();
    for (id, source) in keys {
        if let Err(error) = alone(BTreeMap::from([(id.clone(), source.clone())]), id.clone()) {
            findings.bad(&format!("{what}.keys.{id}"), format!("{error:#}"), advice);
        }
    }
    if !keys.contains_key(active) {
        let seen = format!("names `{active}`, which is not among {what}.keys");
        findings.bad(&format!("{what}.active"), seen, "name one of the keys, or add the one it names");
    }
    if findings.bad_ones() == before {
        let ids: Vec<_> = keys.keys().map(|id| format!("`{id}`")).collect();
        findings.good(what, format!("can read {}; `{active}` is active", ids.join(", ")));
    }
}

fn look_at_identities(identities: &BTreeMap<String, IdentityConfig>, findings: &mut Findings) {
    let advice = "make one with `countersign token new` and put its lines into the configuration";
    if identities.is_empty() {
        findings.bad("identities", "nobody can decide or register runs", advice);
        return;
    }
    let before = findings.bad_ones();
    for (name, identity) in identities {
        let alone = BTreeMap::from([(name.clone(), identity.clone())]);
        if let Err(error) = ConfiguredIdentities::from_config(&alone) {
            findings.bad("identities", format!("{error:#}"), advice);
        }
    }
    if findings.bad_ones() > before {
        return;
    }
    match ConfiguredIdentities::from_config(identities) {
        Ok(_) => findings.good("identities", format!("{} with a token", identities.len())),
        Err(error) => findings.bad("identities", format!("{error:#}"), advice),
    }
}
