//! Audited facts as staff see them.

use countersign_kernel::visible_document;
use countersign_usecases::record::EventRecord;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One page of events, in the order in which they became visible, or backwards.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EventPage {
    /// The events.
    pub(in crate::api) events: Vec<Event>,
    /// Where to go on. Oldest first, it leads to what is still to come, and is absent where nothing has ever been; newest first, it is absent when
    /// there is nothing before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next_cursor: Option<String>,
}

/// One audited fact.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Event {
    /// Its id.
    #[schema(format = "uuid")]
    pub(in crate::api) id: String,
    /// When.
    #[schema(format = DateTime)]
    pub(in crate::api) at: String,
    /// What happened, such as `approval.approved`.
    #[serde(rename = "type")]
    pub(in crate::api) event_type: String,
    /// What kind of actor brought it about.
    pub(in crate::api) actor_kind: String,
    /// Who.
    pub(in crate::api) actor_id: String,
    /// How the identity was proved.
    pub(in crate::api) actor_proof: String,
    /// The run it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) run_id: Option<String>,
    /// The request it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub(in crate::api) request_id: Option<String>,
    /// Connects all that is said about the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub(in crate::api) correlation_id: Option<String>,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) project: Option<String>,
    /// The policy text that held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) policy_digest: Option<String>,
    /// The plan that was spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) plan_digest: Option<String>,
    /// What the type says of it.
    #[schema(value_type = Object)]
    pub(in crate::api) detail: Value,
}

impl From<EventRecord> for Event {
    fn from(record: EventRecord) -> Self {
        Self {
            id: record.event_id,
            at: record.at.0.to_string(),
            event_type: record.event_type,
            actor_kind: record.actor_kind,
            actor_id: record.actor_id,
            actor_proof: record.actor_proof,
            run_id: record.run_id,
            request_id: record.request_id,
            correlation_id: record.correlation_id,
            project: record.project,
            policy_digest: record.policy_digest,
            plan_digest: record.plan_digest,
            detail: visible_document(&record.detail),
        }
    }
}
