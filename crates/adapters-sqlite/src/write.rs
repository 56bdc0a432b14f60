//! Writing commits: the guards, then the rows of each table in the order in which they refer to one another.
//!
//! Every statement takes all rows of its table as one JSON array, so a shared transaction has no more statements than a single one.

mod events;
mod guards;
mod registers;
mod requests;
mod runs;
mod steps;
mod work;

use std::future::Future;

use countersign_kernel::Timestamp;
use countersign_usecases::port::StoreError;
use sqlx::SqliteConnection;

use crate::error::{is_taken, stale, store_error};
use crate::prepared::Prepared;

pub(crate) use runs::heartbeat;

/// What writing came to. Errors mean that the transaction has to be rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All rows are written.
    Now,
    /// A commit of this id was written before; nothing was written now.
    Before,
}

/// Writes all rows inside the transaction of this connection.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    commit: &Prepared,
    now: Timestamp,
) -> Result<Written, StoreError> {
    if !registers::insert_commits(connection, &commit.ids, now).await? {
        return Ok(Written::Before);
    }
    guards::check(connection, &commit.guards, now).await?;
    runs::insert(connection, &commit.new_runs).await?;
    runs::update(connection, &commit.runs).await?;
    requests::update(connection, &commit.closed_requests).await?;
    requests::update(connection, &commit.open_requests).await?;
    requests::insert(connection, &commit.new_requests).await?;
    requests::put_words(connection, &commit.search).await?;
    runs::put_waits(connection, &commit.waits).await?;
    requests::put_votes(connection, &commit.votes).await?;
    requests::insert_call_keys(connection, &commit.call_keys).await?;
    steps::put(connection, &commit.steps).await?;
    steps::insert_sealed(connection, &commit.sealed).await?;
    steps::erase_sealed(connection, &commit.erased_requests).await?;
    runs::insert_outcomes(connection, &commit.outcomes).await?;
    runs::mark_acknowledged(connection, &commit.acknowledged).await?;
    runs::mark_undeliverable(connection, &commit.undeliverable).await?;
    for write in &commit.databases {
        registers::write_database(connection, write).await?;
    }
    events::insert(connection, &commit.events).await?;
    events::insert_links(connection, &commit.links).await?;
    work::remove(connection, &commit.removed_work).await?;
    work::schedule(connection, &commit.scheduled_work).await?;
    registers::insert_policies(connection, &commit.policies).await?;
    registers::insert_principals(connection, &commit.principals).await?;
    Ok(Written::Now)
}

/// A statement was refused: `Stale` with the key that is taken where a unique key refused it.
async fn refused(
    error: sqlx::Error,
    what: &'static str,
    find_taken: impl Future<Output = Result<Option<String>, sqlx::Error>>,
) -> StoreError {
    if !is_taken(&error) {
        return store_error(error);
    }
    match find_taken.await {
        Ok(id) => stale(what, id.unwrap_or_else(|| "twice in one commit".to_owned())),
        Err(error) => store_error(error),
    }
}
