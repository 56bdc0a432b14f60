//! What the contract suite can't see from outside: shared transactions, bytes on disk, damaged rows, one process per file.

mod atomic;
mod batches;
mod corrupt;
mod databases;
mod files;
mod secrets;
mod support;
