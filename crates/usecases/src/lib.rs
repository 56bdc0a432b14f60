//! The use cases: where the domains meet.
//!
//! A use case loads a snapshot, lets a pure domain function decide, and writes one [`commit::Commit`], all of it or nothing. One file per
//! command.
//!
//! **Architecture invariant:** there is no open transaction, no network call inside a commit, no SQL and no wire format here. Time comes
//! with the snapshot; randomness through [`port::Entropy`].

pub mod commit;
pub mod port;
pub mod record;
