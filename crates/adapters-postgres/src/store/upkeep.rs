//! The port [`Upkeep`].

use async_trait::async_trait;
use countersign_kernel::Millis;
use countersign_usecases::port::{StoreError, Upkeep};
use countersign_usecases::record::WrappedKeyRecord;

use super::PgStore;
use super::work::span;
use crate::error::store_error;

#[async_trait]
impl Upkeep for PgStore {
    async fn list_wrapped_keys(
        &self,
        after: Option<&WrappedKeyRecord>,
        limit: u32,
    ) -> Result<Vec<WrappedKeyRecord>, StoreError> {
        // Before every request's id stands the empty text. Purposes are compared as bytes, like ids, whatever the database's own order is.
        let (request, revision, purpose) =
            after.map_or(("", 0, ""), |row| (&*row.request_id, row.revision, &*row.purpose));
        sqlx::query_as!(
            WrappedKeyRecord,
            r#"SELECT request_id, revision, purpose, master_key_id, wrapped_key FROM sealed_values
               WHERE (request_id, revision, purpose COLLATE "C") > ($1, $2, $3)
               ORDER BY request_id, revision, purpose COLLATE "C" LIMIT $4"#,
            request,
            revision,
            purpose,
            i64::from(limit.clamp(1, 500))
        )
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)
    }

    async fn replace_wrapped_key(
        &self,
        found: &WrappedKeyRecord,
        master_key_id: &str,
        wrapped_key: &str,
    ) -> Result<bool, StoreError> {
        // When the connection is lost on the way it may have been written; whoever asks again finds the row as it is.
        let replaced = sqlx::query!(
            "UPDATE sealed_values SET master_key_id = $1, wrapped_key = $2
             WHERE request_id = $3 AND revision = $4 AND purpose = $5 AND master_key_id = $6 AND wrapped_key = $7",
            master_key_id,
            wrapped_key,
            found.request_id,
            found.revision,
            found.purpose,
            found.master_key_id,
            found.wrapped_key
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(replaced.rows_affected() == 1)
    }

    async fn forget_commits(&self, older_than: Millis, at_most: u32) -> Result<u64, StoreError> {
        // No row is locked beforehand: that takes a right the application's role doesn't have. Two replicas that forget at once wait for
        // each other, and the second finds the rows gone.
        let forgotten = sqlx::query!(
            "DELETE FROM commits WHERE commit_id IN (
                 SELECT commit_id FROM commits
                 WHERE committed_at < statement_timestamp() - $1::bigint * interval '1 millisecond'
                 ORDER BY committed_at LIMIT $2
             )",
            span(older_than),
            i64::from(at_most)
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(forgotten.rows_affected())
    }
}
