//! Waking those who wait inside this process: workers and streams. Between replicas a short poll does the same.

/// Tells waiting parts of the process that a commit was written.
pub trait Wake: Send + Sync {
    /// Something changed; have a look.
    fn wake(&self);
}

/// Wakes nobody: for tests and embedders that poll.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}
