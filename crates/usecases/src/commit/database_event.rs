//! What each change of a kept database brings into a commit: its owner row, its audit event, its work.

use countersign_audit::EventType;
use countersign_kernel::{RedactedText, Timestamp};
use countersign_mcp_tools::ports::OwnedState;
use serde_json::{Value, json};

use super::draft::{Draft, DraftError};
use super::{DatabaseWrite, Guard};
use crate::port::{WorkKind, WorkSubject};
use crate::record::{DatabaseRecord, Kept, OwnerRow};

/// Something that happens to a database while it is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum DatabaseEvent<'a> {
    /// Staff wants it back: its old name is reserved and the work is on the queue.
    Restoring {
        /// Why.
        reason: &'a RedactedText,
    },
    /// It has its old name back.
    Restored {
        /// What was found or done.
        evidence: Value,
    },
    /// Its retention is over: dropping it is intended from here on.
    Purging,
    /// It is gone for good.
    Purged {
        /// What was found or done.
        evidence: Value,
    },
    /// It was neither restored nor purged: it stays as it is.
    Kept {
        /// The stable code of the reason.
        code: &'a str,
        /// The reason.
        reason: RedactedText,
    },
}

/// The whole of one change, applied to a draft. The row must still be in the state it was loaded in.
pub(super) fn record(
    draft: &mut Draft<'_>,
    before: &OwnerRow,
    kept: &Kept,
    event: &DatabaseEvent<'_>,
) -> Result<(), DraftError> {
    let now = draft.now();
    draft.guard(Guard::DatabaseIs {
        server: before.server.clone(),
        database_name: before.name.to_string(),
        state: before.state,
    });
    let (event_type, extra) = match event {
        DatabaseEvent::Restoring { reason } => {
            restoring(draft, before, kept, now);
            (EventType::DatabaseRestoring, json!({"reason": reason.as_str()}))
        }
        DatabaseEvent::Restored { evidence } => {
            let active =
                OwnerRow { state: OwnedState::Active, kept: None, changed_at: now, ..before.clone() };
            draft.write_database(DatabaseWrite::Update(DatabaseRecord::from(&active)));
            draft.unschedule(WorkKind::Restore, subject(before));
            (EventType::DatabaseRestored, json!({"evidence": evidence}))
        }
        DatabaseEvent::Purging => {
            let purging = OwnerRow { state: OwnedState::Purging, changed_at: now, ..before.clone() };
            draft.write_database(DatabaseWrite::Update(DatabaseRecord::from(&purging)));
            (EventType::DatabasePurging, json!({}))
        }
        DatabaseEvent::Purged { evidence } => {
            draft.write_database(remove(before));
            draft.unschedule(WorkKind::Purge, subject(before));
            (EventType::DatabasePurged, json!({"evidence": evidence}))
        }
        DatabaseEvent::Kept { code, reason } => {
            keep(draft, before, kept, now);
            let detail = json!({"was": before.state.as_str(), "code": code, "reason": reason.as_str()});
            (EventType::DatabaseKept, detail)
        }
    };
    draft.event_of_database(event_type, before, detail(before, kept, extra))
}

/// The row moves to the old name: nobody else can take that from here on.
fn restoring(draft: &mut Draft<'_>, before: &OwnerRow, kept: &Kept, now: Timestamp) {
    let restoring = OwnerRow {
        name: kept.original_name.clone(),
        state: OwnedState::Restoring,
        changed_at: now,
        ..before.clone()
    };
    draft.write_database(remove(before));
    draft.write_database(DatabaseWrite::Insert(DatabaseRecord::from(&restoring)));
    draft.unschedule(WorkKind::Purge, subject(before));
    draft.schedule(WorkKind::Restore, subject(&restoring), now);
}

/// Back to quarantine: what was to be restored is purged in its time as before; what could not be purged waits for a person.
fn keep(draft: &mut Draft<'_>, before: &OwnerRow, kept: &Kept, now: Timestamp) {
    let quarantined = OwnerRow {
        name: kept.kept_as.clone(),
        state: OwnedState::Quarantined,
        changed_at: now,
        ..before.clone()
    };
    match before.state {
        OwnedState::Restoring => {
            draft.write_database(remove(before));
            draft.write_database(DatabaseWrite::Insert(DatabaseRecord::from(&quarantined)));
            draft.unschedule(WorkKind::Restore, subject(before));
            draft.schedule(WorkKind::Purge, subject(&quarantined), kept.until);
        }
        OwnedState::Reserved | OwnedState::Active | OwnedState::Quarantined | OwnedState::Purging => {
            draft.write_database(DatabaseWrite::Update(DatabaseRecord::from(&quarantined)));
            draft.unschedule(WorkKind::Purge, subject(before));
        }
    }
}

fn remove(row: &OwnerRow) -> DatabaseWrite {
    DatabaseWrite::Remove { server: row.server.clone(), database_name: row.name.to_string() }
}

fn subject(row: &OwnerRow) -> WorkSubject {
    WorkSubject::database(&row.server, &row.name)
}

fn detail(row: &OwnerRow, kept: &Kept, extra: Value) -> Value {
    let mut detail = json!({
        "server": row.server, "database": kept.original_name.as_str(), "kept_as": kept.kept_as.as_str(),
        "database_id": kept.database_id, "environment": row.environment.as_str(),
        "keep_until": kept.until.to_string(), "created_by": row.request.to_string(),
    });
    if let (Value::Object(members), Value::Object(more)) = (&mut detail, extra) {
        members.extend(more);
    }
    detail
}
