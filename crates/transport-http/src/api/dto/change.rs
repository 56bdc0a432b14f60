//! What the stream says of an event: enough to know what to look at again.

use countersign_usecases::record::EventRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// The `data` of a `change` in the stream: something happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Change {
    /// The event's id. The same one may come twice after a broken connection.
    #[schema(format = "uuid")]
    pub(in crate::api) id: String,
    /// When.
    #[schema(format = DateTime)]
    pub(in crate::api) at: String,
    /// What happened, such as `approval.approved`.
    #[serde(rename = "type")]
    pub(in crate::api) event_type: String,
    /// The run it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) run_id: Option<String>,
    /// The request it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub(in crate::api) request_id: Option<String>,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) project: Option<String>,
}

impl From<&EventRecord> for Change {
    fn from(record: &EventRecord) -> Self {
        Self {
            id: record.event_id.clone(),
            at: record.at.0.to_string(),
            event_type: record.event_type.clone(),
            run_id: record.run_id.clone(),
            request_id: record.request_id.clone(),
            project: record.project.clone(),
        }
    }
}

impl Change {
    /// The text of a message, on one line.
    pub(in crate::api) fn to_json(&self) -> String {
        // INVARIANT: all members are text, so that it is always written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
