//! The contract suite of the testkit.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_adapters_postgres::{PgStore, StoreOptions};
use countersign_kernel::Millis;
use countersign_testkit::contract::{Doors, SleepingClock, StoreFixture};

use crate::postgres_server::Database;

struct Postgres;

#[async_trait]
impl StoreFixture for Postgres {
    async fn fresh(&self) -> Doors {
        let database = Database::migrated().await;
        let options = StoreOptions { lease: Millis(2_000), ..StoreOptions::default() };
        let store = PgStore::connect(&database.url, &options).await.unwrap();
        Doors::new(Arc::new(store), SleepingClock)
    }
}

countersign_testkit::contract_suite!(Postgres);
