//! PostgreSQL: ledger, work queue, queries; and, apart from them, PostgreSQL databases as targets.
//!
//! [`PgStore`] is the store behind the ports of the use cases; its modules mirror them. Rows move as JSON documents whose members are the
//! columns, so that the records of `countersign_usecases::record` are the only place where a row's form is known. A snapshot is one round
//! trip; a commit is four, whatever it holds.
//!
//! [`PgDatabaseServer`] is a **target**: it creates, renames and drops databases on servers that belong to projects. It shares nothing
//! with the store, least of all credentials.
//!
//! **Architecture invariant:** nothing is decided, defaulted or dated here: time is the database's, ids come with the rows.
//!
//! What is not plain SQL that distributed engines also run: `xid8` and snapshots (paging of events, `store/queries/events.rs`),
//! `FOR UPDATE SKIP LOCKED` (`store/work.rs`), and the roles and triggers of migration 2.

pub mod databases;
mod error;
pub mod migrations;
pub mod store;

pub use databases::{DatabaseServerOptions, PgDatabaseServer, PgDatabases};
pub use migrations::{MigrationError, migrate, pending_migrations};
pub use store::{PgStore, SearchBounds, StoreOptions};
