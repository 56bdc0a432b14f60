//! The use cases on the in-memory ledger and the test clock: what agents, people and workers do, and what is stored of it.
//!
//! Warrants and control tools are mocked where calls, their order or their arguments matter; storage never is.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

mod batches;
mod commits;
mod databases;
mod execution;
mod invariants;
mod refusals;
mod runs;
mod sign_in;
mod story;
mod support;
mod upkeep;
mod voice;
mod watch;
