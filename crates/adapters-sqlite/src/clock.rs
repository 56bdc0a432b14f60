//! The database's clock, which here is the host's: handed in by the process, and never going backwards while it lives.

use std::sync::atomic::{AtomicI64, Ordering};

use countersign_kernel::Timestamp;

pub(crate) struct HostClock {
    read: Box<dyn Fn() -> Timestamp + Send + Sync>,
    latest_us: AtomicI64,
}

impl HostClock {
    pub(crate) fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read), latest_us: AtomicI64::new(i64::MIN) }
    }

    /// Now, or the latest time ever given where the host's clock was set back: what was late once stays late.
    pub(crate) fn now(&self) -> Timestamp {
        let read_us = (self.read)().unix_micros();
        let latest_us = self.latest_us.fetch_max(read_us, Ordering::SeqCst);
        Timestamp::from_unix_micros(latest_us.max(read_us))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_stands_still() {
        let times = Mutex::new(vec![5, 30, 10, 20]);
        let next = move || Timestamp::from_unix_micros(times.lock().unwrap().pop().unwrap());
        let clock = HostClock::new(next);
        let seen: Vec<i64> = (0..4).map(|_| clock.now().unix_micros()).collect();
        assert_eq!(seen, [20, 20, 30, 30]);
    }
}
