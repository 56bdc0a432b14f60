//! The port [`SessionStore`].

use async_trait::async_trait;
use countersign_kernel::{Digest, Principal, Timestamp};
use countersign_usecases::port::{AttemptSnapshot, Queries, SessionSnapshot, SessionStore, StoreError};
use countersign_usecases::record::{AttemptRecord, SessionRecord};
use countersign_usecases::sign_in::{Attempt, Session};
use sqlx::types::Json;

use super::PgStore;
use crate::error::{read, store_error};

#[async_trait]
impl SessionStore for PgStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.ping().await
    }

    async fn load_session(&self, secret: &Digest) -> Result<SessionSnapshot, StoreError> {
        let secret = secret.to_string();
        let document = sqlx::query_scalar!(
            r#"SELECT json_build_object(
                   'now', clock_timestamp(),
                   'session', (SELECT row_to_json(s) FROM staff_sessions AS s
                               WHERE s.secret_hash = $1 OR s.previous_hash = $1 LIMIT 1)
               )::text AS "document!""#,
            secret
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        SessionSnapshot::from_records(read(&document, "staff_sessions", "of a secret")?)
    }

    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = SessionRecord::from(session);
        sqlx::query!(
            "INSERT INTO staff_sessions SELECT * FROM jsonb_populate_record(NULL::staff_sessions, $1::jsonb)",
            Json(&row) as _
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(())
    }

    async fn update_session(&self, session: &Session) -> Result<(), StoreError> {
        let row = SessionRecord::from(session);
        let updated = sqlx::query!(
            "UPDATE staff_sessions AS old SET
                 secret_hash = new.secret_hash, previous_hash = new.previous_hash,
                 previous_good_until = new.previous_good_until, rotated_at = new.rotated_at,
                 last_used_at = new.last_used_at, revoked_at = new.revoked_at, version = new.version
             FROM jsonb_populate_record(NULL::staff_sessions, $1::jsonb) AS new
             WHERE old.session_id = new.session_id AND old.version = new.version - 1",
            Json(&row) as _
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        if updated.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::Stale { what: "staff_sessions", id: row.session_id })
        }
    }

    async fn revoke_sessions(&self, principal: &Principal) -> Result<u64, StoreError> {
        let revoked = sqlx::query!(
            "UPDATE staff_sessions SET revoked_at = clock_timestamp(), version = version + 1
             WHERE principal = $1 AND revoked_at IS NULL",
            principal.as_str()
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(revoked.rows_affected())
    }

    async fn insert_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let row = AttemptRecord::from(attempt);
        sqlx::query!(
            "INSERT INTO sign_in_attempts SELECT * FROM jsonb_populate_record(NULL::sign_in_attempts, $1::jsonb)",
            Json(&row) as _
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(())
    }

    async fn take_attempt(&self, state: &Digest, browser: &Digest) -> Result<AttemptSnapshot, StoreError> {
        // When the connection is lost on the way it may have been taken; then the sign-in is begun again.
        let document = sqlx::query_scalar!(
            r#"WITH taken AS (
                   DELETE FROM sign_in_attempts WHERE state_hash = $1 AND browser_hash = $2 RETURNING *
               )
               SELECT json_build_object(
                   'now', clock_timestamp(), 'attempt', (SELECT row_to_json(t) FROM taken AS t)
               )::text AS "document!""#,
            state.to_string(),
            browser.to_string()
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        AttemptSnapshot::from_records(read(&document, "sign_in_attempts", "of a state")?)
    }

    async fn forget_ended(&self, at_most: u32) -> Result<u64, StoreError> {
        let forgotten = sqlx::query_scalar!(
            r#"WITH sessions AS (
                   DELETE FROM staff_sessions WHERE session_id IN (
                       SELECT session_id FROM staff_sessions WHERE ends_at <= statement_timestamp()
                       ORDER BY ends_at LIMIT $1)
                   RETURNING 1
               ), attempts AS (
                   DELETE FROM sign_in_attempts WHERE state_hash IN (
                       SELECT state_hash FROM sign_in_attempts WHERE expires_at <= statement_timestamp()
                       ORDER BY expires_at LIMIT $1)
                   RETURNING 1
               )
               SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM attempts) AS "rows!""#,
            i64::from(at_most)
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(u64::try_from(forgotten).unwrap_or_default())
    }
}
