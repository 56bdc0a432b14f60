//! Rows of `staff_sessions` and `sign_in_attempts`.

use serde::{Deserialize, Serialize};

use super::stamp::{Row, Stamp, signed};
use crate::port::StoreError;
use crate::services::Identity;
use crate::sign_in::session::Previous;
use crate::sign_in::{Attempt, Person, ReturnTo, Secret, Session};

/// A row of `staff_sessions`. Key: `session_id`; no two sessions share a hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Names the session.
    pub session_id: String,
    /// Hash of the secret in the cookie.
    pub secret_hash: String,
    /// Hash of the secret before.
    pub previous_hash: Option<String>,
    /// Until when the secret before is good.
    pub previous_good_until: Option<Stamp>,
    /// What forms repeat.
    pub csrf_token: String,
    /// Who.
    pub principal: String,
    /// How that was proved.
    pub proof: String,
    /// What they are called on screens.
    pub display_name: String,
    /// What they may see and do.
    pub roles: Vec<String>,
    /// The outside groups they are in.
    pub groups: Vec<String>,
    /// When they signed in.
    pub signed_in_at: Stamp,
    /// When the secret was last replaced.
    pub rotated_at: Stamp,
    /// When it was last used.
    pub last_used_at: Stamp,
    /// When it is over.
    pub ends_at: Stamp,
    /// When somebody ended it.
    pub revoked_at: Option<Stamp>,
    /// Grows with each change.
    pub version: i64,
}

/// A row of `sign_in_attempts`. Key: `state_hash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Hash of the `state`.
    pub state_hash: String,
    /// Hash of the secret in the cookie of the browser.
    pub browser_hash: String,
    /// What the identity token has to repeat.
    pub nonce: String,
    /// What the code is exchanged with.
    pub verifier: String,
    /// Where to go afterwards.
    pub return_to: String,
    /// Until when an answer counts.
    pub expires_at: Stamp,
}

/// The rows of `SessionStore::load_session`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionRecords {
    /// The database's time.
    pub now: Stamp,
    /// The session.
    pub session: Option<SessionRecord>,
}

/// The rows of `SessionStore::take_attempt`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttemptRecords {
    /// The database's time.
    pub now: Stamp,
    /// The attempt.
    pub attempt: Option<AttemptRecord>,
}

impl From<&Session> for SessionRecord {
    fn from(session: &Session) -> Self {
        let person = &session.person;
        Self {
            session_id: session.id.to_string(),
            secret_hash: session.secret.to_string(),
            previous_hash: session.previous.map(|previous| previous.secret.to_string()),
            previous_good_until: session.previous.and_then(|previous| previous.good_until).map(Stamp),
            csrf_token: session.csrf.expose().to_owned(),
            principal: person.identity.principal.to_string(),
            proof: person.identity.proof.as_str().to_owned(),
            display_name: person.display_name.clone(),
            roles: person.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            groups: person.identity.groups.iter().map(ToString::to_string).collect(),
            signed_in_at: Stamp(session.signed_in_at),
            rotated_at: Stamp(session.rotated_at),
            last_used_at: Stamp(session.last_used_at),
            ends_at: Stamp(session.ends_at),
            revoked_at: session.revoked_at.map(Stamp),
            version: signed(session.version),
        }
    }
}

impl TryFrom<SessionRecord> for Session {
    type Error = StoreError;

    fn try_from(record: SessionRecord) -> Result<Self, StoreError> {
        let row = Row { table: "staff_sessions", id: &record.session_id };
        let roles = record.roles.iter().map(|role| row.parse("roles", role)).collect::<Result<_, _>>()?;
        let groups =
            record.groups.iter().map(|group| row.parse("groups", group)).collect::<Result<_, _>>()?;
        let identity = Identity {
            principal: row.parse("principal", &record.principal)?,
            proof: row.parse("proof", &record.proof)?,
            groups,
        };
        let previous = row.parse_opt("previous_hash", record.previous_hash.as_deref())?;
        let good_until = record.previous_good_until.map(|stamp| stamp.0);
        Ok(Self {
            id: row.parse("session_id", &record.session_id)?,
            csrf: secret(&row, "csrf_token", &record.csrf_token)?,
            secret: row.parse("secret_hash", &record.secret_hash)?,
            previous: previous.map(|secret| Previous { secret, good_until }),
            signed_in_at: record.signed_in_at.0,
            rotated_at: record.rotated_at.0,
            last_used_at: record.last_used_at.0,
            ends_at: record.ends_at.0,
            revoked_at: record.revoked_at.map(|stamp| stamp.0),
            version: row.number("version", record.version)?,
            person: Person { identity, display_name: record.display_name.clone(), roles },
        })
    }
}

impl From<&Attempt> for AttemptRecord {
    fn from(attempt: &Attempt) -> Self {
        Self {
            state_hash: attempt.state.to_string(),
            browser_hash: attempt.browser.to_string(),
            nonce: attempt.nonce.expose().to_owned(),
            verifier: attempt.verifier.expose().to_owned(),
            return_to: attempt.return_to.to_string(),
            expires_at: Stamp(attempt.expires_at),
        }
    }
}

impl TryFrom<AttemptRecord> for Attempt {
    type Error = StoreError;

    fn try_from(record: AttemptRecord) -> Result<Self, StoreError> {
        let row = Row { table: "sign_in_attempts", id: &record.state_hash };
        Ok(Self {
            state: row.parse("state_hash", &record.state_hash)?,
            browser: row.parse("browser_hash", &record.browser_hash)?,
            nonce: secret(&row, "nonce", &record.nonce)?,
            verifier: secret(&row, "verifier", &record.verifier)?,
            return_to: ReturnTo::of(Some(&record.return_to)),
            expires_at: record.expires_at.0,
        })
    }
}

fn secret(row: &Row<'_>, column: &'static str, text: &str) -> Result<Secret, StoreError> {
    Secret::parse(text).ok_or_else(|| row.corrupt(column, "is no secret of ours"))
}
