//! The port [`SessionStore`].

use async_trait::async_trait;
use countersign_kernel::{Digest, Principal, Timestamp};
use countersign_usecases::port::{AttemptSnapshot, SessionSnapshot, SessionStore, StoreError};
use countersign_usecases::record::{AttemptRecord, AttemptRecords, SessionRecord, SessionRecords, Stamp};
use countersign_usecases::sign_in::{Attempt, Session};

use super::MemoryStore;
use super::table::{Journal, Table};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.reach().map(|_| self.clock().now())
    }

    async fn load_session(&self, secret: &Digest) -> Result<SessionSnapshot, StoreError> {
        let tables = self.reach()?;
        let hash = secret.to_string();
        let fits =
            |row: &&SessionRecord| row.secret_hash == hash || row.previous_hash.as_ref() == Some(&hash);
        let session = tables.sessions.values().find(fits).cloned();
        SessionSnapshot::from_records(SessionRecords { now: Stamp(self.clock().now()), session })
    }

    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let mut tables = self.reach()?;
        let row = SessionRecord::from(session);
        let same = |other: &SessionRecord| {
            other.session_id == row.session_id || other.secret_hash == row.secret_hash
        };
        if tables.sessions.values().any(same) {
            return Err(StoreError::Refused { message: "a session like it is there".to_owned() });
        }
        tables.sessions.put(row.session_id.clone(), row);
        tables.sessions.keep();
        Ok(())
    }

    async fn update_session(&self, session: &Session) -> Result<(), StoreError> {
        let mut tables = self.reach()?;
        let row = SessionRecord::from(session);
        let before = tables.sessions.get(&row.session_id).filter(|before| before.version == row.version - 1);
        let Some(before) = before.cloned() else {
            return Err(StoreError::Stale { what: "staff_sessions", id: row.session_id });
        };
        let after = SessionRecord {
            secret_hash: row.secret_hash,
            previous_hash: row.previous_hash,
            previous_good_until: row.previous_good_until,
            rotated_at: row.rotated_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            version: row.version,
            ..before
        };
        tables.sessions.put(row.session_id, after);
        tables.sessions.keep();
        Ok(())
    }

    async fn revoke_sessions(&self, principal: &Principal) -> Result<u64, StoreError> {
        let mut tables = self.reach()?;
        let now = Stamp(self.clock().now());
        let open = |row: &&SessionRecord| row.principal == principal.as_str() && row.revoked_at.is_none();
        let open: Vec<_> = tables.sessions.values().filter(open).cloned().collect();
        for row in &open {
            let ended = SessionRecord { revoked_at: Some(now), version: row.version + 1, ..row.clone() };
            tables.sessions.put(row.session_id.clone(), ended);
        }
        tables.sessions.keep();
        Ok(u64::try_from(open.len()).unwrap_or(u64::MAX))
    }

    async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let mut tables = self.reach()?;
        let row = AttemptRecord::from(attempt);
        tables.attempts.put(row.state_hash.clone(), row);
        tables.attempts.keep();
        Ok(())
    }

    async fn take_attempt(&self, state: &Digest, browser: &Digest) -> Result<AttemptSnapshot, StoreError> {
        let mut tables = self.reach()?;
        let (key, browser) = (state.to_string(), browser.to_string());
        let attempt = tables.attempts.get(&key).filter(|row| row.browser_hash == browser).cloned();
        if attempt.is_some() {
            tables.attempts.remove(&key);
            tables.attempts.keep();
        }
        AttemptSnapshot::from_records(AttemptRecords { now: Stamp(self.clock().now()), attempt })
    }

    async fn forget_ended(&self, at_most: u32) -> Result<u64, StoreError> {
        let mut tables = self.reach()?;
        let now = self.clock().now();
        let sessions = forget(&mut tables.sessions, |row| row.ends_at.0, now, at_most);
        Ok(sessions + forget(&mut tables.attempts, |row| row.expires_at.0, now, at_most))
    }
}

/// Removes the rows whose end has come, the earliest first.
fn forget<R>(table: &mut Table<String, R>, end: fn(&R) -> Timestamp, now: Timestamp, at_most: u32) -> u64 {
    let ends = table.iter().map(|(key, row)| (end(row), key.clone()));
    let mut ended: Vec<_> = ends.filter(|(end, _)| *end <= now).collect();
    ended.sort();
    ended.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
    for (_, key) in &ended {
        table.remove(key);
    }
    table.keep();
    u64::try_from(ended.len()).unwrap_or(u64::MAX)
}
