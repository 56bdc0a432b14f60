//! Rotating the master key: which sealed values need which master key, and wrapping their keys anew under the active one.
//!
//! Servers may work meanwhile. Only the wrapped key of a row is replaced, and only where the row still holds the one that was read; an
//! executor that read the old one opens it with the old master key, which is configured until nothing needs it. A run that was cut off
//! leaves each row wrapped either way, and the next run goes on.
//!
//! Deliberately absent: sealed values. They are neither read nor opened; what is unwrapped is a value's own key.

use std::collections::BTreeMap;

use crate::port::{Entropy, StoreError, Upkeep};
use crate::record::WrappedKeyRecord;
use crate::seal::{SealError, Sealer};

/// Rows read at once.
const PAGE: u32 = 200;

/// So often all rows are gone through while servers go on sealing with another master key than the active one of this process.
const PASSES: u32 = 5;

/// So many requests are named for each master key.
const NAMED: usize = 10;

/// What still needs one master key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// How many sealed values.
    pub values: u64,
    /// The oldest requests they belong to, at most ten.
    pub oldest: Vec<String>,
}

/// A sealed value whose key could not be wrapped anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// The request it was made for.
    pub request_id: String,
    /// Why.
    pub why: SealError,
}

/// What wrapping anew came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Values whose key is wrapped by the active master key now and was not before.
    pub rewrapped: u64,
    /// Values that were settled, or wrapped by somebody else, meanwhile.
    pub overtaken: u64,
    /// Values that are left as they were.
    pub left: Vec<LeftBehind>,
}

/// What needs which master key, by the key's id. A key that is not among them is needed by nothing that is stored now.
///
/// # Errors
/// The store can't be read.
pub async fn key_uses(store: &dyn Upkeep) -> Result<BTreeMap<String, KeyUse>, StoreError> {
    let mut uses = BTreeMap::<String, KeyUse>::new();
    let mut after = None;
    loop {
        let page = store.list_wrapped_keys(after.as_ref(), PAGE).await?;
        for row in &page {
            let found = uses.entry(row.master_key_id.clone()).or_default();
            found.values += 1;
            if found.oldest.len() < NAMED && found.oldest.last() != Some(&row.request_id) {
                found.oldest.push(row.request_id.clone());
            }
        }
        match page.last() {
            Some(last) => after = Some(last.clone()),
            None => return Ok(uses),
        }
    }
}

/// Wraps every sealed value's key that another master key wraps anew, under the active one.
///
/// What can't be unwrapped is left as it was, and named. [`key_uses`] tells afterwards whether anything still needs an old key: a server
/// that is configured to seal with one makes new values that do.
///
/// # Errors
/// The store can't be read or written. What was wrapped anew until then stays so.
pub async fn rewrap_all(
    store: &dyn Upkeep,
    sealer: &Sealer,
    entropy: &dyn Entropy,
) -> Result<Rewrapped, StoreError> {
    let mut all = Rewrapped::default();
    for _ in 0..PASSES {
        let pass = rewrap_once(store, sealer, entropy).await?;
        all.rewrapped += pass.rewrapped;
        all.overtaken += pass.overtaken;
        all.left = pass.left;
        if pass.rewrapped + pass.overtaken == 0 {
            break;
        }
    }
    Ok(all)
}

async fn rewrap_once(
    store: &dyn Upkeep,
    sealer: &Sealer,
    entropy: &dyn Entropy,
) -> Result<Rewrapped, StoreError> {
    let mut pass = Rewrapped::default();
    let mut after: Option<WrappedKeyRecord> = None;
    loop {
        let page = store.list_wrapped_keys(after.as_ref(), PAGE).await?;
        for row in page.iter().filter(|row| row.master_key_id != sealer.active()) {
            match sealer.rewrap(entropy, row) {
                Ok(wrapped) if store.replace_wrapped_key(row, sealer.active(), &wrapped).await? => {
                    pass.rewrapped += 1;
                }
                Ok(_) => pass.overtaken += 1,
                Err(why) => pass.left.push(LeftBehind { request_id: row.request_id.clone(), why }),
            }
        }
        match page.last() {
            Some(last) => after = Some(last.clone()),
            None => return Ok(pass),
        }
    }
}
