//! A run's machine, held against what the domain page says of runs and waits: by a literal table, by cases, and by long random
//! sequences.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

mod budget;
mod fixture;
mod life;
mod sequences;
mod state_table;
mod windows;
mod words;
