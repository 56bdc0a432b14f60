//! The port [`SessionStore`]: sessions are looked at beside the writer and changed by it.

use async_trait::async_trait;
use countersign_kernel::{Digest, Principal, Timestamp};
use countersign_usecases::port::{AttemptSnapshot, Queries, SessionSnapshot, SessionStore, StoreError};
use countersign_usecases::record::{AttemptRecord, AttemptRecords, SessionRecord, SessionRecords, Stamp};
use countersign_usecases::sign_in::{Attempt, Session};
use serde::Serialize;
use sqlx::{SqliteConnection, query, query_scalar};

use crate::clock::HostClock;
use crate::error::{stale, store_error};
use crate::rows::Source;
use crate::store::SqliteStore;
use crate::writer::Job;

const SESSIONS: Source = Source { table: "staff_sessions", key: "session_id" };
const ATTEMPTS: Source = Source { table: "sign_in_attempts", key: "state_hash" };

/// What the writer does about sessions. Rows are JSON.
pub(crate) enum SessionWrite {
    Insert(String),
    Update(String),
    Revoke { principal: String },
    InsertAttempt(String),
    TakeAttempt { state: String, browser: String },
    Forget { at_most: u32 },
}

/// What came of it.
pub(crate) struct SessionsWritten {
    rows: u64,
    attempt: Option<String>,
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.ping().await
    }

    async fn load_session(&self, secret: &Digest) -> Result<SessionSnapshot, StoreError> {
        let secret = secret.to_string();
        let now = self.now();
        let found = query_scalar!(
            r#"SELECT record AS "record!: String" FROM staff_sessions_json WHERE secret_hash = ?1 OR previous_hash = ?1 LIMIT 1"#,
            secret,
        );
        let found = found.fetch_optional(self.readers()).await.map_err(store_error)?;
        let session = found.map(|text| SESSIONS.read(&text)).transpose()?;
        SessionSnapshot::from_records(SessionRecords { now: Stamp(now), session })
    }

    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = row_of(&SessionRecord::from(session))?;
        self.change(SessionWrite::Insert(row)).await.map(|_| ())
    }

    async fn update_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = row_of(&SessionRecord::from(session))?;
        match self.change(SessionWrite::Update(row)).await?.rows {
            1 => Ok(()),
            _ => Err(stale("staff_sessions", session.id.to_string())),
        }
    }

    async fn revoke_sessions(&self, principal: &Principal) -> Result<u64, StoreError> {
        let principal = principal.to_string();
        Ok(self.change(SessionWrite::Revoke { principal }).await?.rows)
    }

    async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let row = row_of(&AttemptRecord::from(attempt))?;
        self.change(SessionWrite::InsertAttempt(row)).await.map(|_| ())
    }

    async fn take_attempt(&self, state: &Digest, browser: &Digest) -> Result<AttemptSnapshot, StoreError> {
        let (state, browser) = (state.to_string(), browser.to_string());
        let taken = self.change(SessionWrite::TakeAttempt { state, browser }).await?;
        let attempt = taken.attempt.map(|text| ATTEMPTS.read(&text)).transpose()?;
        AttemptSnapshot::from_records(AttemptRecords { now: Stamp(self.now()), attempt })
    }

    async fn forget_ended(&self, at_most: u32) -> Result<u64, StoreError> {
        Ok(self.change(SessionWrite::Forget { at_most }).await?.rows)
    }
}

impl SqliteStore {
    async fn change(&self, change: SessionWrite) -> Result<SessionsWritten, StoreError> {
        self.ask(|reply| Job::Sessions(Box::new(change), reply)).await
    }
}

fn row_of(row: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(row)
        .map_err(|error| StoreError::Refused { message: format!("a row has no JSON form: {error}") })
}

pub(crate) async fn write(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    change: &SessionWrite,
) -> Result<SessionsWritten, StoreError> {
    let rows = match change {
        SessionWrite::Insert(row) => insert(connection, row).await,
        SessionWrite::Update(row) => update(connection, row).await,
        SessionWrite::Revoke { principal } => revoke(connection, clock, principal).await,
        SessionWrite::InsertAttempt(row) => insert_attempt(connection, row).await,
        SessionWrite::TakeAttempt { state, browser } => {
            let attempt = take_attempt(connection, state, browser).await.map_err(store_error)?;
            return Ok(SessionsWritten { rows: u64::from(attempt.is_some()), attempt });
        }
        SessionWrite::Forget { at_most } => forget(connection, clock, *at_most).await,
    };
    Ok(SessionsWritten { rows: rows.map_err(store_error)?, attempt: None })
}

async fn insert(connection: &mut SqliteConnection, row: &str) -> Result<u64, sqlx::Error> {
    let inserted = query!(
        "INSERT INTO staff_sessions (session_id, secret_hash, previous_hash, previous_good_until, csrf_token, principal, proof,
            display_name, roles, groups, signed_in_at, rotated_at, last_used_at, ends_at, revoked_at, version)
        SELECT row->>'session_id', row->>'secret_hash', row->>'previous_hash', row->>'previous_good_until', row->>'csrf_token',
            row->>'principal', row->>'proof', row->>'display_name', row->'roles', row->'groups', row->>'signed_in_at',
            row->>'rotated_at', row->>'last_used_at', row->>'ends_at', row->>'revoked_at', row->>'version'
        FROM (SELECT ?1 AS row)",
        row,
    );
    Ok(inserted.execute(connection).await?.rows_affected())
}

async fn update(connection: &mut SqliteConnection, row: &str) -> Result<u64, sqlx::Error> {
    let updated = query!(
        "UPDATE staff_sessions SET
            secret_hash = new.row->>'secret_hash', previous_hash = new.row->>'previous_hash',
            previous_good_until = new.row->>'previous_good_until', rotated_at = new.row->>'rotated_at',
            last_used_at = new.row->>'last_used_at', revoked_at = new.row->>'revoked_at', version = new.row->>'version'
        FROM (SELECT ?1 AS row) AS new
        WHERE session_id = new.row->>'session_id' AND staff_sessions.version = (new.row->>'version') - 1",
        row,
    );
    Ok(updated.execute(connection).await?.rows_affected())
}

async fn revoke(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    principal: &str,
) -> Result<u64, sqlx::Error> {
    let now = clock.now().to_string();
    let revoked = query!(
        "UPDATE staff_sessions SET revoked_at = ?2, version = version + 1 WHERE principal = ?1 AND revoked_at IS NULL",
        principal,
        now,
    );
    Ok(revoked.execute(connection).await?.rows_affected())
}

async fn insert_attempt(connection: &mut SqliteConnection, row: &str) -> Result<u64, sqlx::Error> {
    let inserted = query!(
        "INSERT INTO sign_in_attempts (state_hash, browser_hash, nonce, verifier, return_to, expires_at)
        SELECT row->>'state_hash', row->>'browser_hash', row->>'nonce', row->>'verifier', row->>'return_to', row->>'expires_at'
        FROM (SELECT ?1 AS row)",
        row,
    );
    Ok(inserted.execute(connection).await?.rows_affected())
}

async fn take_attempt(
    connection: &mut SqliteConnection,
    state: &str,
    browser: &str,
) -> Result<Option<String>, sqlx::Error> {
    let taken = query_scalar!(
        r#"DELETE FROM sign_in_attempts WHERE state_hash = ?1 AND browser_hash = ?2
        RETURNING json_object('state_hash', state_hash, 'browser_hash', browser_hash, 'nonce', nonce, 'verifier', verifier,
            'return_to', return_to, 'expires_at', expires_at) AS "record!: String""#,
        state,
        browser,
    );
    taken.fetch_optional(connection).await
}

async fn forget(
    connection: &mut SqliteConnection,
    clock: &HostClock,
    at_most: u32,
) -> Result<u64, sqlx::Error> {
    let now = clock.now().to_string();
    let sessions = query!(
        "DELETE FROM staff_sessions WHERE session_id IN
            (SELECT session_id FROM staff_sessions WHERE ends_at <= ?1 ORDER BY ends_at LIMIT ?2)",
        now,
        at_most,
    );
    let sessions = sessions.execute(&mut *connection).await?.rows_affected();
    let attempts = query!(
        "DELETE FROM sign_in_attempts WHERE state_hash IN
            (SELECT state_hash FROM sign_in_attempts WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        now,
        at_most,
    );
    Ok(sessions + attempts.execute(connection).await?.rows_affected())
}
