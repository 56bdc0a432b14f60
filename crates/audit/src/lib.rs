//! Audit events and their canonical, salted log entries.
//!
//! An event is told twice: as a searchable row whose detail and names can be erased, and as an entry of the transparency log that can't.
//! This crate owns the entry: its bytes are final from the day they are written, so a sequencer or verifier made later reads the old
//! ones too. `docs/audit-entry.md` describes them for other implementations.
//!
//! **Architecture invariant:** no clock, no randomness (ids, salts and pseudonyms are drawn elsewhere), no storage. An entry never holds
//! a name of a person or service, nor any part of the detail.

pub mod entry;
pub mod event;
pub mod event_type;
pub mod pseudonym;
pub mod salt;

pub use entry::{Entry, EntryError, MAX_ENTRY_BYTES, commitment, decode_entry, encode_entry, verify_detail};
pub use event::AuditEvent;
pub use event_type::{EventType, ParseEventTypeError};
pub use pseudonym::{ParsePseudonymError, Pseudonym};
pub use salt::{ParseSaltError, Salt};
