//! Randomness that is the same in every run of a test.

use std::sync::Mutex;

use countersign_kernel::{CommitId, CorrelationId, EventId, RequestId, WorkerId};
use countersign_usecases::port::{Entropy, Ids};

use crate::clock::TestClock;

/// A source of bytes that depends on its seed only (SplitMix64). Never for secrets outside tests.
#[derive(Debug)]
pub struct SeededEntropy {
    state: Mutex<u64>,
}

impl SeededEntropy {
    /// The source of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: Mutex::new(seed) }
    }

    fn next(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`, for tests that choose; 0 when there is nothing to choose from.
    pub fn below(&self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next() % limit }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// Ids that are the same in every run of a test, of the time of a test clock.
#[derive(Debug)]
pub struct TestIds {
    entropy: SeededEntropy,
    clock: TestClock,
}

impl TestIds {
    /// The ids of this seed.
    pub fn new(seed: u64, clock: TestClock) -> Self {
        Self { entropy: SeededEntropy::new(seed), clock }
    }

    /// The maker of ids that the use cases take, of the clock's time now.
    pub fn ids(&self) -> Ids<'_> {
        Ids::new(&self.entropy, self.clock.now())
    }

    /// The source of bytes.
    pub fn entropy(&self) -> &SeededEntropy {
        &self.entropy
    }

    /// A new request's id.
    pub fn request(&self) -> RequestId {
        self.ids().request()
    }

    /// A new correlation id.
    pub fn correlation(&self) -> CorrelationId {
        self.ids().correlation()
    }

    /// A new event's id.
    pub fn event(&self) -> EventId {
        self.ids().event()
    }

    /// A new commit's id.
    pub fn commit(&self) -> CommitId {
        self.ids().commit()
    }

    /// A new worker's id.
    pub fn worker(&self) -> WorkerId {
        self.ids().worker()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let (mut a, mut b, mut c) = ([0; 13], [0; 13], [0; 13]);
        SeededEntropy::new(7).fill(&mut a);
        SeededEntropy::new(7).fill(&mut b);
        SeededEntropy::new(8).fill(&mut c);
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = TestIds::new(1, TestClock::default());
        assert_ne!(ids.request(), ids.request());
    }
}
