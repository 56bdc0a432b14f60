//! SQLite: the same storage ports in one file, the embedded default, and database files as targets.
//!
//! [`SqliteStore`] is the ledger, the work queue, the queries and the register of databases. One task owns the one connection that
//! writes, and writes what many callers decided in one transaction; readers work beside it on snapshots of their own. One process has
//! the file: a second one is refused at [`SqliteStore::open`].
//!
//! [`databases`] is apart from the store: directories of database files that control tools create, describe and delete.
//!
//! **Architecture invariant:** nothing is decided here. There are no ids, no randomness and no environment; the time is the host's,
//! through the closure that `open` is given, because here the host's clock is the database's clock.

pub mod databases;

mod clock;
mod error;
mod ledger;
mod lock;
mod prepared;
mod queries;
mod register;
mod rows;
mod sessions;
mod store;
mod upkeep;
mod work_queue;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use databases::{SqliteDatabaseServer, SqliteDatabases};
pub use error::OpenError;
pub use store::{SqliteOptions, SqliteStore};
