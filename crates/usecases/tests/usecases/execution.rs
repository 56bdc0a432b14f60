//! Doing what was approved, and everything that can come in between.
