//! The one place where the process's own clock and randomness enter.

use std::time::{SystemTime, UNIX_EPOCH};

use countersign_kernel::Timestamp;
use countersign_usecases::port::Entropy;

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

/// The host's clock.
pub fn host_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "app is where the host's clock enters")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
