//! A provider of identities: somebody else proves who a person is (OpenID Connect, authorization code with PKCE).

use async_trait::async_trait;
use countersign_kernel::Timestamp;
use serde_json::Value;

use crate::sign_in::Secret;
use crate::sign_in::claims::ClaimRules;

/// The provider did not do its part. Its words are for whoever wants in; [`Self::why`] is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It can't be reached, answers too slowly or too much, or not with what a provider answers.
    #[error("the provider of identities can't be used now; try again")]
    Unavailable {
        /// What was seen.
        why: String,
    },
    /// It did not take our code, or us.
    #[error("the provider of identities did not confirm who you are; sign in again")]
    Refused {
        /// Its own word for it.
        why: String,
    },
    /// Its identity token doesn't hold, or what it said beside it.
    #[error("what the provider of identities said about you is not accepted; sign in again")]
    NotAccepted {
        /// Which check it failed.
        why: String,
    },
}

impl ProviderError {
    /// What happened, in words for whoever runs the server.
    pub fn why(&self) -> &str {
        match self {
            Self::Unavailable { why } | Self::Refused { why } | Self::NotAccepted { why } => why,
        }
    }
}

/// What goes to the provider with an attempt.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// Comes back with the answer.
    pub state: Secret,
    /// Comes back in the identity token.
    pub nonce: Secret,
    /// Goes along as its hash, and as it is with the code.
    pub verifier: Secret,
}

/// What came back from the provider, and what it has to fit.
#[derive(Clone, Copy)]
pub struct Returned<'r> {
    /// The code, good once.
    pub code: &'r str,
    /// What the identity token has to repeat.
    pub nonce: &'r Secret,
    /// What the hash was made of that went along.
    pub verifier: &'r Secret,
}

/// A provider of identities.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Where the browser is sent to. What the provider says about itself may have been read some time before `now`.
    ///
    /// # Errors
    /// What the provider says about itself can't be read.
    async fn authorization_url(&self, challenge: &Challenge, now: Timestamp)
    -> Result<String, ProviderError>;

    /// Exchanges the code and verifies the identity token: signature, issuer, audience, nonce, and its times by `now`. Gives its claims,
    /// completed by what else the provider says about the same person where `rules` find too little in them.
    ///
    /// # Errors
    /// The provider can't be used, refuses, or says something that doesn't hold.
    async fn redeem(
        &self,
        returned: Returned<'_>,
        rules: &ClaimRules,
        now: Timestamp,
    ) -> Result<Value, ProviderError>;

    /// Whether an answer that names its issuer (RFC 9207) is this provider's.
    fn is_issuer(&self, issuer: &str) -> bool;
}
