//! The port [`WorkQueue`]: leases are taken by the writer, one transaction each, with one growing fence for all rows.

use async_trait::async_trait;
use countersign_kernel::{Millis, WorkerId};
use countersign_usecases::port::{Due, Lease, StoreError, WorkKind, WorkQueue, WorkSubject};
use sqlx::{Connection, SqliteConnection, query, query_scalar};

use crate::clock::HostClock;
use crate::error::{stale, store_error};
use crate::store::SqliteStore;
use crate::writer::Job;

#[async_trait]
impl WorkQueue for SqliteStore {
    async fn claim(
        &self,
        worker: WorkerId,
        kinds: &[WorkKind],
        at_most: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let kinds = serde_json::json!(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()).to_string();
        if !self.is_any_due(&kinds).await? {
            return Ok(Vec::new());
        }
        self.ask(|reply| Job::Claim { worker, kinds, at_most, reply }).await
    }

    async fn extend(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let lease = lease.clone();
        self.ask(|reply| Job::Extend(lease, reply)).await
    }

    async fn release(&self, lease: &Lease, due: Due) -> Result<(), StoreError> {
        let lease = lease.clone();
        let Due::After(after) = due;
        self.ask(|reply| Job::Release(lease, after, reply)).await
    }
}

impl SqliteStore {
    /// Idle workers poll many times a second; they look beside the writer, not in its queue.
    async fn is_any_due(&self, kinds: &str) -> Result<bool, StoreError> {
        let now = self.now().to_string();
        let due = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM work_items WHERE due_at <= ?2 AND (leased_until IS NULL OR leased_until <= ?2)
                AND kind IN (SELECT value FROM json_each(?1))) AS "due!: bool""#,
            kinds,
            now,
        );
        due.fetch_one(self.readers()).await.map_err(store_error)
    }
}

/// Who takes what, and for how long.
pub(crate) struct Terms {
    pub(crate) worker: WorkerId,
    /// A JSON array.
    pub(crate) kinds: String,
    pub(crate) at_most: u32,
    pub(crate) lasts: Millis,
}

pub(crate) async fn claim(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    terms: &Terms,
) -> Result<Vec<Lease>, StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(store_error)?;
    let now = clock.now();
    let until = now.plus(terms.lasts);
    let (now_text, until_text, worker) = (now.to_string(), until.to_string(), terms.worker.to_string());
    // The places number the rows from 1, longest due first; each gets the highest fence plus its place.
    let leased = query!(
        r#"UPDATE work_items SET worker_id = ?4, leased_until = ?5, attempts = attempts + 1,
            fence = (SELECT highest FROM work_fence) + due.place
        FROM (SELECT kind, subject, row_number() OVER (ORDER BY due_at, kind, subject) AS place FROM work_items
            WHERE due_at <= ?2 AND (leased_until IS NULL OR leased_until <= ?2)
                AND kind IN (SELECT value FROM json_each(?1))
            ORDER BY place LIMIT ?3) AS due
        WHERE work_items.kind = due.kind AND work_items.subject = due.subject
        RETURNING kind, subject, fence, attempts"#,
        terms.kinds,
        now_text,
        terms.at_most,
        worker,
        until_text,
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(store_error)?;
    if leased.is_empty() {
        transaction.rollback().await.map_err(store_error)?;
        return Ok(Vec::new());
    }
    let taken = i64::try_from(leased.len()).unwrap_or(i64::MAX);
    let counted = query!("UPDATE work_fence SET highest = highest + ?1", taken);
    counted.execute(&mut *transaction).await.map_err(store_error)?;
    let mut leases = Vec::with_capacity(leased.len());
    for row in leased {
        let id = format!("{} {}", row.kind, row.subject);
        leases.push(Lease {
            kind: row.kind.parse().map_err(|error| corrupt("kind", &id, error))?,
            subject: WorkSubject::from_storage(row.subject),
            worker: terms.worker,
            fence: u64::try_from(row.fence).map_err(|error| corrupt("fence", &id, error))?,
            attempts: u32::try_from(row.attempts).map_err(|error| corrupt("attempts", &id, error))?,
            lasts: terms.lasts,
            until,
        });
    }
    // When this fails nobody holds the rows: the leases, if they were written, run out.
    transaction.commit().await.map_err(store_error)?;
    leases.sort_by_key(|lease| lease.fence);
    Ok(leases)
}

pub(crate) async fn extend(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    lease: &Lease,
) -> Result<Lease, StoreError> {
    let now = clock.now();
    let until = now.plus(lease.lasts);
    let (now_text, until_text, fence) = (now.to_string(), until.to_string(), fence(lease));
    let (kind, subject) = (lease.kind.as_str(), lease.subject.as_str());
    let extended = query!(
        "UPDATE work_items SET leased_until = ?5 WHERE kind = ?1 AND subject = ?2 AND fence = ?3 AND leased_until > ?4",
        kind,
        subject,
        fence,
        now_text,
        until_text,
    );
    held(lease, extended.execute(connection).await)?;
    Ok(Lease { until, ..lease.clone() })
}

pub(crate) async fn release(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    lease: &Lease,
    after: Millis,
) -> Result<(), StoreError> {
    let now = clock.now();
    let (now_text, due_text, fence) = (now.to_string(), now.plus(after).to_string(), fence(lease));
    let (kind, subject) = (lease.kind.as_str(), lease.subject.as_str());
    let released = query!(
        "UPDATE work_items SET worker_id = NULL, leased_until = NULL, due_at = ?5
        WHERE kind = ?1 AND subject = ?2 AND fence = ?3 AND leased_until > ?4",
        kind,
        subject,
        fence,
        now_text,
        due_text,
    );
    held(lease, released.execute(connection).await)
}

/// A fence beyond what a column can hold was never given out.
fn fence(lease: &Lease) -> i64 {
    i64::try_from(lease.fence).unwrap_or(-1)
}

fn held(
    lease: &Lease,
    updated: Result<sqlx::sqlite::SqliteQueryResult, sqlx::Error>,
) -> Result<(), StoreError> {
    if updated.map_err(store_error)?.rows_affected() == 1 {
        Ok(())
    } else {
        Err(stale("work_items", format!("{} {}", lease.kind.as_str(), lease.subject)))
    }
}

fn corrupt(column: &'static str, id: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table: "work_items", column, id: id.to_owned(), message: error.to_string() }
}
