//! The port [`Upkeep`]: rows are looked at beside the writer and changed by it.

use async_trait::async_trait;
use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::port::{StoreError, Upkeep};
use countersign_usecases::record::WrappedKeyRecord;
use sqlx::{SqliteConnection, query, query_as};

use crate::clock::HostClock;
use crate::error::store_error;
use crate::store::SqliteStore;
use crate::writer::Job;

/// One wrapped key and what takes its place.
pub(crate) struct Rewrap {
    found: WrappedKeyRecord,
    master_key_id: String,
    wrapped_key: String,
}

#[async_trait]
impl Upkeep for SqliteStore {
    async fn list_wrapped_keys(
        &self,
        after: Option<&WrappedKeyRecord>,
        limit: u32,
    ) -> Result<Vec<WrappedKeyRecord>, StoreError> {
        // Before every request's id stands the empty text.
        let (request, revision, purpose) =
            after.map_or(("", 0, ""), |row| (&*row.request_id, row.revision, &*row.purpose));
        let limit = limit.clamp(1, 500);
        let rows = query_as!(
            WrappedKeyRecord,
            "SELECT request_id, revision, purpose, master_key_id, wrapped_key FROM sealed_values
            WHERE (request_id, revision, purpose) > (?1, ?2, ?3) ORDER BY request_id, revision, purpose LIMIT ?4",
            request,
            revision,
            purpose,
            limit,
        );
        rows.fetch_all(self.readers()).await.map_err(store_error)
    }

    async fn replace_wrapped_key(
        &self,
        found: &WrappedKeyRecord,
        master_key_id: &str,
        wrapped_key: &str,
    ) -> Result<bool, StoreError> {
        let (master_key_id, wrapped_key) = (master_key_id.to_owned(), wrapped_key.to_owned());
        let rewrap = Box::new(Rewrap { found: found.clone(), master_key_id, wrapped_key });
        self.ask(|reply| Job::Rewrap(rewrap, reply)).await
    }

    async fn forget_commits(&self, older_than: Millis, at_most: u32) -> Result<u64, StoreError> {
        self.ask(|reply| Job::Forget { older_than, at_most, reply }).await
    }
}

pub(crate) async fn replace(connection: &mut SqliteConnection, rewrap: &Rewrap) -> Result<bool, StoreError> {
    let Rewrap { found, master_key_id, wrapped_key } = rewrap;
    let replaced = query!(
        "UPDATE sealed_values SET master_key_id = ?1, wrapped_key = ?2
        WHERE request_id = ?3 AND revision = ?4 AND purpose = ?5 AND master_key_id = ?6 AND wrapped_key = ?7",
        master_key_id,
        wrapped_key,
        found.request_id,
        found.revision,
        found.purpose,
        found.master_key_id,
        found.wrapped_key,
    );
    Ok(replaced.execute(connection).await.map_err(store_error)?.rows_affected() == 1)
}

pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    older_than: Millis,
    at_most: u32,
) -> Result<u64, StoreError> {
    let age = i64::try_from(older_than.0.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let before = Timestamp::from_unix_micros(clock.now().unix_micros().saturating_sub(age)).to_string();
    let forgotten = query!(
        "DELETE FROM commits WHERE commit_id IN
            (SELECT commit_id FROM commits WHERE committed_at < ?1 ORDER BY committed_at LIMIT ?2)",
        before,
        at_most,
    );
    Ok(forgotten.execute(connection).await.map_err(store_error)?.rows_affected())
}
