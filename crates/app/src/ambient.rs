//! The one place where the process's own clocks and randomness enter.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::port::{Entropy, Stopwatch};

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // A system without randomness can't make ids, salts or secrets: there is nothing sensible to go on with.
        #[expect(clippy::disallowed_methods, reason = "app is where randomness enters")]
        #[expect(clippy::expect_used, reason = "without randomness nothing is safe to do")]
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}

/// The process's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicWatch {
    began: tokio::time::Instant,
}

impl MonotonicWatch {
    /// A watch that begins now.
    pub fn start() -> Self {
        Self { began: tokio::time::Instant::now() }
    }
}

#[async_trait]
impl Stopwatch for MonotonicWatch {
    fn elapsed(&self) -> Millis {
        Millis(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&self, span: Millis) {
        tokio::time::sleep(std::time::Duration::from_millis(span.0)).await;
    }
}

/// The host's clock.
pub fn host_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "app is where the host's clock enters")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
