//! Rows of `sealed_values` and `project_databases`.

use serde::{Deserialize, Serialize};

use super::stamp::Stamp;

/// A row of `sealed_values`: a secret value sealed with a key of its own, which is wrapped by a master key. Key: `request_id`,
/// `revision`, `purpose`. Deleted when the request settles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRecord {
    /// The request the value was made for.
    pub request_id: String,
    /// The revision it was made for.
    pub revision: i64,
    /// What it is for: `generated`, or `kept_by_step_1` for what step 1 replaces.
    pub purpose: String,
    /// The id of the master key that wraps the value's own key.
    pub master_key_id: String,
    /// Nonce and wrapped key, base64.
    pub wrapped_key: String,
    /// Nonce and sealed value, base64.
    pub sealed_value: String,
    /// When it was made.
    pub sealed_at: Stamp,
}

/// What a row of `sealed_values` says of its wrapped key, without the sealed value: all that rotating the master key has to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKeyRecord {
    /// The request the value was made for.
    pub request_id: String,
    /// The revision it was made for.
    pub revision: i64,
    /// What it is for.
    pub purpose: String,
    /// The id of the master key that wraps the value's own key.
    pub master_key_id: String,
    /// Nonce and wrapped key, base64.
    pub wrapped_key: String,
}

/// A row of `project_databases`. Key: `server`, `database_name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseRecord {
    /// The configured server's name.
    pub server: String,
    /// The database.
    pub database_name: String,
    /// The project that owns it.
    pub project: String,
    /// Its environment.
    pub environment: String,
    /// `reserved`, `active`, `quarantined`, `restoring` or `purging`.
    pub state: String,
    /// The request that created it.
    pub request_id: String,
    /// The name it is kept under while quarantined, restored or purged.
    pub kept_as: Option<String>,
    /// The name it had before it was quarantined.
    pub original_name: Option<String>,
    /// What identifies this very database on its server, while it is quarantined, restored or purged.
    pub database_id: Option<String>,
    /// Until when it can be restored; afterwards it is dropped for good.
    pub keep_until: Option<Stamp>,
    /// When this row last changed.
    pub changed_at: Stamp,
}
