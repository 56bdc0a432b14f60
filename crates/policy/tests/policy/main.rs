//! Tests of the policy crate through its public interface: tables of errors with their places, tables of answers, explanations, and
//! properties over random policies.
#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

mod answers;

mod errors;
mod explanations;

mod properties;
mod rule_errors;
mod support;
mod warnings;
