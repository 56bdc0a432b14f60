//! What a store brings to the suite.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::Millis;
use countersign_mcp_tools::ports::DatabaseRegister;
use countersign_usecases::port::{Ledger, Queries, SessionStore, Upkeep, WorkQueue};

/// Makes stores.
#[async_trait]
pub trait StoreFixture: Send + Sync {
    /// An empty store.
    async fn fresh(&self) -> Doors;
}

/// Lets a store's clock move on.
#[async_trait]
pub trait ContractClock: Send + Sync {
    /// Comes back when the store's clock is at least so much later.
    async fn advance(&self, span: Millis);
}

/// For stores whose clock runs by itself: waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct SleepingClock;

#[async_trait]
impl ContractClock for SleepingClock {
    async fn advance(&self, span: Millis) {
        tokio::time::sleep(span.to_std()).await;
    }
}

/// All ports of one store.
pub struct Doors {
    /// Snapshots and commits.
    pub ledger: Arc<dyn Ledger>,
    /// Leased work.
    pub work: Arc<dyn WorkQueue>,
    /// Lists and details.
    pub queries: Arc<dyn Queries>,
    /// Owner rows of databases.
    pub databases: Arc<dyn DatabaseRegister>,
    /// Upkeep.
    pub upkeep: Arc<dyn Upkeep>,
    /// Sessions and attempts to sign in.
    pub sessions: Arc<dyn SessionStore>,
    /// The store's clock.
    pub clock: Arc<dyn ContractClock>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Doors {
    /// The ports of a store that implements all of them.
    pub fn new<S>(store: Arc<S>, clock: impl ContractClock + 'static) -> Self
    where
        S: Ledger + WorkQueue + Queries + DatabaseRegister + Upkeep + SessionStore + 'static,
    {
        Self::of(store.clone(), store.clone(), store.clone(), store.clone(), store.clone(), store, clock)
    }

    /// The ports of a store where each is its own.
    pub fn of(
        ledger: Arc<dyn Ledger>,
        work: Arc<dyn WorkQueue>,
        queries: Arc<dyn Queries>,
        databases: Arc<dyn DatabaseRegister>,
        upkeep: Arc<dyn Upkeep>,
        sessions: Arc<dyn SessionStore>,
        clock: impl ContractClock + 'static,
    ) -> Self {
        Self { ledger, work, queries, databases, upkeep, sessions, clock: Arc::new(clock), kept: Vec::new() }
    }

    /// Keeps something alive as long as the store.
    #[must_use]
    pub fn keep(mut self, what: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(what));
        self
    }
}
