//! The port [`WorkQueue`]: leases on rows of `work_items`, by the database's clock.

use async_trait::async_trait;
use countersign_kernel::{Millis, Timestamp, WorkerId};
use countersign_usecases::port::{Due, Lease, StoreError, WorkKind, WorkQueue, WorkSubject};

use super::PgStore;
use crate::error::store_error;

#[async_trait]
impl WorkQueue for PgStore {
    async fn claim(
        &self,
        worker: WorkerId,
        kinds: &[WorkKind],
        at_most: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let rows = sqlx::query_file!(
            "src/store/work/claim.sql",
            &kinds,
            i64::from(at_most),
            worker.to_string(),
            span(self.lease)
        )
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        rows.into_iter()
            .map(|row| {
                let id = format!("{} {}", row.kind, row.subject);
                let corrupt = |column, message: String| StoreError::Corrupt {
                    table: "work_items",
                    column,
                    id: id.clone(),
                    message,
                };
                let number = |column, value: i64| {
                    u64::try_from(value).map_err(|_| corrupt(column, format!("{value} is negative")))
                };
                let attempts = number("attempts", row.attempts)?;
                Ok(Lease {
                    kind: row.kind.parse().map_err(|error| corrupt("kind", format!("{error}")))?,
                    fence: number("fence", row.fence)?,
                    attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                    subject: WorkSubject::from_storage(row.subject),
                    worker,
                    lasts: self.lease,
                    until: Timestamp::from_unix_micros(row.until),
                })
            })
            .collect()
    }

    async fn extend(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let until = sqlx::query_scalar!(
            r#"UPDATE work_items SET lease_until = statement_timestamp() + $4::bigint * interval '1 millisecond'
               WHERE kind = $1 AND subject = $2 AND fence = $3 AND lease_until > statement_timestamp()
               RETURNING (extract(epoch FROM lease_until) * 1000000)::bigint AS "until!""#,
            lease.kind.as_str(),
            lease.subject.as_str(),
            fence(lease),
            span(lease.lasts)
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(store_error)?;
        let until = until.ok_or_else(|| lost(lease))?;
        Ok(Lease { until: Timestamp::from_unix_micros(until), ..lease.clone() })
    }

    async fn release(&self, lease: &Lease, due: Due) -> Result<(), StoreError> {
        let Due::After(after) = due;
        let released = sqlx::query!(
            "UPDATE work_items SET leased_by = NULL, lease_until = NULL,
                 due_at = statement_timestamp() + $4::bigint * interval '1 millisecond'
             WHERE kind = $1 AND subject = $2 AND fence = $3 AND lease_until > statement_timestamp()",
            lease.kind.as_str(),
            lease.subject.as_str(),
            fence(lease),
            span(after)
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        if released.rows_affected() > 0 { Ok(()) } else { Err(lost(lease)) }
    }
}

fn lost(lease: &Lease) -> StoreError {
    StoreError::Stale { what: "work_items", id: format!("{} {}", lease.kind.as_str(), lease.subject) }
}

/// No sequence of ours gets that far; a fence beyond it holds nothing.
fn fence(lease: &Lease) -> i64 {
    i64::try_from(lease.fence).unwrap_or(-1)
}

pub(super) fn span(span: Millis) -> i64 {
    i64::try_from(span.0).unwrap_or(i64::MAX)
}
