//! An attempt to sign in: what was sent along to the provider, and what its answer has to fit.

use countersign_kernel::{Digest, Millis, Timestamp};

use super::return_to::ReturnTo;
use super::secret::Secret;

/// How long an answer of the provider is waited for.
pub const ATTEMPT_LASTS: Millis = Millis::from_secs(10 * 60);

/// An attempt as it is stored. It is taken out by the first answer that fits, good or bad: none counts twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The hash of the `state` that goes to the provider and comes back.
    pub state: Digest,
    /// The hash of the secret in the cookie of the browser that began: an answer brought by another browser fits nothing.
    pub browser: Digest,
    /// What the identity token has to repeat.
    pub nonce: Secret,
    /// What the code is exchanged with (RFC 7636): whoever only saw the code can do nothing with it.
    pub verifier: Secret,
    /// Where to go afterwards.
    pub return_to: ReturnTo,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
}

impl Attempt {
    /// Whether an answer still counts.
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}
