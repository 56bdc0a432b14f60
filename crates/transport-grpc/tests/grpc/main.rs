//! The gRPC surface over real connections, on the in-memory ledger.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod databases;
mod faults;
mod listing;
mod reflection;
mod runs;
mod story;
mod streams;
mod support;
mod surface;
