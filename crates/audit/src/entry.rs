//! The log entry, version 1: canonical JSON that names what happened and commits to the detail without containing it.

use countersign_kernel::{
    CanonicalError, CorrelationId, Digest, EventId, RequestId, RunId, Timestamp, to_canonical,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::event::AuditEvent;
use crate::event_type::EventType;
use crate::pseudonym::Pseudonym;
use crate::salt::Salt;

/// The version of the entries this crate writes and reads.
pub const VERSION: u64 = 1;

/// The largest entry: what the two-byte length in a tile of entries (C2SP tlog-tiles) can say.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// What the commitment's text begins with.
const COMMITMENT_PREFIX: &str = "hmac-sha256:";

/// RFC 3339 with years of four digits, in UTC, with six digits of fraction.
const TIME_BYTES: usize = "2023-11-14T22:13:20.000000Z".len();

/// Every member of an entry, in canonical order. All are there always; what doesn't apply is `null`.
const MEMBERS: [&str; 11] = [
    "actor",
    "at",
    "commitment",
    "correlation_id",
    "event_id",
    "plan_digest",
    "policy_digest",
    "request",
    "run",
    "type",
    "version",
];

/// An event has no entry, or bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The detail holds a number that canonical JSON has no form for.
    #[error("the event's detail has no canonical form: {0}")]
    Detail(#[from] CanonicalError),
    /// The pseudonym is not one of this actor.
    #[error("the actor of event `{id}` and its pseudonym don't belong together")]
    Pseudonym {
        /// The event.
        id: EventId,
    },
    /// The time has no RFC 3339 text.
    #[error("the time of event `{id}` is not within the years 0000 to 9999")]
    Time {
        /// The event.
        id: EventId,
    },
    /// Too large for the log.
    #[error("the entry has {bytes} bytes; at most {MAX_ENTRY_BYTES} fit into the log")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The bytes are not a JSON object.
    #[error("the entry is not a JSON object")]
    NotAnObject,
    /// The entry is of another version.
    #[error("the entry is not of version {VERSION}")]
    OtherVersion,
    /// A member is missing, or its value is not what it should be.
    #[error("the entry's member `{name}` is missing or malformed")]
    Member {
        /// The member.
        name: &'static str,
    },
    /// There is a member that no entry has.
    #[error("the entry has a member that version {VERSION} doesn't know")]
    UnknownMember,
    /// The same could be written in other bytes, and these are not the canonical ones.
    #[error("the entry's bytes are not canonical")]
    NotCanonical,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event.
    pub event: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What kind of fact.
    pub event_type: EventType,
    /// Who acted, as far as the log knows.
    pub actor: Pseudonym,
    /// The run it is about.
    pub run: Option<RunId>,
    /// The request it is about.
    pub request: Option<RequestId>,
    /// Connects all events of one request.
    pub correlation_id: Option<CorrelationId>,
    /// The policy text that was active.
    pub policy_digest: Option<Digest>,
    /// The plan it is about.
    pub plan_digest: Option<Digest>,
    /// The salted commitment to the detail.
    pub commitment: [u8; 32],
}

/// The final bytes of an event's log entry.
///
/// # Errors
/// The detail holds a number that is not an integer within plus or minus 2^53 - 1, the pseudonym is not the actor's, the time has no RFC
/// 3339 text, or the entry would be too large.
pub fn encode_entry(event: &AuditEvent) -> Result<Vec<u8>, EntryError> {
    let fitting = match Pseudonym::of_role(&event.actor) {
        Some(role) => role == event.actor_pseudonym,
        None => event.actor_pseudonym.is_drawn(),
    };
    if !fitting {
        return Err(EntryError::Pseudonym { id: event.id });
    }
    let entry = Entry {
        event: event.id,
        at: event.at,
        event_type: event.event_type,
        actor: event.actor_pseudonym.clone(),
        run: event.run.clone(),
        request: event.request,
        correlation_id: event.correlation_id,
        policy_digest: event.policy_digest,
        plan_digest: event.plan_digest,
        commitment: commitment(&event.detail, &event.salt)?,
    };
    write(&entry)
}

/// The commitment to a detail: HMAC-SHA256, keyed with the record's salt, over the detail's canonical JSON.
///
/// # Errors
/// The detail holds a number that is not an integer within plus or minus 2^53 - 1.
pub fn commitment(detail: &Value, salt: &Salt) -> Result<[u8; 32], EntryError> {
    Ok(mac(detail, salt)?.finalize().into_bytes().into())
}

/// Reads an entry, strictly: the very bytes that [`encode_entry`] writes, and no others.
///
/// # Errors
/// The bytes are too many, no JSON object, of another version, lack a member, have one too many, or are not canonical.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, EntryError> {
    check_size(bytes.len())?;
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else {
        return Err(EntryError::NotAnObject);
    };
    if members.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err(EntryError::OtherVersion);
    }
    if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(EntryError::UnknownMember);
    }
    let entry = read(&members)?;
    // Writing it again finds every other spelling: white space, order, escapes, members given twice, times in other offsets.
    if write(&entry)? == bytes { Ok(entry) } else { Err(EntryError::NotCanonical) }
}

/// Whether `detail` and `salt` are what the entry commits to. Takes the same time wherever they differ.
pub fn verify_detail(entry: &Entry, detail: &Value, salt: &Salt) -> bool {
    mac(detail, salt).is_ok_and(|mac| mac.verify_slice(&entry.commitment).is_ok())
}

fn mac(detail: &Value, salt: &Salt) -> Result<Hmac<Sha256>, EntryError> {
    let message = to_canonical(detail)?;
    // HMAC pads a key shorter than its block (64 bytes) with zeros (RFC 2104); padding it here leaves no length that could be refused.
    let mut key = [0; 64];
    key[..32].copy_from_slice(salt.as_bytes());
    Ok(Hmac::<Sha256>::new(&key.into()).chain_update(&message))
}

fn write(entry: &Entry) -> Result<Vec<u8>, EntryError> {
    let at = entry.at.to_string();
    if at.len() != TIME_BYTES {
        return Err(EntryError::Time { id: entry.event });
    }
    let value = json!({
        "version": VERSION,
        "event_id": entry.event.to_string(),
        "at": at,
        "type": entry.event_type.as_str(),
        "actor": entry.actor.as_str(),
        "run": entry.run.as_ref().map(RunId::as_str),
        "request": entry.request.map(|id| id.to_string()),
        "correlation_id": entry.correlation_id.map(|id| id.to_string()),
        "policy_digest": entry.policy_digest.map(|digest| digest.to_string()),
        "plan_digest": entry.plan_digest.map(|digest| digest.to_string()),
        "commitment": format!("{COMMITMENT_PREFIX}{}", hex::encode(entry.commitment)),
    });
    let bytes = to_canonical(&value)?;
    check_size(bytes.len())?;
    Ok(bytes)
}

fn read(members: &Map<String, Value>) -> Result<Entry, EntryError> {
    Ok(Entry {
        event: required(members, "event_id", |text| text.parse().ok())?,
        at: required(members, "at", |text| text.parse().ok())?,
        event_type: required(members, "type", |text| text.parse().ok())?,
        actor: required(members, "actor", |text| text.parse().ok())?,
        run: optional(members, "run", |text| text.parse().ok())?,
        request: optional(members, "request", |text| text.parse().ok())?,
        correlation_id: optional(members, "correlation_id", |text| text.parse().ok())?,
        policy_digest: optional(members, "policy_digest", |text| text.parse().ok())?,
        plan_digest: optional(members, "plan_digest", |text| text.parse().ok())?,
        commitment: required(members, "commitment", |text| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text.strip_prefix(COMMITMENT_PREFIX)?, &mut bytes).ok()?;
            Some(bytes)
        })?,
    })
}

fn required<T>(
    members: &Map<String, Value>,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, EntryError> {
    members.get(name).and_then(Value::as_str).and_then(parse).ok_or(EntryError::Member { name })
}

/// A member that may be `null`, but has to be there.
fn optional<T>(
    members: &Map<String, Value>,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, EntryError> {
    match members.get(name) {
        Some(Value::Null) => Ok(None),
        Some(_) | None => required(members, name, parse).map(Some),
    }
}

fn check_size(bytes: usize) -> Result<(), EntryError> {
    if bytes <= MAX_ENTRY_BYTES { Ok(()) } else { Err(EntryError::TooLarge { bytes }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_entry_fits_a_two_byte_length() {
        assert_eq!(check_size(65_535), Ok(()));
        assert_eq!(check_size(65_536), Err(EntryError::TooLarge { bytes: 65_536 }));
    }

    #[test]
    fn members_are_listed_in_canonical_order() {
        assert!(MEMBERS.is_sorted());
    }
}
