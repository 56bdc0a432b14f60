//! Randomness, and the ids made from it.

use countersign_kernel::{CommitId, CorrelationId, EventId, RequestId, SessionId, Timestamp, WorkerId};

/// A source of random bytes. The operating system's in production, a seeded one in tests.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// Makes ids of a given time from a source of randomness.
#[derive(Clone, Copy)]
pub struct Ids<'a> {
    entropy: &'a dyn Entropy,
    now: Timestamp,
}

impl<'a> Ids<'a> {
    /// Ids of this time.
    pub fn new(entropy: &'a dyn Entropy, now: Timestamp) -> Self {
        Self { entropy, now }
    }

    /// So many random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A new request's id.
    pub fn request(&self) -> RequestId {
        RequestId::from_parts(self.now, self.bytes())
    }

    /// A new correlation id.
    pub fn correlation(&self) -> CorrelationId {
        CorrelationId::from_parts(self.now, self.bytes())
    }

    /// A new event's id.
    pub fn event(&self) -> EventId {
        EventId::from_parts(self.now, self.bytes())
    }

    /// A new commit's id.
    pub fn commit(&self) -> CommitId {
        CommitId::from_parts(self.now, self.bytes())
    }

    /// A new session's id.
    pub fn session(&self) -> SessionId {
        SessionId::from_parts(self.now, self.bytes())
    }

    /// A new worker's id.
    pub fn worker(&self) -> WorkerId {
        WorkerId::from_parts(self.now, self.bytes())
    }
}
