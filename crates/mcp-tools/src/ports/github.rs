//! GitHub Actions secrets as a target.

use async_trait::async_trait;
use countersign_kernel::{Environment, Repository, Timestamp};

use super::error::{Access, TargetError};
use crate::secret::SecretValue;

/// The most secrets a repository, and the most one of its environments, may hold.
/// <https://docs.github.com/en/actions/reference/security/secrets#limits-for-secrets>
pub const MAX_SECRETS: u32 = 100;

/// Where an Actions secret lives: in a repository, or in one of its deployment environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPlace {
    /// The repository.
    pub repository: Repository,
    /// The deployment environment; `None` for the repository's own secrets.
    pub environment: Option<Environment>,
}

/// What GitHub tells of a secret: never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubSecretSeen {
    /// `created_at`, in whole seconds.
    pub created_at: Timestamp,
    /// `updated_at`, in whole seconds.
    pub updated_at: Timestamp,
}

/// What a write left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubReceipt {
    /// Whether the secret was new (201) rather than replaced (204).
    pub created: bool,
    /// `updated_at` as read back after the write; `None` when reading it back failed (the write itself succeeded).
    pub updated_at: Option<Timestamp>,
}

/// Actions secrets of one GitHub.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait GithubSecrets: Send + Sync {
    /// The secret as GitHub tells of it; `None` when the place exists and the secret doesn't. A missing place is `NotFound`.
    async fn look(&self, place: &SecretPlace, name: &str) -> Result<Option<GithubSecretSeen>, TargetError>;

    /// Whether our credentials may write secrets there (the public key is readable).
    async fn access(&self, place: &SecretPlace) -> Result<Access, TargetError>;

    /// How many secrets the place holds.
    async fn count(&self, place: &SecretPlace) -> Result<u32, TargetError>;

    /// Seals the value for the place's current public key, fetched fresh, and puts it.
    async fn put(
        &self,
        place: &SecretPlace,
        name: &str,
        value: &SecretValue,
    ) -> Result<GithubReceipt, TargetError>;
}
