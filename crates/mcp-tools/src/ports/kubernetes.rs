//! Kubernetes Secrets as a target.

use async_trait::async_trait;
use countersign_kernel::{Namespace, RequestId, Timestamp};

use super::error::{Access, TargetError};
use crate::secret::SecretValue;

/// One key of a Secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKeySeen {
    /// The key.
    pub name: String,
    /// The field manager that owns it, if the server tracks one.
    pub manager: Option<String>,
    /// When a manager last changed what it owns of the Secret, the latest of those that own this key, by the server's clock.
    pub changed_at: Option<Timestamp>,
}

/// What a Secret looks like from outside: never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSeen {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`: changes with every write.
    pub resource_version: String,
    /// `type`, such as `Opaque`.
    pub secret_type: String,
    /// `immutable`.
    pub immutable: bool,
    /// The keys under `data`, sorted by name.
    pub keys: Vec<SecretKeySeen>,
    /// Our annotation with the request that wrote it last, if any.
    pub written_by: Option<String>,
    /// Our annotation with the fence of that write, if any.
    pub fence: Option<u64>,
}

/// One write of one key.
#[derive(Debug)]
pub struct ApplyKey<'a> {
    /// The namespace; it has to exist.
    pub namespace: &'a Namespace,
    /// The Secret's name.
    pub name: &'a str,
    /// The key; all other keys stay as they are.
    pub key: &'a str,
    /// The value.
    pub value: &'a SecretValue,
    /// The version the Secret must still have; `None` when there was no Secret.
    pub expected_version: Option<&'a str>,
    /// Written into our annotation.
    pub request: RequestId,
    /// Written into our annotation.
    pub fence: u64,
}

/// One key that is taken away again.
#[derive(Debug)]
pub struct RemoveKey<'a> {
    /// The namespace.
    pub namespace: &'a Namespace,
    /// The Secret's name.
    pub name: &'a str,
    /// The key, which we applied; all other keys stay as they are.
    pub key: &'a str,
    /// The version the Secret must still have.
    pub expected_version: &'a str,
    /// Written into our annotation.
    pub request: RequestId,
    /// Written into our annotation.
    pub fence: u64,
}

/// What a write left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesReceipt {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion` after the write.
    pub resource_version: String,
}

/// Secrets of one cluster.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait KubernetesSecrets: Send + Sync {
    /// The Secret as it is; `None` when the namespace exists and the Secret doesn't. A missing namespace is `NotFound`.
    async fn look(&self, namespace: &Namespace, name: &str) -> Result<Option<SecretSeen>, TargetError>;

    /// Whether our credentials may get, create and patch this Secret (`SelfSubjectAccessReview`).
    async fn access(&self, namespace: &Namespace, name: &str) -> Result<Access, TargetError>;

    /// Sets one key by server-side apply with our field manager, never by force. A version that moved or a key that another manager
    /// owns is `Conflict`; a Secret that carries a higher fence than ours is `Fenced`.
    async fn apply_key<'a>(&self, write: ApplyKey<'a>) -> Result<KubernetesReceipt, TargetError>;

    /// Takes one key away by server-side apply with our field manager. As for setting one.
    async fn remove_key<'a>(&self, write: RemoveKey<'a>) -> Result<KubernetesReceipt, TargetError>;

    /// Deletes the Secret, if it is still this very one in this version (`preconditions` of `DeleteOptions`), else `Conflict`.
    async fn delete<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        expected: &'a KubernetesReceipt,
    ) -> Result<(), TargetError>;

    /// The key's value, to be put back should the write that follows be undone; `None` when the Secret has no such key. A Secret in another
    /// version than this one is `Conflict`.
    async fn read_key<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        key: &'a str,
        expected_version: &'a str,
    ) -> Result<Option<SecretValue>, TargetError>;

    /// Whether the key holds exactly this value now (compared in constant time), and if so which version has it.
    async fn holds<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        key: &'a str,
        value: &'a SecretValue,
    ) -> Result<Option<KubernetesReceipt>, TargetError>;
}
