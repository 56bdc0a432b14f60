//! One audited fact.

use std::fmt;

use countersign_kernel::{Actor, CorrelationId, Digest, EventId, ProjectKey, RequestId, RunId, Timestamp};
use serde_json::Value;

use crate::event_type::EventType;
use crate::pseudonym::Pseudonym;
use crate::salt::Salt;

/// One audited fact, as it is stored. Detail, salt, actor and project stay in the database; the log gets [`crate::encode_entry`].
#[derive(Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id.
    pub id: EventId,
    /// When it happened, by the database's clock.
    pub at: Timestamp,
    /// What kind of fact.
    pub event_type: EventType,
    /// Who acted. Erasable.
    pub actor: Actor,
    /// What the log calls the actor.
    pub actor_pseudonym: Pseudonym,
    /// The run it is about.
    pub run: Option<RunId>,
    /// The request it is about.
    pub request: Option<RequestId>,
    /// Connects all events of one request.
    pub correlation_id: Option<CorrelationId>,
    /// The project it is about.
    pub project: Option<ProjectKey>,
    /// The policy text that was active.
    pub policy_digest: Option<Digest>,
    /// The plan it is about.
    pub plan_digest: Option<Digest>,
    /// What there is to tell, redacted. Never a secret, nor anything computed from one. Erasable.
    pub detail: Value,
    /// What the entry's commitment to the detail is keyed with. Erasable.
    pub salt: Salt,
}

/// Names the event only: who acted, the detail and the salt stay out of logs.
impl fmt::Debug for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditEvent")
            .field("id", &self.id)
            .field("at", &self.at)
            .field("event_type", &self.event_type)
            .field("run", &self.run)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
