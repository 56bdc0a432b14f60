//! The in-memory ledger passes the contract suite.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::Millis;
use countersign_testkit::contract::{ContractClock, Doors, StoreFixture};
use countersign_testkit::{MemoryStore, TestClock, contract_suite};

struct Memory;

struct MovedClock(TestClock);

#[async_trait]
impl ContractClock for MovedClock {
    async fn advance(&self, span: Millis) {
        self.0.advance(span);
    }
}

#[async_trait]
impl StoreFixture for Memory {
    async fn fresh(&self) -> Doors {
        let clock = TestClock::ticking();
        let store = MemoryStore::with_lease(clock.clone(), Millis(1_000));
        Doors::new(Arc::new(store), MovedClock(clock))
    }
}

contract_suite!(Memory);
