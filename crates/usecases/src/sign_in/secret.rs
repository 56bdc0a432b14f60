//! Secrets that a browser holds: 32 random bytes as text, of which only the hash is ever stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_kernel::Digest;
use zeroize::Zeroizing;

use crate::port::Entropy;

/// How many random bytes.
const BYTES: usize = 32;

/// How many characters they are as base64 for URLs, without padding.
const CHARACTERS: usize = 43;

/// A secret of a browser. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        entropy.fill(&mut *bytes);
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
    }

    /// One that came back. `None` when it was none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == CHARACTERS
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        well_formed.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for whoever is to have it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it. 256 random bits need no salt and no slow hash.
    pub fn hash(&self) -> Digest {
        Digest::of_bytes(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            (0..).zip(buffer).for_each(|(number, byte)| *byte = number);
        }
    }

    #[test]
    fn a_secret_comes_back_as_it_was_and_prints_as_nothing() {
        let secret = Secret::draw(&Counting);
        assert_eq!(secret.expose().len(), CHARACTERS);
        assert_eq!(Secret::parse(secret.expose()).unwrap().hash(), secret.hash());
        assert!(!format!("{secret:?}").contains(secret.expose()));
        assert!(!secret.hash().to_string().contains(secret.expose()));
    }

    #[test]
    fn what_is_no_secret_of_ours_is_none() {
        for bad in ["", "x", &"a".repeat(42), &"a".repeat(44), &format!("{}=", "a".repeat(42))] {
            assert_eq!(Secret::parse(bad), None, "{bad}");
        }
    }
}
