//! Sealing generated secret values between the `applying` commit and the settlement of their request.
//!
//! Each value has a key of its own (XChaCha20-Poly1305), which is wrapped by a master key of a given id with the same cipher. Request,
//! revision and purpose are associated data of both, so that a sealed value moved to another row doesn't open. After a rotation
//! new values are sealed with the new master key; the old one stays configured until nothing is sealed with it any more, which
//! [`crate::master_keys`] brings about.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use countersign_kernel::{RequestId, Timestamp};
use countersign_mcp_tools::{SecretSpec, SecretValue};
use zeroize::Zeroizing;

use crate::port::Entropy;
use crate::record::{SealedRecord, Stamp, WrappedKeyRecord};

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The purpose of a value that a plan's secret specification asks for.
pub const GENERATED: &str = "generated";

/// The purpose of what a step replaces: kept so that the step can be undone.
pub fn kept_by_step(number: u32) -> String {
    format!("kept_by_step_{number}")
}

/// A value can't be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key that wrapped it is not configured.
    #[error("the master key `{0}` is not configured; without it the sealed value can't be opened")]
    UnknownKey(String),
    /// There is no key to seal with.
    #[error("no active master key is configured")]
    NoKey,
    /// The sealed bytes don't open: damaged, or moved from another request.
    #[error("a sealed value of request `{0}` does not open")]
    Damaged(String),
}

/// What a sealed value belongs to; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The request.
    pub request: RequestId,
    /// Its revision.
    pub revision: u32,
    /// What the value is for.
    pub purpose: &'p str,
}

/// A master key.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl MasterKey {
    /// Takes over 32 bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// Seals and opens with the configured master keys.
pub struct Sealer {
    keys: BTreeMap<String, MasterKey>,
    active: String,
}

impl Sealer {
    /// A sealer that seals with `active` and opens with any of `keys`.
    ///
    /// # Errors
    /// `active` is not among the keys.
    pub fn new(keys: BTreeMap<String, MasterKey>, active: String) -> Result<Self, SealError> {
        if keys.contains_key(&active) { Ok(Self { keys, active }) } else { Err(SealError::NoKey) }
    }

    /// The id of the master key that seals.
    pub fn active(&self) -> &str {
        &self.active
    }

    /// The ids of the configured master keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Wraps the key of a sealed value anew, with the active master key. The value itself stays sealed and is not touched.
    ///
    /// # Errors
    /// The master key that wrapped it is not configured, or the wrapped key is damaged.
    pub fn rewrap(&self, entropy: &dyn Entropy, found: &WrappedKeyRecord) -> Result<String, SealError> {
        let unknown = || SealError::UnknownKey(found.master_key_id.clone());
        let damaged = || SealError::Damaged(found.request_id.clone());
        let old = self.keys.get(&found.master_key_id).ok_or_else(unknown)?;
        let new = self.keys.get(&self.active).ok_or(SealError::NoKey)?;
        let aad = associated(&found.request_id, found.revision, &found.purpose);
        let key = Zeroizing::new(decrypt(&old.0, &found.wrapped_key, &aad).ok_or_else(damaged)?);
        if key.len() != KEY_BYTES {
            return Err(damaged());
        }
        encrypt(entropy, &new.0, &key, &aad).ok_or(SealError::NoKey)
    }

    /// Draws a value as the plan asks for and seals it.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn generate(
        &self,
        entropy: &dyn Entropy,
        spec: SecretSpec,
        request: RequestId,
        revision: u32,
        now: Timestamp,
    ) -> Result<SealedRecord, SealError> {
        self.seal(entropy, &draw(entropy, spec.length), Place { request, revision, purpose: GENERATED }, now)
    }

    /// Seals a value.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn seal(
        &self,
        entropy: &dyn Entropy,
        value: &SecretValue,
        place: Place<'_>,
        now: Timestamp,
    ) -> Result<SealedRecord, SealError> {
        let aad = associated(&place.request, i64::from(place.revision), place.purpose);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(&mut key[..]);
        let master = self.keys.get(&self.active).ok_or(SealError::NoKey)?;
        Ok(SealedRecord {
            request_id: place.request.to_string(),
            revision: i64::from(place.revision),
            purpose: place.purpose.to_owned(),
            master_key_id: self.active.clone(),
            wrapped_key: encrypt(entropy, &master.0, &key[..], &aad).ok_or(SealError::NoKey)?,
            sealed_value: encrypt(entropy, &key, value.expose(), &aad).ok_or(SealError::NoKey)?,
            sealed_at: Stamp(now),
        })
    }

    /// Seals a note that leaves us and comes back: nobody else can read, make or change one. It opens for the same purpose only, by every
    /// server that has the master key.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn seal_note(&self, entropy: &dyn Entropy, note: &[u8], purpose: &str) -> Result<String, SealError> {
        let master = self.keys.get(&self.active).ok_or(SealError::NoKey)?;
        let sealed = encrypt(entropy, &master.0, note, &associated_note(purpose)).ok_or(SealError::NoKey)?;
        Ok(format!("{}.{sealed}", self.active))
    }

    /// Opens a note; `None` for one that is not ours, or for something else.
    pub fn open_note(&self, sealed: &str, purpose: &str) -> Option<Vec<u8>> {
        // What is sealed has no dot.
        let (key, sealed) = sealed.rsplit_once('.')?;
        decrypt(&self.keys.get(key)?.0, sealed, &associated_note(purpose))
    }

    /// Opens a sealed value: the same bytes every time.
    ///
    /// # Errors
    /// The master key is not configured, or the value is damaged.
    pub fn open(
        &self,
        sealed: &SealedRecord,
        request: RequestId,
        revision: u32,
    ) -> Result<SecretValue, SealError> {
        let unknown = || SealError::UnknownKey(sealed.master_key_id.clone());
        let damaged = || SealError::Damaged(request.to_string());
        let master = self.keys.get(&sealed.master_key_id).ok_or_else(unknown)?;
        let aad = associated(&request, i64::from(revision), &sealed.purpose);
        let wrapped = Zeroizing::new(decrypt(&master.0, &sealed.wrapped_key, &aad).ok_or_else(damaged)?);
        let key: &[u8; KEY_BYTES] = wrapped.as_slice().try_into().map_err(|_| damaged())?;
        decrypt(key, &sealed.sealed_value, &aad).map(SecretValue::new).ok_or_else(damaged)
    }
}

fn associated(request: &dyn fmt::Display, revision: i64, purpose: &str) -> String {
    format!("countersign/sealed/v1/{request}/{revision}/{purpose}")
}

fn associated_note(purpose: &str) -> String {
    format!("countersign/note/v1/{purpose}")
}

/// Characters without bias: bytes at or above the largest multiple of 62 are drawn again.
fn draw(entropy: &dyn Entropy, length: u32) -> SecretValue {
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    let mut value = Zeroizing::new(Vec::with_capacity(wanted));
    let mut buffer = Zeroizing::new([0_u8; 64]);
    while value.len() < wanted {
        entropy.fill(&mut buffer[..]);
        let fair = buffer.iter().filter(|byte| **byte < 248).take(wanted - value.len());
        value.extend(fair.map(|byte| ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    }
    SecretValue::new(std::mem::take(&mut value))
}

fn encrypt(entropy: &dyn Entropy, key: &[u8; KEY_BYTES], plain: &[u8], aad: &str) -> Option<String> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: plain, aad: aad.as_bytes() };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
    Some(STANDARD.encode([&nonce[..], &sealed].concat()))
}

fn decrypt(key: &[u8; KEY_BYTES], sealed: &str, aad: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: aad.as_bytes() }).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(37, Ordering::Relaxed);
            }
        }
    }

    fn sealer(id: &str, byte: u8) -> Sealer {
        let keys = BTreeMap::from([(id.to_owned(), MasterKey::new([byte; 32]))]);
        Sealer::new(keys, id.to_owned()).unwrap()
    }

    fn sealed(request: RequestId) -> SealedRecord {
        let entropy = Counting(AtomicU8::new(1));
        sealer("k1", 7)
            .generate(&entropy, SecretSpec { length: 40 }, request, 2, Timestamp::from_unix_micros(0))
            .unwrap()
    }

    fn request(byte: u8) -> RequestId {
        RequestId::from_parts(Timestamp::from_unix_micros(0), [byte; 10])
    }

    #[test]
    fn opens_to_the_same_bytes_every_time() {
        let record = sealed(request(1));
        let first = sealer("k1", 7).open(&record, request(1), 2).unwrap();
        let second = sealer("k1", 7).open(&record, request(1), 2).unwrap();
        assert_eq!(first.expose(), second.expose());
        assert_eq!(first.expose().len(), 40);
        assert!(first.expose().iter().all(u8::is_ascii_alphanumeric));
    }

    fn wrapped(record: &SealedRecord) -> WrappedKeyRecord {
        WrappedKeyRecord {
            request_id: record.request_id.clone(),
            revision: record.revision,
            purpose: record.purpose.clone(),
            master_key_id: record.master_key_id.clone(),
            wrapped_key: record.wrapped_key.clone(),
        }
    }

    fn both(active: &str) -> Sealer {
        let key = |byte| MasterKey::new([byte; 32]);
        let keys = BTreeMap::from([("k1".to_owned(), key(7)), ("k2".to_owned(), key(8))]);
        Sealer::new(keys, active.to_owned()).unwrap()
    }

    #[test]
    fn a_rewrapped_key_opens_the_same_bytes_without_the_old_master_key() {
        let record = sealed(request(1));
        let before = sealer("k1", 7).open(&record, request(1), 2).unwrap();
        let wrapped_key = both("k2").rewrap(&Counting(AtomicU8::new(9)), &wrapped(&record)).unwrap();
        assert_ne!(wrapped_key, record.wrapped_key);
        let record = SealedRecord { master_key_id: "k2".to_owned(), wrapped_key, ..record };
        let after = sealer("k2", 8).open(&record, request(1), 2).unwrap();
        assert_eq!(before.expose(), after.expose());
        let old_alone = SealedRecord { master_key_id: "k1".to_owned(), ..record };
        assert!(
            sealer("k1", 7).open(&old_alone, request(1), 2).is_err(),
            "the old key is of no use any more"
        );
    }

    #[test]
    fn a_key_is_not_rewrapped_for_another_row_or_by_a_stranger() {
        let entropy = Counting(AtomicU8::new(9));
        let found = wrapped(&sealed(request(1)));
        let moved = [
            WrappedKeyRecord { request_id: request(2).to_string(), ..found.clone() },
            WrappedKeyRecord { revision: 3, ..found.clone() },
            WrappedKeyRecord { purpose: "another".to_owned(), ..found.clone() },
            WrappedKeyRecord { master_key_id: "k2".to_owned(), ..found.clone() },
        ];
        for moved in moved {
            let refused = both("k2").rewrap(&entropy, &moved).unwrap_err();
            assert_eq!(refused, SealError::Damaged(moved.request_id));
        }
        let unknown = sealer("k2", 8).rewrap(&entropy, &found).unwrap_err();
        assert_eq!(unknown, SealError::UnknownKey("k1".to_owned()));
    }

    #[test]
    fn a_note_opens_for_its_purpose_only_and_also_after_a_rotation() {
        let entropy = Counting(AtomicU8::new(1));
        let note = sealer("k1", 7).seal_note(&entropy, b"a note", "this").unwrap();
        assert_eq!(both("k2").open_note(&note, "this").as_deref(), Some(&b"a note"[..]));
        assert_eq!(both("k2").open_note(&note, "that"), None);
        assert_eq!(sealer("k1", 8).open_note(&note, "this"), None, "another key of that name");
        assert_eq!(sealer("k2", 7).open_note(&note, "this"), None, "a key that is gone");
        let (changed, cut) = (note.replacen("k1.", "k1.A", 1), &note[..note.len() - 4]);
        for forged in ["", "k1", "k1.", "k1.!", &*changed, cut] {
            assert_eq!(both("k1").open_note(forged, "this"), None, "{forged}");
        }
        let again = sealer("k1", 7).seal_note(&entropy, b"a note", "this").unwrap();
        assert_ne!(again, note, "each is sealed anew");
    }

    #[test]
    fn does_not_open_elsewhere() {
        let record = sealed(request(1));
        let damaged = |result: Result<SecretValue, SealError>| {
            assert!(matches!(result.unwrap_err(), SealError::Damaged(_)));
        };
        damaged(sealer("k1", 7).open(&record, request(2), 2));
        damaged(sealer("k1", 7).open(&record, request(1), 3));
        damaged(sealer("k1", 8).open(&record, request(1), 2));
        let for_something_else = SealedRecord { purpose: kept_by_step(1), ..record.clone() };
        damaged(sealer("k1", 7).open(&for_something_else, request(1), 2));
        let other = sealer("k2", 7).open(&record, request(1), 2).unwrap_err();
        assert_eq!(other, SealError::UnknownKey("k1".to_owned()));
    }
}
