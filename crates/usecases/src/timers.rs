//! What the clocks bring: requests expire, runs end.

pub mod end_run;
pub mod expire;

pub use end_run::end_run;
pub use expire::{expire_decision, expire_execution};
