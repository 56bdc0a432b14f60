//! The contract that every ledger keeps, on SQLite.

#![expect(clippy::unwrap_used, reason = "a store that can't be opened fails the test")]

use std::sync::Arc;

use async_trait::async_trait;
use countersign_adapters_sqlite::{SqliteOptions, SqliteStore};
use countersign_kernel::Millis;
use countersign_testkit::TestClock;
use countersign_testkit::contract::{ContractClock, Doors, StoreFixture};
use tempfile::TempDir;

/// A file of its own for each rule.
struct InOneFile;

/// The host's clock, moved by the suite.
struct HostClock(TestClock);

#[async_trait]
impl ContractClock for HostClock {
    async fn advance(&self, span: Millis) {
        self.0.advance(span);
    }
}

#[async_trait]
impl StoreFixture for InOneFile {
    async fn fresh(&self) -> Doors {
        let folder = TempDir::new().unwrap();
        let clock = TestClock::ticking();
        let options = SqliteOptions { lease: Millis(400), ..SqliteOptions::default() };
        let host = clock.clone();
        let store =
            SqliteStore::open(folder.path().join("ledger.db"), options, move || host.now()).await.unwrap();
        Doors::new(Arc::new(store), HostClock(clock)).keep(folder)
    }
}

mod contract {
    use super::InOneFile;
    countersign_testkit::contract_suite!(InOneFile);
}
