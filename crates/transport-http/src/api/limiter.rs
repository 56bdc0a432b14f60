//! How often one caller may ask: a bucket of tokens for each, filled steadily.
//!
//! Counted by this server alone: behind several replicas a caller may ask as often at each. Whoever is known is counted before anything else is
//! looked at, so that what is refused counts as well. Whoever is not known, by a token or a session, is not counted: refusing a token costs a
//! hash, refusing a cookie one look into the store, and the proxy in front knows addresses better.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use countersign_kernel::{Fault, Kind, Millis, Principal};

/// A minute in milliseconds. A request costs so much, and each millisecond brings a caller's requests per minute of it.
const MINUTE_MS: u64 = 60_000;

/// At so many callers those whose buckets are full again are forgotten.
const SWEEP_AT: usize = 1024;

/// A caller asks too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {per_minute} requests a minute; try again in {retry_after_s} s")]
pub(super) struct TooMany {
    per_minute: NonZeroU32,
    /// After how many seconds the next request is let in.
    pub(super) retry_after_s: u64,
}

impl Fault for TooMany {
    fn kind(&self) -> Kind {
        Kind::Exhausted
    }

    fn code(&self) -> &'static str {
        "rate_limited"
    }
}

struct Bucket {
    /// What is left, in sixty-thousandths of a request.
    left: u64,
    at: Millis,
}

/// The buckets of all callers.
pub(super) struct Limiter {
    per_minute: NonZeroU32,
    buckets: Mutex<HashMap<Principal, Bucket>>,
}

impl Limiter {
    /// So many requests a minute for each caller.
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, buckets: Mutex::default() }
    }

    /// Takes so many requests out of the caller's bucket; never more than it holds when it is full, so that none waits for ever. `now` is
    /// elapsed time that never goes back.
    pub(super) fn take(&self, who: &Principal, requests: usize, now: Millis) -> Result<(), TooMany> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_AT && !buckets.contains_key(who) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.full());
        }
        let bucket = buckets.entry(who.clone()).or_insert(Bucket { left: self.full(), at: now });
        bucket.left = self.filled(bucket, now);
        bucket.at = now;
        let cost = u64::try_from(requests).unwrap_or(u64::MAX).saturating_mul(MINUTE_MS).min(self.full());
        match bucket.left.checked_sub(cost) {
            Some(left) => {
                bucket.left = left;
                Ok(())
            }
            None => {
                let wait_ms = (cost - bucket.left).div_ceil(self.rate());
                Err(TooMany { per_minute: self.per_minute, retry_after_s: wait_ms.div_ceil(1000).max(1) })
            }
        }
    }

    fn filled(&self, bucket: &Bucket, now: Millis) -> u64 {
        let brought = now.0.saturating_sub(bucket.at.0).saturating_mul(self.rate());
        bucket.left.saturating_add(brought).min(self.full())
    }

    fn full(&self) -> u64 {
        self.rate() * MINUTE_MS
    }

    fn rate(&self) -> u64 {
        u64::from(self.per_minute.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Principal {
        Principal::parse(name).unwrap()
    }

    fn limiter(per_minute: u32) -> Limiter {
        Limiter::new(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn so_many_at_once_then_as_time_brings_them() {
        let (limiter, alice) = (limiter(2), who("user:github:alice"));
        assert_eq!(
            [limiter.take(&alice, 1, Millis(0)), limiter.take(&alice, 1, Millis(0))],
            [Ok(()), Ok(())]
        );
        let refused = limiter.take(&alice, 1, Millis(0)).unwrap_err();
        assert_eq!(
            (refused.code(), refused.kind(), refused.retry_after_s),
            ("rate_limited", Kind::Exhausted, 30)
        );
        assert_eq!(limiter.take(&alice, 1, Millis(29_999)).unwrap_err().retry_after_s, 1);
        assert!(limiter.take(&alice, 1, Millis(30_000)).is_ok());
        assert!(limiter.take(&alice, 1, Millis(30_000)).is_err());
        assert!(limiter.take(&who("user:github:bob"), 1, Millis(30_000)).is_ok(), "each has their own");
        // A long rest brings no more than a full bucket.
        let rested = (0..3).map(|_| limiter.take(&alice, 1, Millis(9_000_000)).is_ok());
        assert_eq!(rested.collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn several_at_once_cost_as_much_as_one_by_one_and_never_more_than_there_can_be() {
        let (limiter, alice) = (limiter(60), who("user:github:alice"));
        limiter.take(&alice, 50, Millis(0)).unwrap();
        assert_eq!(limiter.take(&alice, 20, Millis(0)).unwrap_err().retry_after_s, 10);
        assert!(limiter.take(&alice, 10, Millis(0)).is_ok(), "a refusal costs nothing");
        assert!(limiter.take(&alice, 1000, Millis(60_000)).is_ok(), "a full bucket is enough for anything");
        assert!(limiter.take(&alice, 1, Millis(60_000)).is_err());
    }

    #[test]
    fn callers_whose_buckets_are_full_are_forgotten() {
        let limiter = limiter(60);
        for number in 0..SWEEP_AT {
            limiter.take(&who(&format!("user:github:u{number}")), 1, Millis(0)).unwrap();
        }
        limiter.take(&who("user:github:late"), 1, Millis(1000)).unwrap();
        assert_eq!(limiter.buckets.lock().unwrap().len(), 1);
    }
}
