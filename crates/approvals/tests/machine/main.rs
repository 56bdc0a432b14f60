//! The machine of an action request, held against what the domain page says of it: by a literal table, by cases, and by long random
//! sequences.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

mod answers;
mod drift;
mod execution;
mod fixture;
mod model;
mod sequences;
mod state_table;
mod votes;
mod words;
