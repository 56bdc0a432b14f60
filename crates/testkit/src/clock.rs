//! A clock that stands still until a test moves it: the database's clock of the in-memory ledger, and a stopwatch that goes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::port::Stopwatch;
use tokio::sync::Notify;

/// 2026-01-05T08:00:00Z: where test clocks begin.
pub const START: Timestamp = Timestamp::from_unix_micros(1_767_600_000_000_000);

/// A clock shared by all its clones.
#[derive(Clone, Debug)]
pub struct TestClock {
    micros: Arc<AtomicI64>,
    moved: Arc<Notify>,
    tick: i64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl TestClock {
    /// A clock that stands at this time.
    pub fn at(time: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicI64::new(time.unix_micros())), moved: Arc::default(), tick: 0 }
    }

    /// A clock that moves one microsecond each time it is read, so that no two readings are the same.
    pub fn ticking() -> Self {
        Self { tick: 1, ..Self::default() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.micros.fetch_add(self.tick, Ordering::SeqCst))
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Millis) {
        let micros = i64::try_from(span.0.saturating_mul(1000)).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, time: Timestamp) {
        self.micros.store(time.unix_micros(), Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Stopwatch for TestClock {
    fn elapsed(&self) -> Millis {
        Timestamp::from_unix_micros(self.micros.load(Ordering::SeqCst)).since(START)
    }

    async fn sleep(&self, span: Millis) {
        let until = self.elapsed().0.saturating_add(span.0);
        loop {
            let moved = self.moved.notified();
            if self.elapsed().0 >= until {
                return;
            }
            moved.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_until_moved_and_is_shared() {
        let clock = TestClock::default();
        let other = clock.clone();
        assert_eq!(clock.now(), START);
        other.advance(Millis(5));
        assert_eq!(clock.now(), START.plus(Millis(5)));
        other.set(START);
        assert_eq!(clock.now(), START);
    }

    #[test]
    fn a_ticking_clock_never_reads_the_same_twice() {
        let clock = TestClock::ticking();
        assert!(clock.now() < clock.now());
    }
}
