//! What every use case can fail with, beside its own refusals.

use countersign_audit::EntryError;
use countersign_kernel::{Fault, Kind};
use countersign_waitstate::RunError;

use crate::commit::DraftError;
use crate::port::{StoreError, TokenError};
use crate::seal::SealError;

/// Countersign itself can't do it, whoever asks.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Storage can't be reached; nothing was written.
    #[error(transparent)]
    Store(StoreError),
    /// The same thing was changed by others again and again; nothing was written.
    #[error("`{what}` is changing too fast; try again")]
    Busy {
        /// What.
        what: String,
    },
    /// The connection was lost while writing, and whether it was written could not be found out yet.
    #[error("the connection was lost while writing; look whether it was done before trying again")]
    InDoubt,
    /// There is no active policy text.
    #[error("no policy text is active; everything is refused until one is")]
    NoPolicy,
    /// The stored policy text does not compile with the tools of this server.
    #[error("the active policy text `{digest}` does not compile here: {errors}")]
    PolicyUnusable {
        /// Its digest.
        digest: String,
        /// What is wrong.
        errors: String,
    },
    /// The tool of a stored request is not registered on this server.
    #[error("the tool `{tool}` is not registered on this server")]
    ToolMissing {
        /// The tool.
        tool: String,
    },
    /// A token can't be signed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A secret value can't be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A stored document can't be read, or an event has no log entry: a defect.
    #[error("a defect: {0}")]
    Defect(String),
}

/// Whether the words of a fault are for the log alone, not for whoever called: what is wrong with ourselves, and what a store's driver said.
pub fn is_for_the_log(fault: &dyn Fault) -> bool {
    fault.kind() == Kind::Internal || fault.code() == "store_unavailable"
}

impl Fault for ServiceError {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(StoreError::Unavailable { .. } | StoreError::Unknown { .. }) | Self::InDoubt => {
                Kind::Unavailable
            }
            Self::Store(StoreError::Stale { .. }) | Self::Busy { .. } => Kind::Busy,
            Self::Store(StoreError::ForeignCursor { .. }) => Kind::Invalid,
            Self::Store(StoreError::Corrupt { .. } | StoreError::Refused { .. })
            | Self::Token(_)
            | Self::Seal(_)
            | Self::Defect(_) => Kind::Internal,
            Self::NoPolicy => Kind::Denied,
            Self::PolicyUnusable { .. } | Self::ToolMissing { .. } => Kind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Store(StoreError::Unavailable { .. } | StoreError::Unknown { .. }) => "store_unavailable",
            Self::InDoubt => "commit_in_doubt",
            Self::Store(StoreError::Stale { .. }) | Self::Busy { .. } => "busy",
            Self::Store(StoreError::Corrupt { .. }) => "corrupt_row",
            Self::Store(StoreError::ForeignCursor { .. }) => "foreign_cursor",
            Self::NoPolicy => "no_policy",
            Self::PolicyUnusable { .. } => "policy_unusable",
            Self::Seal(_) => "sealing_failed",
            Self::ToolMissing { .. } => "unknown_tool",
            Self::Store(StoreError::Refused { .. }) | Self::Token(_) | Self::Defect(_) => "internal",
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DraftError> for ServiceError {
    fn from(error: DraftError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl From<EntryError> for ServiceError {
    fn from(error: EntryError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl From<RunError> for ServiceError {
    fn from(error: RunError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl From<countersign_mcp_tools::DecodeError> for ServiceError {
    fn from(error: countersign_mcp_tools::DecodeError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl From<countersign_kernel::CanonicalError> for ServiceError {
    fn from(error: countersign_kernel::CanonicalError) -> Self {
        Self::Defect(error.to_string())
    }
}
