//! The crash harness: servers that die at every point of every story, at random moments, and with their answers cut; and an oracle that
//! compares what the targets saw with what the store says.
//!
//! `cargo xtask crash` runs it; docs/reliability.md holds what it found and what it doesn't cover.

pub mod arena;
pub mod cut;
pub mod errand;
pub mod look;
pub mod oracle;
pub mod planted;
pub mod plot;
pub mod points;
pub mod random;
pub mod story;
pub mod tale;
