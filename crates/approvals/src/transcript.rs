//! How spoken words became text: what is kept of it beside the words themselves. The recording is kept nowhere; its digest tells one from
//! another.

use std::fmt;
use std::str::FromStr;

use countersign_kernel::{Digest, Millis, ParseNameError};

/// What turned spoken words into text, and how sure it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Who transcribed, as the configuration names them.
    pub provider: Label,
    /// With which model.
    pub model: Label,
    /// The language that was heard, in the provider's own spelling; none where it doesn't say.
    pub language: Option<Label>,
    /// How sure the provider was; none where it doesn't say.
    pub confidence: Option<Percent>,
    /// The digest of the recording.
    pub audio: Digest,
    /// How long the recording was; none where nobody could tell.
    pub duration: Option<Millis>,
}

/// A short name in somebody else's spelling: 1 to 64 printable ASCII characters, without blanks at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if printable && text.trim() == text && (1..=64).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseNameError::new(
            "a label",
            "1 to 64 printable ASCII characters without blanks at the ends",
            text,
        ))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A share of a hundred. What is digested and logged has no floating-point numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// This many of a hundred; `None` beyond it.
    pub const fn new(of_hundred: u8) -> Option<Self> {
        if of_hundred <= 100 { Some(Self(of_hundred)) } else { None }
    }

    /// How many of a hundred.
    pub const fn get(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_printable() {
        for good in ["whisper-1", "Systran/faster-whisper-large-v3", "haitian creole", "x"] {
            assert_eq!(good.parse::<Label>().unwrap().as_str(), good);
        }
        let long = "x".repeat(65);
        for bad in ["", " ", " x", "x ", "a\nb", "a\u{202e}b", "русский", long.as_str()] {
            assert!(bad.parse::<Label>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn there_are_a_hundred_percent() {
        assert_eq!(Percent::new(100).map(Percent::get), Some(100));
        assert_eq!(Percent::new(101), None);
    }
}
