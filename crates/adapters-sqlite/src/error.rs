//! What SQLite and its driver say, in the words of the ports.

use std::io;
use std::path::PathBuf;

use countersign_usecases::port::StoreError;

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has the file.
    #[error(
        "`{path}` is in use by another server, which holds `{lock}`; one SQLite file serves one server, use PostgreSQL for several"
    )]
    Held {
        /// The database file.
        path: PathBuf,
        /// The lock file beside it.
        lock: PathBuf,
    },
    /// The lock file can't be made or locked.
    #[error("`{lock}` can't be locked: {source}")]
    Lock {
        /// The lock file.
        lock: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The database file can't be opened.
    #[error("`{path}` can't be opened: {source}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The tables can't be brought up to date, or are those of a newer version.
    #[error("`{path}` can't be migrated: {source}")]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// What the migrator said.
        source: sqlx::migrate::MigrateError,
    },
}

/// SQLite's primary result codes that say "not now": busy, locked, out of memory, read-only, I/O error, disk full, can't open.
const NOT_NOW: [i32; 7] = [5, 6, 7, 8, 10, 13, 14];

/// A statement failed; the transaction around it is rolled back.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    let message = error.to_string();
    match &error {
        sqlx::Error::Database(answer) => {
            // Extended codes carry the primary one in the low byte.
            let primary = answer.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
            if primary.is_some_and(|code| NOT_NOW.contains(&code)) {
                StoreError::Unavailable { message }
            } else {
                StoreError::Refused { message }
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable { message },
        // The driver's enum is open; whatever else it says is a defect of ours.
        _ => StoreError::Refused { message },
    }
}

/// Whether a unique key or index refused a row. The transaction goes on: SQLite takes back that one statement.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|answer| answer.is_unique_violation())
}

/// Shorthand for the one error that makes callers decide again.
pub(crate) fn stale(what: &'static str, id: impl Into<String>) -> StoreError {
    StoreError::Stale { what, id: id.into() }
}
