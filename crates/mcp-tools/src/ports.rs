//! Ports to the systems that control tools change. Adapters implement them; they translate and decide nothing.

pub mod database;
pub mod error;
pub mod github;
pub mod kubernetes;
pub mod roles;

pub use database::{
    DatabaseReceipt, DatabaseRegister, DatabaseSeen, DatabaseServer, DatabaseServers, MarkedDatabase,
    OwnedDatabase, OwnedState,
};
pub use error::{Access, TargetError, TargetErrorKind};
pub use github::{GithubReceipt, GithubSecretSeen, GithubSecrets, MAX_SECRETS, SecretPlace};
pub use kubernetes::{ApplyKey, KubernetesReceipt, KubernetesSecrets, RemoveKey, SecretKeySeen, SecretSeen};
pub use roles::{LoginRoles, RoleReceipt, RoleSeen};
