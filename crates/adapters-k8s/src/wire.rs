//! The parts of the API's JSON that are read here. Values of a Secret are skipped unless a type names them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_kernel::{Millis, Timestamp};
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

/// A Secret whose values are not decoded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretOutline {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) immutable: bool,
    #[serde(default)]
    pub(crate) data: BTreeMap<String, IgnoredAny>,
}

/// A Secret with its values, still encoded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretInFull {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) data: BTreeMap<String, Encoded>,
}

/// A value in base64, zeroed when it is dropped.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Encoded(pub(crate) String);

impl Drop for Encoded {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl SecretInFull {
    /// The decoded value of one key.
    pub(crate) fn value(&self, key: &str) -> Option<Zeroizing<Vec<u8>>> {
        STANDARD.decode(&self.data.get(key)?.0).ok().map(Zeroizing::new)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(default)]
    managed_fields: Vec<ManagedFields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedFields {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    fields_v1: Value,
}

impl ManagedFields {
    fn owns(&self, key: &str) -> bool {
        let field = format!("f:{key}");
        ["f:data", "f:stringData"].iter().any(|map| self.fields_v1[map].get(&field).is_some())
    }
}

impl Metadata {
    /// Who owns a key: another manager before us, for an owner beside us is one we would be in conflict with.
    pub(crate) fn owner_of(&self, key: &str, ours: &str) -> Option<&str> {
        let mut owners =
            self.managed_fields.iter().filter(|entry| entry.owns(key)).map(|entry| &entry.manager);
        let first = owners.clone().next();
        owners.find(|manager| *manager != ours).or(first).map(String::as_str)
    }

    /// When an owner of the key last changed what it owns: the latest `time` of their entries
    /// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).
    pub(crate) fn changed_at(&self, key: &str) -> Option<Timestamp> {
        let owners = self.managed_fields.iter().filter(|entry| entry.owns(key));
        owners.filter_map(|entry| entry.time.as_ref()?.parse().ok()).max()
    }

    /// Whether this manager applied the key: an apply that leaves it out would remove it.
    pub(crate) fn applied_by(&self, key: &str, manager: &str) -> bool {
        let mut applied =
            self.managed_fields.iter().filter(|entry| entry.operation == "Apply" && entry.manager == manager);
        applied.any(|entry| entry.owns(key))
    }
}

/// The API server's error answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    message: String,
    reason: String,
    details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    causes: Vec<Cause>,
    retry_after_seconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
    field: String,
}

impl Status {
    pub(crate) fn retry_after(&self) -> Option<Millis> {
        self.details.retry_after_seconds.filter(|seconds| *seconds > 0).map(Millis::from_secs)
    }

    /// Whether the namespace has no room for it: the words of the quota admission plugin
    /// (`apiserver/pkg/admission/plugin/resourcequota/controller.go`).
    pub(crate) fn quota_exceeded(&self) -> bool {
        self.message.contains("exceeded quota: ")
    }

    /// The server's sentence.
    pub(crate) fn said(&self, status: StatusCode) -> String {
        if self.message.is_empty() { plain(status) } else { self.message.clone() }
    }

    /// Who is in the way, or that the version moved.
    pub(crate) fn conflicts(&self) -> String {
        let owned: Vec<String> =
            self.details.causes.iter().map(|cause| format!("{}: {}", cause.message, cause.field)).collect();
        if owned.is_empty() {
            return "the Secret is not the one that was looked at: it was changed, made or removed since"
                .to_owned();
        }
        owned.join("; ")
    }

    /// Which fields are wrong. The server's sentence is left out, for it may repeat values.
    pub(crate) fn violations(&self, status: StatusCode) -> String {
        if self.reason.is_empty() {
            return plain(status);
        }
        let fields: Vec<String> = self
            .details
            .causes
            .iter()
            .map(|cause| match cause.reason.as_str() {
                // These sentences speak of the rule, not of the value.
                "FieldValueForbidden" | "FieldValueRequired" | "FieldValueTooLong" => {
                    format!("`{}` {}", cause.field, cause.message)
                }
                reason => format!("`{}` {reason}", cause.field),
            })
            .collect();
        let head = format!("{} {}", status.as_u16(), self.reason);
        if fields.is_empty() { head } else { format!("{head}: {}", fields.join("; ")) }
    }
}

fn plain(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("without a reason"))
}

/// The answer to an access review.
#[derive(Deserialize)]
pub(crate) struct AccessReview {
    #[serde(default)]
    pub(crate) status: AccessReviewStatus,
}

#[derive(Default, Deserialize)]
pub(crate) struct AccessReviewStatus {
    #[serde(default)]
    pub(crate) allowed: bool,
}

/// The answer of `/version`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub(crate) git_version: String,
}
