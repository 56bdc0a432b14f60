//! Audited facts as messages.

use countersign_usecases::record::EventRecord;

use super::{json, stamp};
use crate::v1;

pub(crate) fn event(record: EventRecord) -> v1::Event {
    v1::Event {
        event_id: record.event_id,
        at: Some(stamp(record.at.0)),
        r#type: record.event_type,
        actor_kind: record.actor_kind,
        actor_id: record.actor_id,
        actor_proof: record.actor_proof,
        run_id: record.run_id,
        request_id: record.request_id,
        correlation_id: record.correlation_id,
        project: record.project,
        policy_digest: record.policy_digest,
        plan_digest: record.plan_digest,
        detail: Some(json::shown(&record.detail)),
    }
}
