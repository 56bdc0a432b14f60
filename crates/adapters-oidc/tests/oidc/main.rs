//! The adapter against a stand-in over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

mod outages;
mod provider;
mod support;
mod user_info;
