//! The migrations, embedded: applied in order, each once, by whoever owns the tables.

use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The schema could not be brought up to date, or looked at.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A migration failed, or one that was applied is not the one embedded here.
    #[error("the migrations could not be applied: {0}")]
    Failed(#[from] sqlx::migrate::MigrateError),
    /// The database can't be reached or refused.
    #[error("the schema can't be looked at: {0}")]
    Database(#[from] sqlx::Error),
}

/// Applies the migrations that are missing. Several servers may do so at once: they queue up at a lock.
///
/// # Errors
/// A migration failed, in which case the ones before it stay applied; or the database can't be reached.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrationError> {
    // A connection of its own: a migration of a big table takes as long as it takes, unlike the statements of a server.
    let patient =
        [("statement_timeout", "0"), ("lock_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];
    let connect = PgConnectOptions::clone(&pool.connect_options()).options(patient);
    let own = PgPoolOptions::new().max_connections(1).connect_with(connect).await?;
    let applied = MIGRATOR.run(&own).await;
    own.close().await;
    Ok(applied?)
}

/// The versions of the migrations that this program knows and the database has not applied.
///
/// # Errors
/// The database can't be reached, or its list of migrations may not be read.
pub async fn pending_migrations(pool: &PgPool) -> Result<Vec<i64>, MigrationError> {
    let listed: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    let applied: Vec<i64> = if listed {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(pool).await?
    } else {
        Vec::new()
    };
    let known = MIGRATOR.iter().map(|migration| migration.version);
    Ok(known.filter(|version| !applied.contains(version)).collect())
}
