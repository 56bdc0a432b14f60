//! Why a person's command on a request was refused.

use countersign_approvals::{DecideError, StateError};
use countersign_kernel::{Fault, Kind, RequestId};

use crate::error::ServiceError;

/// A person's command on a request was refused; the request is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// There is no such request, or the caller may not know of it.
    #[error("there is no request `{0}`")]
    Unknown(RequestId),
    /// The decision or answer doesn't count.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// The state forbids it.
    #[error(transparent)]
    State(#[from] StateError),
    /// It changed since the caller looked, and the caller insisted that it hasn't.
    #[error("request `{id}` is at version {current}, which is not what you looked at")]
    VersionChanged {
        /// The request.
        id: RequestId,
        /// What it is.
        current: u64,
    },
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for DecisionError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) => Kind::NotFound,
            Self::Decide(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::VersionChanged { .. } => Kind::Conflict,
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_request",
            Self::Decide(error) => error.code(),
            Self::State(error) => error.code(),
            Self::VersionChanged { .. } => "version_changed",
            Self::Service(error) => error.code(),
        }
    }
}
