//! The salt of one record.

use std::fmt;

/// 32 random bytes of one record. Without them the commitment in the record's log entry says nothing about the detail, not even to
/// somebody who can guess it; so erasing a detail erases its salt.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 32]);

/// The text is not a salt. It isn't repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a salt is 64 lower-case hex digits")]
pub struct ParseSaltError;

impl Salt {
    /// Takes bytes that were drawn for this one record.
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes a salt back from storage.
    ///
    /// # Errors
    /// The text is not 64 lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, ParseSaltError> {
        let mut bytes = [0; 32];
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(ParseSaltError);
        }
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseSaltError)?;
        Ok(Self(bytes))
    }

    /// The salt for storage: 64 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows that there is one, not which.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_through_storage_and_not_through_debug() {
        let salt = Salt::from_random([0xab; 32]);
        assert_eq!(Salt::parse(&salt.to_hex()), Ok(salt.clone()));
        assert_eq!(salt.to_hex(), "ab".repeat(32));
        assert_eq!(format!("{salt:?}"), "Salt(..)");
    }

    #[test]
    fn has_one_spelling() {
        for text in ["", "ab", &"AB".repeat(32), &"ab".repeat(33), &"zz".repeat(32)] {
            assert_eq!(Salt::parse(text), Err(ParseSaltError));
        }
    }
}
