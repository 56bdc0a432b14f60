//! SHA-256 digests over canonical JSON: how an intent, a plan or a policy text is named.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::canonical::{CanonicalError, to_canonical};

/// A SHA-256 digest. Written as `sha256:` and 64 lower-case hex digits, everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is `sha256:` followed by 64 lower-case hex digits")]
pub struct ParseDigestError;

impl Digest {
    /// The digest of these very bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the canonical form of `value`.
    ///
    /// # Errors
    /// The value holds something canonical JSON has no form for (a number that is not an integer).
    pub fn of_json(value: &Value) -> Result<Self, CanonicalError> {
        Ok(Self::of_bytes(&to_canonical(value)?))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hex digits: enough to recognise a digest on a screen, never enough to decide by.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").ok_or(ParseDigestError)?;
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(ParseDigestError);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| ParseDigestError)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn round_trips_through_text() {
        let digest = Digest::of_bytes(b"abc");
        assert_eq!(
            digest.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn refuses_other_spellings() {
        for text in ["", "sha256:", "sha256:00", "md5:00", "SHA256:ba78"] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let upper = Digest::of_bytes(b"abc").to_string().to_uppercase();
        assert!(upper.parse::<Digest>().is_err());
    }

    #[test]
    fn does_not_depend_on_member_order() {
        let a = Digest::of_json(&json!({"a": 1, "b": [true, null]})).unwrap();
        let b = Digest::of_json(&json!({"b": [true, null], "a": 1})).unwrap();
        assert_eq!(a, b);
    }
}
