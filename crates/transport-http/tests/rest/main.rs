//! The REST surface over the in-memory ledger: every answer is held against the OpenAPI document.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

mod bad_input;
mod commands;
mod document;
mod edges;
mod pages;
mod reading;
mod sign_in;
mod stream;
mod support;
mod surface;
mod voice;
