//! Writing one commit: one transaction of four round trips, begin, lock and check, write, commit.
//!
//! All that a commit holds is one document of arrays, so that several commits could share a transaction: their documents would be joined
//! and their checks made side by side.

mod check;
mod rows;

use countersign_kernel::CommitId;
use countersign_usecases::commit::{Commit, CommitRecords, Guard};
use countersign_usecases::port::StoreError;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};

use super::PgStore;
use crate::error::{commit_error, read, store_error};
use check::Locked;
use rows::Rows;

impl PgStore {
    pub(super) async fn write_commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let records = commit.records();
        let _lanes = self.lanes.enter(runs_of(records)).await;
        let mut transaction = self.begin().await?;
        match lock_and_write(&mut transaction, records).await {
            Ok(Written::Now) => transaction.commit().await.map_err(commit_error),
            Ok(Written::Before) => transaction.rollback().await.map_err(store_error),
            Err(error) => {
                // Locks go now, not when the connection is used again. What went wrong before is what the caller has to know.
                if let Err(lost) = transaction.rollback().await {
                    tracing::debug!(error = %lost, "a failed commit could not be rolled back; the server does it");
                }
                Err(error)
            }
        }
    }

    /// Whether the commit was written. One that is being written at this moment on a connection its client has lost is waited for: the
    /// same id is inserted, which the database lets pass only when the other transaction is over, and taken back.
    pub(super) async fn commit_is_written(&self, id: CommitId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let inserted = sqlx::query_scalar!(
            r#"INSERT INTO commits (commit_id) VALUES ($1::text::uuid) ON CONFLICT DO NOTHING RETURNING true AS "inserted!""#,
            id.to_string()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(store_error)?;
        transaction.rollback().await.map_err(store_error)?;
        Ok(inserted.is_none())
    }
}

enum Written {
    Now,
    /// A commit of this id was written already.
    Before,
}

async fn lock_and_write(
    transaction: &mut Transaction<'static, Postgres>,
    records: &CommitRecords,
) -> Result<Written, StoreError> {
    let locked = lock(transaction, records).await?;
    if !locked.fresh {
        return Ok(Written::Before);
    }
    check::guards(&records.guards, &locked)?;
    check::versions(records, &locked)?;
    let rows = Rows::of(records);
    let written = sqlx::query_file!("src/store/commit/write.sql", Json(&rows) as _)
        .fetch_one(&mut **transaction)
        .await
        .map_err(store_error)?;
    let complete = written.runs == rows.changed_runs() && written.requests == rows.changed_requests();
    if complete {
        Ok(Written::Now)
    } else {
        Err(StoreError::Refused { message: format!("commit `{}` did not find its locked rows", records.id) })
    }
}

async fn lock(
    transaction: &mut Transaction<'static, Postgres>,
    records: &CommitRecords,
) -> Result<Locked, StoreError> {
    let id = records.id.to_string();
    let guarded = records.guards.iter().filter_map(|guard| match guard {
        Guard::RunLive { run_id } => Some(run_id.clone()),
        Guard::Fence { .. } | Guard::DatabaseIs { .. } | Guard::NotAfter { .. } => None,
    });
    let runs: Vec<String> = records.runs.iter().map(|run| run.row.run_id.clone()).chain(guarded).collect();
    let requests: Vec<String> =
        records.requests.iter().map(|request| request.row.request_id.clone()).collect();
    let leases = records.guards.iter().filter_map(|guard| match guard {
        Guard::Fence { kind, subject, .. } => Some((kind.as_str().to_owned(), subject.as_str().to_owned())),
        Guard::RunLive { .. } | Guard::DatabaseIs { .. } | Guard::NotAfter { .. } => None,
    });
    let (kinds, subjects): (Vec<String>, Vec<String>) = leases.unzip();
    let databases = records.guards.iter().filter_map(|guard| match guard {
        Guard::DatabaseIs { server, database_name, .. } => Some((server.clone(), database_name.clone())),
        Guard::RunLive { .. } | Guard::Fence { .. } | Guard::NotAfter { .. } => None,
    });
    let (servers, names): (Vec<String>, Vec<String>) = databases.unzip();
    let locked = sqlx::query_file_scalar!(
        "src/store/commit/lock.sql",
        id,
        &runs,
        &requests,
        &kinds,
        &subjects,
        &servers,
        &names
    )
    .fetch_one(&mut **transaction)
    .await
    .map_err(store_error)?;
    read(&locked, "commits", &id)
}

fn runs_of(records: &CommitRecords) -> impl Iterator<Item = &str> {
    let guarded = records.guards.iter().filter_map(|guard| match guard {
        Guard::RunLive { run_id } => Some(run_id.as_str()),
        Guard::Fence { .. } | Guard::DatabaseIs { .. } | Guard::NotAfter { .. } => None,
    });
    let runs = records.runs.iter().map(|run| run.row.run_id.as_str());
    let requests = records.requests.iter().map(|request| request.row.run_id.as_str());
    runs.chain(requests).chain(guarded)
}
