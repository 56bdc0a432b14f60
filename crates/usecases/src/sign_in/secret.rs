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

/// A secret under a mask. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Masked(Zeroizing<String>);

impl Masked {
    /// The text, for whoever is to have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

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

    /// The same as pages show it again and again: under another mask each time. Pages are compressed, and how small they become tells a secret
    /// that is the same in all of them to whoever has words of their own put beside it (BREACH, <https://www.breachattack.com>).
    pub fn masked(&self, entropy: &dyn Entropy) -> Masked {
        let mut pad = Zeroizing::new([0; CHARACTERS]);
        entropy.fill(&mut *pad);
        let hidden = with_pad(self.0.as_bytes(), &*pad);
        Masked(Zeroizing::new(URL_SAFE_NO_PAD.encode([&pad[..], &hidden].concat())))
    }

    /// The secret that came back under a mask. `None` when it was none of ours.
    pub fn unmask(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let (pad, hidden) =
            bytes.split_at_checked(CHARACTERS).filter(|(_, hidden)| hidden.len() == CHARACTERS)?;
        Self::parse(std::str::from_utf8(&with_pad(hidden, pad)).ok()?)
    }

    /// What is stored of it. 256 random bits need no salt and no slow hash.
    pub fn hash(&self) -> Digest {
        Digest::of_bytes(self.0.as_bytes())
    }
}

fn with_pad(text: &[u8], pad: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect())
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masked(hidden)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    struct Running(AtomicU8);

    impl Entropy for Running {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill_with(|| self.0.fetch_add(37, Ordering::Relaxed));
        }
    }

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

    #[test]
    fn a_secret_comes_back_from_under_any_mask_and_from_nothing_else() {
        let entropy = Running(AtomicU8::new(0));
        let secret = Secret::draw(&entropy);
        let masked = [secret.masked(&entropy), secret.masked(&entropy)];
        assert_ne!(masked[0], masked[1]);
        for masked in &masked {
            assert_eq!(Secret::unmask(masked.expose()).as_ref(), Some(&secret));
            assert!(
                !masked.expose().contains(secret.expose())
                    && !format!("{masked:?}").contains(masked.expose())
            );
        }
        let whole = masked[0].expose();
        let changed = format!("{}{}", if whole.starts_with('A') { 'B' } else { 'A' }, &whole[1..]);
        assert_ne!(Secret::unmask(&changed).as_ref(), Some(&secret));
        for bad in ["", "x", secret.expose(), &whole[1..], &format!("{whole}AAAA"), &whole.repeat(2)] {
            assert_eq!(Secret::unmask(bad), None, "{bad}");
        }
    }
}
