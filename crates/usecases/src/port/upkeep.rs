//! Upkeep: what an operator or a server does to a store from time to time, beside the commits of the domain. It changes no state.

use async_trait::async_trait;
use countersign_kernel::Millis;

use super::store_error::StoreError;
use crate::record::WrappedKeyRecord;

/// Keeps a store in order while servers work on it.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// The wrapped keys of sealed values in the order of their rows' keys (request, revision, purpose), so that those of the oldest request
    /// come first; after the given one. `limit` is 1 to 500. The sealed values themselves are not read.
    async fn list_wrapped_keys(
        &self,
        after: Option<&WrappedKeyRecord>,
        limit: u32,
    ) -> Result<Vec<WrappedKeyRecord>, StoreError>;

    /// Puts a wrapped key in the place of exactly this one, and changes nothing else of the row. `false` when the row is gone or holds
    /// another wrapped key by now: nothing is written then.
    async fn replace_wrapped_key(
        &self,
        found: &WrappedKeyRecord,
        master_key_id: &str,
        wrapped_key: &str,
    ) -> Result<bool, StoreError>;

    /// Forgets the ids of commits written longer ago than this, the oldest first, `at_most` of them; says how many. A forgotten commit is
    /// no longer found, so the age has to be far beyond any time within which somebody looks for one.
    async fn forget_commits(&self, older_than: Millis, at_most: u32) -> Result<u64, StoreError>;
}
