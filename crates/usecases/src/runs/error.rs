//! Why a command on a run was refused.

use countersign_kernel::{Fault, Kind, ProjectKey, RunId};
use countersign_waitstate::{RegisterError, RunError};

use crate::error::ServiceError;

/// A command on a run was refused; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RunCommandError {
    /// There is no such run.
    #[error("run `{0}` is not registered")]
    Unknown(RunId),
    /// The project is not in the active policy text.
    #[error("project `{0}` is not in the active policy text")]
    UnknownProject(ProjectKey),
    /// The id is taken.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The run's state forbids it.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for RunCommandError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) => Kind::NotFound,
            Self::UnknownProject(_) => Kind::Denied,
            Self::Register(error) => error.kind(),
            Self::Run(error) => error.kind(),
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_run",
            Self::UnknownProject(_) => "unknown_project",
            Self::Register(error) => error.code(),
            Self::Run(error) => error.code(),
            Self::Service(error) => error.code(),
        }
    }
}
