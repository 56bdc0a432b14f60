//! What tests of Countersign and of what is built on it stand on: the in-memory ledger (the model of what every ledger does), a clock
//! that tests set, deterministic randomness, builders, control tools that do as they are told, and the contract suite.
//!
//! A development dependency only: nothing here belongs into a server. The one exception is the feature `planted`, whose deliberate faults
//! go into the server that shows that they are noticed.

pub mod build;
pub mod clock;
pub mod contract;
pub mod entropy;
pub mod memory;
#[cfg(feature = "planted")]
pub mod planted;
pub mod policy;
pub mod tools;

pub use clock::TestClock;
pub use entropy::{SeededEntropy, TestIds};
pub use memory::{CommitFault, MemoryStore, Rows};
pub use tools::{Effect, EffectJournal, TestTool};
