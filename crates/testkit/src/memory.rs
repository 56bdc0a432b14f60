//! The in-memory ledger: the model of what every ledger does, word for word what the ports say, and the store of the tests of use cases.
//!
//! All rows live behind one lock. A commit writes into journaled tables and takes every write back when a row is refused, so that nothing
//! is ever half written. Rows are read back through the same conversions as those of the databases.
//!
//! Deliberately absent: durability, and any speed beyond what tests need.

mod commit;
mod ledger;
mod queries;
mod register;
mod rows;
mod sessions;
mod statistics;
mod table;
mod tables;
mod upkeep;
mod work;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use countersign_kernel::Millis;
use countersign_usecases::port::StoreError;

use crate::clock::TestClock;
use tables::Tables;

pub use rows::{Rows, WorkRow};

/// How long a lease lasts unless a test says otherwise.
pub const LEASE: Millis = Millis::from_secs(30);

/// What the next commit comes to, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// Nothing is written; the caller is told that something moved.
    Stale,
    /// Nothing is written; the caller is told that the store can't be reached.
    Unavailable,
    /// It is written (if it can be), and the caller is told that the connection was lost.
    UnknownWritten,
    /// Nothing is written, and the caller is told that the connection was lost.
    UnknownNotWritten,
}

/// The in-memory ledger. Clones share their rows.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    clock: TestClock,
    lease: Millis,
    tables: Mutex<Tables>,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    commits: VecDeque<CommitFault>,
    unreachable: bool,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(TestClock::default())
    }
}

impl MemoryStore {
    /// An empty ledger with this clock as the database's.
    pub fn new(clock: TestClock) -> Self {
        Self::with_lease(clock, LEASE)
    }

    /// An empty ledger whose leases last so long.
    pub fn with_lease(clock: TestClock, lease: Millis) -> Self {
        let shared = Shared { clock, lease, tables: Mutex::default(), faults: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The database's clock.
    pub fn clock(&self) -> &TestClock {
        &self.shared.clock
    }

    /// Makes the next commit that has no fault planned for it yet come to this.
    pub fn fail_next_commit(&self, fault: CommitFault) {
        self.faults().commits.push_back(fault);
    }

    /// While set, every call, commits included, fails as [`StoreError::Unavailable`] and changes nothing.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.faults().unreachable = unreachable;
    }

    /// All rows, for assertions.
    pub fn rows(&self) -> Rows {
        Rows::of(&self.tables())
    }

    // A test that panicked while it held a lock has failed already; what it left is still consistent.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.shared.tables.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.shared.faults.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn reach(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        if self.faults().unreachable {
            return Err(StoreError::Unavailable {
                message: "the test made the store unreachable".to_owned(),
            });
        }
        Ok(self.tables())
    }
}
