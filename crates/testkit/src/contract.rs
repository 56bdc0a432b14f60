//! The contract suite: what every ledger, work queue and reader has to do, one test per rule.
//!
//! The ports in [`countersign_usecases::port`] and the members of
//! [`CommitRecords`](countersign_usecases::commit::CommitRecords) say it in words; this suite checks it from outside, through the ports
//! alone. It runs on the in-memory ledger, on SQLite and on PostgreSQL. A platform team that brings its own store runs it as well:
//!
//! ```
//! use std::sync::Arc;
//!
//! use countersign_kernel::Millis;
//! use countersign_testkit::contract::{ContractClock, Doors, StoreFixture};
//! use countersign_testkit::{MemoryStore, TestClock};
//!
//! /// Makes an empty store for each rule.
//! struct Mine;
//!
//! /// Lets the store's clock move on. A store with a clock of its own takes `SleepingClock` instead, which waits.
//! struct MyClock(TestClock);
//!
//! #[async_trait::async_trait]
//! impl ContractClock for MyClock {
//!     async fn advance(&self, span: Millis) {
//!         self.0.advance(span);
//!     }
//! }
//!
//! #[async_trait::async_trait]
//! impl StoreFixture for Mine {
//!     async fn fresh(&self) -> Doors {
//!         let clock = TestClock::ticking();
//!         let store = MemoryStore::with_lease(clock.clone(), Millis(1_000));
//!         Doors::new(Arc::new(store), MyClock(clock))
//!     }
//! }
//!
//! countersign_testkit::contract_suite!(Mine);
//! ```
//!
//! What a fixture has to see to:
//! - each [`StoreFixture::fresh`] is empty: no run, no policy, no event. What has to live as long as the store (a temporary folder, a
//!   container) goes into [`Doors::keep`];
//! - leases are short (one second does), because the suite waits for them to run out;
//! - the store's clock has microseconds, as that of every ledger.
//!
//! Rules are plain functions, too, so that a single one can be called: `contract::keys::a_key_stays_taken_for_ever(&Mine).await`.

#![expect(clippy::unwrap_used, reason = "the suite is test code: what is not as expected fails the test")]

pub mod atomic;
pub mod commits;
pub mod events;
pub mod guards;
pub mod keys;
pub mod marks;
pub mod queries;
pub mod races;
pub mod run_pages;
pub mod search;
pub mod sessions;
pub mod snapshots;
pub mod upkeep;
pub mod work;

mod dump;
mod fixture;
mod laden;
mod suite;
mod world;

pub use fixture::{ContractClock, Doors, SleepingClock, StoreFixture};
