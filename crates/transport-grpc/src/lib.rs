//! The gRPC surface `countersign.v1`: agents, runs, approvals, policy, events.
//!
//! It turns messages into the words of the domain and back, proves who calls, and asks the use cases. All that is wrong with a message is
//! answered at once; every refusal carries its stable code.
//!
//! **Architecture invariant:** nothing is decided here, and no request names its caller; who may call what is asked of
//! [`countersign_usecases::access`]. There is no
//! storage, no clock and no randomness of its own: time comes with what the use cases load, randomness with [`GrpcDeps`].
//!
//! Deliberately absent: TLS (ended in front of the server) and rate limits (the use cases count refusals and calls that changed
//! nothing; here only the open streams of one caller are limited).

pub mod access;
mod agent;
mod approvals;
mod audit;
pub mod client;
mod convert;
mod databases;
mod gate;
mod identity;
mod pace;
mod policy;
mod runs;
mod server;
mod settings;
mod status;
pub mod v1;
mod wake;

pub use gate::GateLayer;
pub use server::{GrpcDeps, GrpcRouter, router, serve};
pub use settings::GrpcSettings;
pub use wake::ProcessWake;
