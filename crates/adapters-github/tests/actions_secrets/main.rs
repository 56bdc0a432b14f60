//! The adapter against the GitHub stand-in: what it does, and what it makes of every answer.

mod errors;
mod secrecy;
mod support;
mod using;
