//! Doing what was approved, and everything that can come in between.

mod before;
mod crash;
mod hold;
mod locks;
mod steps;
mod timers;
mod undo;
mod unknown;
