//! Opening the configured store: the same ports, whichever it is.

use std::sync::Arc;

use anyhow::{Context, Result};
use countersign_adapters_postgres::{PgStore, StoreOptions};
use countersign_adapters_sqlite::{SqliteOptions, SqliteStore};
use countersign_kernel::Millis;
use countersign_mcp_tools::ports::DatabaseRegister;
use countersign_usecases::port::{Ledger, Queries, SessionStore, Upkeep, WorkQueue};
use secrecy::ExposeSecret as _;

use crate::ambient;
use crate::config::StoreConfig;

/// One opened store behind its ports.
pub struct Stores {
    /// Snapshots and commits.
    pub ledger: Arc<dyn Ledger>,
    /// Leased work.
    pub work: Arc<dyn WorkQueue>,
    /// Lists and details.
    pub queries: Arc<dyn Queries>,
    /// Owner rows of databases.
    pub register: Arc<dyn DatabaseRegister>,
    /// Wrapped keys and old commits.
    pub upkeep: Arc<dyn Upkeep>,
    /// Sessions of people and their attempts to sign in.
    pub sessions: Arc<dyn SessionStore>,
    opened: Opened,
}

enum Opened {
    Sqlite(SqliteStore),
    Postgres(PgStore),
}

/// The shortest lease that leaves time to prolong it a few times before it has to be let go of, in seconds.
const MIN_LEASE_S: u64 = 1;

/// The longest lease, in seconds: what a replica held when it died waits as long.
const MAX_LEASE_S: u64 = 3_600;

fn lease(lease_s: u64) -> Result<Millis> {
    if !(MIN_LEASE_S..=MAX_LEASE_S).contains(&lease_s) {
        anyhow::bail!("store.lease_s must be {MIN_LEASE_S} to {MAX_LEASE_S}, not {lease_s}");
    }
    Ok(Millis::from_secs(lease_s))
}

impl Stores {
    /// Opens the store. A SQLite file is migrated on the way; PostgreSQL has to be migrated by `countersign migrate`.
    ///
    /// # Errors
    /// It can't be opened or reached, or its tables are not those of this version.
    pub async fn open(config: &StoreConfig) -> Result<Self> {
        match config {
            StoreConfig::Sqlite { path, lease_s } => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    std::fs::create_dir_all(folder)
                        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
                }
                let options = SqliteOptions { lease: lease(*lease_s)?, ..SqliteOptions::default() };
                let store = SqliteStore::open(path, options, ambient::host_now).await?;
                let shared = Arc::new(store.clone());
                Ok(Self {
                    ledger: shared.clone(),
                    work: shared.clone(),
                    queries: shared.clone(),
                    register: shared.clone(),
                    upkeep: shared.clone(),
                    sessions: shared,
                    opened: Opened::Sqlite(store),
                })
            }
            StoreConfig::Postgres { url, pool_size, lease_s, role } => {
                let url = url.read().context("store.url")?;
                let options = StoreOptions {
                    max_connections: *pool_size,
                    lease: lease(*lease_s)?,
                    role: role.clone(),
                    ..StoreOptions::default()
                };
                let store = PgStore::connect(url.expose_secret(), &options).await?;
                let shared = Arc::new(store.clone());
                Ok(Self {
                    ledger: shared.clone(),
                    work: shared.clone(),
                    queries: shared.clone(),
                    register: shared.clone(),
                    upkeep: shared.clone(),
                    sessions: shared,
                    opened: Opened::Postgres(store),
                })
            }
        }
    }

    /// Writes what is queued and lets go of the store.
    pub async fn close(&self) {
        match &self.opened {
            Opened::Sqlite(store) => store.close().await,
            Opened::Postgres(store) => store.pool().close().await,
        }
    }
}

/// Brings the store's tables up to this version.
///
/// # Errors
/// The store can't be reached, a migration fails, or the tables are those of a newer version.
pub async fn migrate(config: &StoreConfig) -> Result<()> {
    match config {
        // Opening a file migrates it.
        StoreConfig::Sqlite { .. } => {
            Stores::open(config).await?.close().await;
            Ok(())
        }
        StoreConfig::Postgres { url, .. } => {
            let url = url.read().context("store.url")?;
            let store = PgStore::connect(url.expose_secret(), &StoreOptions::default()).await?;
            Ok(countersign_adapters_postgres::migrate(store.pool()).await?)
        }
    }
}
