//! The port [`Upkeep`].

use std::ops::Bound;

use async_trait::async_trait;
use countersign_kernel::Millis;
use countersign_usecases::port::{StoreError, Upkeep};
use countersign_usecases::record::{SealedRecord, WrappedKeyRecord};

use super::MemoryStore;
use super::table::Journal;

#[async_trait]
impl Upkeep for MemoryStore {
    async fn list_wrapped_keys(
        &self,
        after: Option<&WrappedKeyRecord>,
        limit: u32,
    ) -> Result<Vec<WrappedKeyRecord>, StoreError> {
        let tables = self.reach()?;
        let after = after.map_or(Bound::Unbounded, |row| Bound::Excluded(key_of(row)));
        let limit = usize::try_from(limit.clamp(1, 500)).unwrap_or(500);
        let rows = tables.sealed.range((after, Bound::Unbounded)).take(limit);
        Ok(rows.map(|(_, row)| wrapped_key(row)).collect())
    }

    async fn replace_wrapped_key(
        &self,
        found: &WrappedKeyRecord,
        master_key_id: &str,
        wrapped_key: &str,
    ) -> Result<bool, StoreError> {
        let mut tables = self.reach()?;
        let key = key_of(found);
        let same = |row: &&SealedRecord| {
            row.master_key_id == found.master_key_id && row.wrapped_key == found.wrapped_key
        };
        let Some(row) = tables.sealed.get(&key).filter(same).cloned() else { return Ok(false) };
        let (master_key_id, wrapped_key) = (master_key_id.to_owned(), wrapped_key.to_owned());
        tables.sealed.put(key, SealedRecord { master_key_id, wrapped_key, ..row });
        tables.sealed.keep();
        Ok(true)
    }

    async fn forget_commits(&self, older_than: Millis, at_most: u32) -> Result<u64, StoreError> {
        let mut tables = self.reach()?;
        let now = self.clock().now();
        let mut old: Vec<_> = tables.commits.iter().map(|(id, at)| (*at, *id)).collect();
        old.retain(|(at, _)| at.plus(older_than) < now);
        old.sort();
        old.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
        for (_, id) in &old {
            tables.commits.remove(id);
        }
        tables.commits.keep();
        Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
    }
}

fn key_of(row: &WrappedKeyRecord) -> (String, i64, String) {
    (row.request_id.clone(), row.revision, row.purpose.clone())
}

fn wrapped_key(row: &SealedRecord) -> WrappedKeyRecord {
    WrappedKeyRecord {
        request_id: row.request_id.clone(),
        revision: row.revision,
        purpose: row.purpose.clone(),
        master_key_id: row.master_key_id.clone(),
        wrapped_key: row.wrapped_key.clone(),
    }
}
