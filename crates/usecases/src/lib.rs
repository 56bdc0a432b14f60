//! The use cases: where the domains meet.
//!
//! A use case loads a snapshot, lets a pure domain function decide, and writes one [`commit::Commit`], all of it or nothing. One file per
//! command.
//!
//! **Architecture invariant:** there is no open transaction, no network call inside a commit, no SQL and no wire format here. Time comes
//! with the snapshot; randomness through [`port::Entropy`].

pub mod access;
pub mod call_tool;
pub mod commit;
pub mod databases;
pub mod decisions;
pub mod error;
pub mod execution;
pub mod look;
pub mod master_keys;
pub mod outcomes;
pub mod paging;
pub mod policy_text;
pub mod port;
pub mod record;
pub mod runs;
pub mod seal;
pub mod search;
pub mod services;
pub mod sign_in;
pub mod timers;
pub mod upkeep;
pub mod voice;
pub mod warrants;
pub mod watch;
pub mod worker;

pub use error::{ServiceError, is_for_the_log};
pub use services::{Identity, Ports, Services};
