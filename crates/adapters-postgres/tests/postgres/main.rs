//! The store on a real PostgreSQL: the contract every ledger keeps, and what only PostgreSQL has.

#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test, in helpers as in tests")]

mod commits;
mod contract;
mod corrupt;
mod databases;
mod events;
mod loss;
mod migrations;
#[path = "../support/postgres_server.rs"]
mod postgres_server;
mod races;
mod roles;
mod search;
mod steps;
mod story;
