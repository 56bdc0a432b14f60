//! Rows of `flow_events`, `audit_inbox`, `links`, `principals` and `deliveries`.

use countersign_audit::{AuditEvent, EntryError, encode_entry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stamp::Stamp;

/// A row of `flow_events` and, with `entry`, one of `audit_inbox`. Key: `event_id`. Inserted only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the members of `AuditEvent`")]
pub struct EventRecord {
    pub event_id: String,
    pub at: Stamp,
    pub event_type: String,
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_proof: String,
    pub actor_pseudonym: String,
    pub run_id: Option<String>,
    pub request_id: Option<String>,
    pub correlation_id: Option<String>,
    pub project: Option<String>,
    pub policy_digest: Option<String>,
    pub plan_digest: Option<String>,
    pub detail: Value,
    /// The random salt of this record's commitment, 64 lower-case hex digits.
    pub salt: String,
    /// The final log entry (canonical JSON), for `audit_inbox`; empty where an event is read back.
    #[serde(default)]
    pub entry: String,
}

/// A row of `links`. Key: all of `from_kind`, `from_id`, `to_kind`, `to_id`; an equal one is not written twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkRecord {
    /// `issue`, `pr`, `run`, `request`, `delivery` or `event`.
    pub from_kind: String,
    /// An id of that kind; issues and pull requests as `owner/name#number`.
    pub from_id: String,
    /// `issue`, `pr`, `run`, `request`, `delivery` or `event`.
    pub to_kind: String,
    /// An id of that kind.
    pub to_id: String,
}

/// A row of `principals`: the mapping from a name to the pseudonym the log knows. Key: `principal`. Inserted only; erasable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalRecord {
    /// The person or service.
    pub principal: String,
    /// What the log calls them.
    pub pseudonym: String,
    /// When they first acted.
    pub first_seen_at: Stamp,
}

/// A row of `deliveries`: one attempt to bring a request to an outside adapter. Key: `delivery_id`. The table is there; channels come
/// with their own issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// The wire id of this attempt.
    pub delivery_id: String,
    /// The request.
    pub request_id: String,
    /// The revision that was delivered.
    pub revision: i64,
    /// The outside adapter's configured name.
    pub channel: String,
    /// `sent`, `failed`, `expired` or `abandoned`.
    pub state: String,
    /// When it was created.
    pub created_at: Stamp,
}

impl EventRecord {
    /// The row and log entry of an event.
    ///
    /// # Errors
    /// The event has no canonical form, or its entry would be too large.
    pub fn of(event: &AuditEvent) -> Result<Self, EntryError> {
        let entry = encode_entry(event)?;
        Ok(Self {
            event_id: event.id.to_string(),
            at: Stamp(event.at),
            event_type: event.event_type.as_str().to_owned(),
            actor_kind: event.actor.kind.as_str().to_owned(),
            actor_id: event.actor.id.clone(),
            actor_proof: event.actor.proof.as_str().to_owned(),
            actor_pseudonym: event.actor_pseudonym.as_str().to_owned(),
            run_id: event.run.as_ref().map(ToString::to_string),
            request_id: event.request.map(|id| id.to_string()),
            correlation_id: event.correlation_id.map(|id| id.to_string()),
            project: event.project.as_ref().map(ToString::to_string),
            policy_digest: event.policy_digest.map(|digest| digest.to_string()),
            plan_digest: event.plan_digest.map(|digest| digest.to_string()),
            detail: event.detail.clone(),
            salt: event.salt.to_hex(),
            // Canonical JSON is UTF-8 by construction.
            entry: String::from_utf8_lossy(&entry).into_owned(),
        })
    }
}
