//! People and services that hold bearer tokens. Only hashes of tokens are known.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use countersign_kernel::{Principal, Proof};
use countersign_usecases::Identity;
use countersign_usecases::access::{BearerDirectory, BearerIdentity, Role};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::IdentityConfig;

struct Known {
    hash: [u8; 32],
    identity: BearerIdentity,
}

/// The configured identities.
pub struct ConfiguredIdentities(Vec<Known>);

impl ConfiguredIdentities {
    /// Reads the identities.
    ///
    /// # Errors
    /// A principal, role or hash is malformed, or two identities share a token; the message names the identity.
    pub fn from_config(configs: &BTreeMap<String, IdentityConfig>) -> Result<Self> {
        let mut known: Vec<Known> = Vec::new();
        for (name, config) in configs {
            let entry = read(config).with_context(|| format!("identities.{name}"))?;
            if known.iter().any(|other| other.hash == entry.hash) {
                bail!("identities.{name}: another identity has the same token");
            }
            known.push(entry);
        }
        Ok(Self(known))
    }
}

fn read(config: &IdentityConfig) -> Result<Known> {
    let mut hash = [0; 32];
    hex::decode_to_slice(&config.token_sha256, &mut hash).context("token_sha256 is not 64 hex digits")?;
    let principal = Principal::parse(&config.principal).context("principal")?;
    let roles = config
        .roles
        .iter()
        .map(|role| role.parse::<Role>().context("roles"))
        .collect::<Result<BTreeSet<_>>>()?;
    let identity = BearerIdentity { identity: Identity::new(principal, Proof::BearerToken), roles };
    Ok(Known { hash, identity })
}

impl BearerDirectory for ConfiguredIdentities {
    fn find(&self, token: &str) -> Option<BearerIdentity> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        // Every entry is compared, in constant time: how long it takes tells nothing.
        let mut found = None;
        for known in &self.0 {
            if bool::from(known.hash.ct_eq(&hash)) {
                found = Some(known.identity.clone());
            }
        }
        found
    }
}
