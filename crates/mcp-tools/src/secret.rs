//! A generated secret value, from the moment it is drawn to the moment it is forgotten.

use std::fmt;

use secrecy::{ExposeSecret, SecretSlice};

/// Secret bytes. There is no `Clone`, no `Serialize`, no `Display`; `Debug` shows nothing of it; memory is zeroed on drop.
pub struct SecretValue(SecretSlice<u8>);

impl SecretValue {
    /// Takes over the bytes; the given buffer is the value from here on.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(SecretSlice::from(bytes))
    }

    /// The bytes, for the one place that hands them to a target or a cipher.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", SecretValue::new(b"hunter2".to_vec()));
        assert_eq!(shown, "SecretValue(hidden)");
    }
}
