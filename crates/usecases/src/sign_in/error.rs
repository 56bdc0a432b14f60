//! Why a sign-in came to nothing.

use countersign_kernel::{Fault, Kind, Principal};

use super::claims::ClaimError;
use crate::error::ServiceError;
use crate::port::{ProviderError, StoreError};

/// A sign-in came to nothing, or a session is not there.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Storage.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The provider of identities.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// There is no such attempt: too old, answered before, or another browser's.
    #[error("this sign-in is too old, was finished before, or was begun in another browser; begin it again")]
    NoAttempt,
    /// The provider sent the browser back with an error.
    #[error("the provider of identities did not sign you in: `{error}`")]
    Declined {
        /// Its word for it.
        error: String,
    },
    /// The claims don't name anybody we could know.
    #[error(transparent)]
    Claims(#[from] ClaimError),
    /// Nothing that this person proved gives them a role.
    #[error("`{principal}` has no role here: none of your groups is mapped to one")]
    NoRole {
        /// Who.
        principal: Principal,
    },
    /// This server has no such way in.
    #[error("this server doesn't offer that way to sign in")]
    NotOffered,
    /// The session of the cookie is over, or never was.
    #[error("you are not signed in, or no longer; sign in again")]
    NotSignedIn,
}

impl Fault for SignInError {
    fn kind(&self) -> Kind {
        match self {
            Self::Service(error) => error.kind(),
            Self::Provider(ProviderError::Unavailable { .. }) => Kind::Unavailable,
            Self::Provider(ProviderError::Refused { .. } | ProviderError::NotAccepted { .. })
            | Self::Declined { .. }
            | Self::Claims(_)
            | Self::NoRole { .. } => Kind::Denied,
            Self::NoAttempt => Kind::Invalid,
            Self::NotOffered => Kind::NotFound,
            Self::NotSignedIn => Kind::Unauthenticated,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Service(error) => error.code(),
            Self::Provider(ProviderError::Unavailable { .. }) => "provider_unavailable",
            Self::Provider(ProviderError::Refused { .. } | ProviderError::NotAccepted { .. }) => {
                "identity_not_proved"
            }
            Self::NoAttempt => "sign_in_expired",
            Self::Declined { .. } => "sign_in_declined",
            Self::Claims(_) => "identity_unusable",
            Self::NoRole { .. } => "no_role",
            Self::NotOffered => "sign_in_not_offered",
            Self::NotSignedIn => "not_signed_in",
        }
    }
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}
