//! The adapter against the Kubernetes stand-in, and what holds on any cluster (`suite`) against a real one too: what it does, and what it
//! makes of every answer.

mod bench;
mod errors;
mod reading;
mod secrecy;
mod suite;
mod support;
mod undoing;
mod writing;
