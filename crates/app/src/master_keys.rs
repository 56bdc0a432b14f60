//! Master keys: what wraps the keys of sealed secret values.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use countersign_usecases::port::Entropy;
use countersign_usecases::seal::{MasterKey, Sealer};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::ambient::OsEntropy;
use crate::config::SealingConfig;

/// Reads the configured keys.
///
/// # Errors
/// A key can't be read or is not 32 bytes in hex, or the active one is not among them.
pub fn sealer(config: &SealingConfig) -> Result<Sealer> {
    let mut keys = BTreeMap::new();
    for (id, source) in &config.keys {
        let text = source.read().with_context(|| format!("master key `{id}`"))?;
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.expose_secret(), &mut bytes[..])
            .with_context(|| format!("master key `{id}` is not 32 bytes in hex"))?;
        keys.insert(id.clone(), MasterKey::new(*bytes));
    }
    Sealer::new(keys, config.active.clone())
        .with_context(|| format!("sealing.active names `{}`, which is not among sealing.keys", config.active))
}

/// A fresh master key in hex.
pub fn generate_key() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    OsEntropy.fill(&mut bytes[..]);
    Zeroizing::new(hex::encode(&bytes[..]))
}
