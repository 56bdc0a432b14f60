//! The store: one pool of connections behind the ports of the use cases.

mod commit;
mod lanes;
mod ledger;
mod queries;
mod register;
mod sessions;
mod upkeep;
mod work;

use std::str::FromStr;
use std::time::Duration;

use countersign_kernel::Millis;
use countersign_usecases::port::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool, Postgres, Transaction};

use crate::error::{is_lost, store_error};
use lanes::RunLanes;

/// An idle connection is asked whether it still lives before it is used again after so long; one used a moment ago is trusted.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How a store connects and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The most connections at once.
    pub max_connections: u32,
    /// How long to wait for a connection.
    pub acquire_timeout: Millis,
    /// How long one statement may take, on the server.
    pub statement_timeout: Millis,
    /// How long a statement waits for a row that another transaction holds.
    pub lock_timeout: Millis,
    /// How long a transaction may be idle before the server ends it: a client that vanished holds no rows for longer.
    pub idle_in_transaction_timeout: Millis,
    /// What `pg_stat_activity` shows.
    pub application_name: String,
    /// The role to take on, such as `countersign_app`; without one, that of the URL's user.
    pub role: Option<String>,
    /// How long a lease of work lasts.
    pub lease: Millis,
    /// How much a search may cost.
    pub search: SearchBounds,
}

/// How much one page of a search may cost: beyond that it holds what was found so far, and the search goes on with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBounds {
    /// How many requests of the list are looked through.
    pub looked_through: u32,
    /// How long the index of words may take afterwards, when the list has more. It is not asked when this is zero.
    pub patience: Millis,
}

impl Default for SearchBounds {
    fn default() -> Self {
        // Some 10 ms, and what somebody who looks for something doesn't notice.
        Self { looked_through: 2_000, patience: Millis(100) }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire_timeout: Millis::from_secs(5),
            statement_timeout: Millis::from_secs(10),
            lock_timeout: Millis::from_secs(5),
            idle_in_transaction_timeout: Millis::from_secs(15),
            application_name: "countersign".to_owned(),
            role: None,
            lease: Millis::from_secs(30),
            search: SearchBounds::default(),
        }
    }
}

/// The ledger, work queue, queries and database register on PostgreSQL. Clones share the pool.
#[derive(Clone)]
pub struct PgStore {
    pool: PgPool,
    lease: Millis,
    search: SearchBounds,
    lanes: RunLanes,
}

impl PgStore {
    /// Connects. The schema is not touched; see [`crate::migrate`].
    ///
    /// # Errors
    /// The URL is none, or the server can't be reached or refuses the credentials.
    pub async fn connect(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        let connect = connect_options(url, options)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout.to_std())
            // A round trip for each statement would be much; see `TRUSTED_IDLE`.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(connect)
            .await
            .map_err(store_error)?;
        Ok(Self { pool, lease: options.lease, search: options.search, lanes: RunLanes::default() })
    }

    /// The pool, for migrations and for closing it.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction. A connection that died in the pool is replaced once: nothing was sent on it.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        match self.pool.begin().await {
            Err(error) if matches!(error, sqlx::Error::Io(_)) && is_lost(&error) => {
                self.pool.begin().await.map_err(store_error)
            }
            begun => begun.map_err(store_error),
        }
    }
}

fn connect_options(url: &str, options: &StoreOptions) -> Result<PgConnectOptions, StoreError> {
    let connect = PgConnectOptions::from_str(url).map_err(store_error)?;
    let settings = [
        ("statement_timeout", options.statement_timeout),
        ("lock_timeout", options.lock_timeout),
        ("idle_in_transaction_session_timeout", options.idle_in_transaction_timeout),
    ];
    let settings = settings.map(|(name, span)| (name, span.0.to_string()));
    let role = options.role.iter().map(|role| ("role", role.clone()));
    Ok(connect.application_name(&options.application_name).options(settings.into_iter().chain(role)))
}
