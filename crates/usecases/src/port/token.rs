//! Run tokens: what an agent proves its run by. Signed elsewhere, with a rotatable key; claims carry identity only.

use countersign_kernel::{RunId, Timestamp};

/// A freshly signed token.
#[derive(Clone)]
pub struct IssuedToken {
    /// The token. Shown once, never logged or stored.
    pub token: String,
    /// Until when it is accepted.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedToken(hidden, expires_at: {})", self.expires_at)
    }
}

/// A token could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run token could not be signed: {0}")]
pub struct TokenError(pub String);

/// Signs run tokens.
pub trait RunTokens: Send + Sync {
    /// A token for this run, valid from now.
    ///
    /// # Errors
    /// The signing key is not usable.
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError>;
}
