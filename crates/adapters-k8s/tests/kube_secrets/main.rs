//! The adapter against the Kubernetes stand-in: what it does, and what it makes of every answer.

mod errors;
mod reading;
mod secrecy;
mod support;
mod undoing;
mod writing;
