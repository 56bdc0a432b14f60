//! What the process brings: its clock, its randomness, its tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use countersign_kernel::{Millis, RunId, Timestamp};
use countersign_usecases::port::{Entropy, IssuedToken, RunTokens, Stopwatch, TokenError};

/// The operating system's randomness.
#[derive(Clone, Copy)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "a process is where randomness enters")]
        #[expect(clippy::expect_used, reason = "without randomness nothing is safe to do")]
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}

/// The host's clock, which is the ledger's clock when the ledger is a file.
pub fn host_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a process is where the clock enters")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The process's monotonic clock: a worker lets go of its lease by it when the ledger can't be asked.
pub struct TokioWatch(tokio::time::Instant);

impl TokioWatch {
    /// A watch that begins now.
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[async_trait]
impl Stopwatch for TokioWatch {
    fn elapsed(&self) -> Millis {
        Millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&self, span: Millis) {
        tokio::time::sleep(Duration::from_millis(span.0)).await;
    }
}

/// Agents of this process are called directly and need no token; the port asks for one all the same.
pub struct OwnTokens;

impl RunTokens for OwnTokens {
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken { token: format!("in-process:{run}"), expires_at: now.plus(Millis::from_secs(3600)) })
    }
}
