//! What has to hold before anything is written, compared with the rows as they are under lock.

use countersign_usecases::commit::{CommitRecords, Guard};
use countersign_usecases::port::StoreError;
use countersign_usecases::record::Stamp;
use serde::Deserialize;

/// What lock.sql found.
#[derive(Deserialize)]
pub(super) struct Locked {
    /// No commit of this id was written before.
    pub(super) fresh: bool,
    runs: Vec<LockedRun>,
    requests: Vec<LockedRequest>,
    leases: Vec<LockedLease>,
    databases: Vec<LockedDatabase>,
    /// The database's time, read when the locks were held.
    now: Stamp,
}

#[derive(Deserialize)]
struct LockedRun {
    id: String,
    version: i64,
    status: String,
}

#[derive(Deserialize)]
struct LockedRequest {
    id: String,
    version: i64,
}

#[derive(Deserialize)]
struct LockedLease {
    kind: String,
    subject: String,
    fence: i64,
    lease_until: Option<Stamp>,
}

#[derive(Deserialize)]
struct LockedDatabase {
    server: String,
    database_name: String,
    state: String,
}

/// The guards.
pub(super) fn guards(guards: &[Guard], locked: &Locked) -> Result<(), StoreError> {
    guards.iter().try_for_each(|guard| match guard {
        Guard::RunLive { run_id } => {
            let live =
                |run: &LockedRun| run.id == *run_id && matches!(run.status.as_str(), "running" | "waiting");
            holds(locked.runs.iter().any(live), "run_live", || run_id.clone())
        }
        Guard::Fence { kind, subject, fence } => {
            let held = |lease: &LockedLease| {
                lease.kind == kind.as_str()
                    && lease.subject == subject.as_str()
                    && u64::try_from(lease.fence) == Ok(*fence)
                    && lease.lease_until.is_some_and(|until| locked.now < until)
            };
            holds(locked.leases.iter().any(held), "fence", || format!("{} {subject}", kind.as_str()))
        }
        Guard::DatabaseIs { server, database_name, state } => {
            let same = |row: &LockedDatabase| {
                row.server == *server && row.database_name == *database_name && row.state == state.as_str()
            };
            holds(locked.databases.iter().any(same), "database_is", || database_name.clone())
        }
        Guard::NotAfter { deadline } => holds(locked.now.0 < *deadline, "not_after", || deadline.to_string()),
    })
}

/// The expected versions, and that what is new isn't there.
pub(super) fn versions(records: &CommitRecords, locked: &Locked) -> Result<(), StoreError> {
    for run in &records.runs {
        let id = &run.row.run_id;
        let stored = locked.runs.iter().find(|row| row.id == *id).map(|row| row.version);
        expect(run.expected, stored, "agent_sessions", id)?;
    }
    for request in &records.requests {
        let id = &request.row.request_id;
        let stored = locked.requests.iter().find(|row| row.id == *id).map(|row| row.version);
        expect(request.expected, stored, "mcp_action_requests", id)?;
    }
    Ok(())
}

fn expect(
    expected: Option<u64>,
    stored: Option<i64>,
    table: &'static str,
    id: &str,
) -> Result<(), StoreError> {
    let same = match (expected, stored) {
        (None, None) => true,
        (Some(expected), Some(stored)) => u64::try_from(stored) == Ok(expected),
        (None, Some(_)) | (Some(_), None) => false,
    };
    holds(same, table, || id.to_owned())
}

fn holds(holds: bool, what: &'static str, id: impl FnOnce() -> String) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Stale { what, id: id() }) }
}
