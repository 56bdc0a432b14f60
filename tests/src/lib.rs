//! Black-box suites against real server processes: deny, approve, timeout for every control tool, and what happens when a server is killed.
//!
//! The suites know a server only by its gRPC address and tokens, so they also run against a deployment of one's own:
//! `cargo xtask suite deny --server URL --tokens FILE`.

pub mod browser;
pub mod canary;
pub mod clients;
pub mod crash;
pub mod deployment;
pub mod floor;
pub mod plans;
pub mod process;
pub mod reads;
pub mod rest_contract;
pub mod seed;
pub mod store;
pub mod suites;
pub mod table;
