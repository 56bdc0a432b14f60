//! The tool registered, and run through the use cases on a SQLite ledger against the DNS service's stand-in, over real HTTP.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what is not as expected fails the test")]

mod applied;
mod cut;
mod drift;
mod input;
mod refused;
mod stand_in;
mod world;
