//! Why a database is not restored.

use countersign_kernel::{DatabaseName, Fault, Kind, Timestamp};
use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};

use crate::error::ServiceError;

/// A database is not restored; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Nothing is kept under this name.
    #[error("server `{server}` keeps no database `{kept_as}`")]
    NotKept {
        /// The configured server's name.
        server: String,
        /// The name.
        kept_as: DatabaseName,
    },
    /// Its retention is over.
    #[error("database `{kept_as}` was kept until {until}; it is being dropped")]
    RetentionOver {
        /// The name it is kept under.
        kept_as: DatabaseName,
        /// The end of its retention.
        until: Timestamp,
    },
    /// Another database has the old name.
    #[error("the name `{name}` on server `{server}` belongs to another database by now")]
    NameTaken {
        /// The configured server's name.
        server: String,
        /// The old name.
        name: DatabaseName,
    },
    /// What has the name now is not the database that was quarantined.
    #[error("what is called `{kept_as}` on server `{server}` is not the database that was quarantined")]
    NotTheSame {
        /// The configured server's name.
        server: String,
        /// The name it is kept under.
        kept_as: DatabaseName,
    },
    /// The server is not configured any more.
    #[error("server `{server}` is not configured for environment `{environment}`")]
    ServerGone {
        /// The configured server's name.
        server: String,
        /// The environment.
        environment: String,
    },
    /// The server can't be looked at.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for DatabaseError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotKept { .. } => Kind::NotFound,
            Self::RetentionOver { .. } | Self::NameTaken { .. } | Self::NotTheSame { .. } => Kind::Conflict,
            Self::ServerGone { .. } => Kind::Unavailable,
            Self::Target(error) => match error.kind {
                TargetErrorKind::Unreachable
                | TargetErrorKind::NoAnswer
                | TargetErrorKind::RateLimited { .. }
                | TargetErrorKind::Broken => Kind::Unavailable,
                TargetErrorKind::Unauthorized
                | TargetErrorKind::Forbidden
                | TargetErrorKind::NotFound
                | TargetErrorKind::Conflict
                | TargetErrorKind::Fenced
                | TargetErrorKind::QuotaExceeded
                | TargetErrorKind::Invalid => Kind::Conflict,
            },
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotKept { .. } => "database_not_kept",
            Self::RetentionOver { .. } => "retention_over",
            Self::NameTaken { .. } => "database_name_taken",
            Self::NotTheSame { .. } => "database_not_ours",
            Self::ServerGone { .. } => "database_server_gone",
            Self::Target(error) => error.kind.code(),
            Self::Service(error) => error.code(),
        }
    }
}
