//! Free text from people and agents, scrubbed once when it is parsed: before any digest, log or storage.
//!
//! What is replaced: known credential prefixes, private keys, credentials in URLs, authorization headers, and words of high entropy next
//! to a keyword. It errs on the side of removing: a reason that reads a little odd is better than a leaked token. It is a net, not a
//! wall: a secret written as an ordinary word passes.

use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in the place of a removed secret.
pub const MARK: &str = "[redacted]";

/// Text that has been through the redactor. There is no other way to make one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedactedText(String);

/// A text has the wrong length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Shorter than the field asks for.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The least number of characters, after trimming.
        min: usize,
    },
    /// Longer than the field allows.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The greatest number of characters, after trimming.
        max: usize,
    },
}

impl RedactedText {
    /// Trims, checks the length in characters (before redaction) and redacts.
    ///
    /// # Errors
    /// The trimmed text has fewer than `min` or more than `max` characters.
    pub fn parse(text: &str, min: usize, max: usize) -> Result<Self, TextError> {
        let trimmed = text.trim();
        let length = trimmed.chars().count();
        if length < min {
            return Err(TextError::TooShort { min });
        }
        if length > max {
            return Err(TextError::TooLong { max });
        }
        // PostgreSQL's text holds every character but this one; it says nothing, and must not make a store refuse a whole commit.
        Ok(Self(redact(&trimmed.replace('\0', "\u{fffd}"))))
    }

    /// Takes text back from storage, where only redacted text is written. Reads it as it is: a better redactor must not change old
    /// digests.
    pub fn from_storage(text: String) -> Self {
        Self(text)
    }

    /// The redacted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedactedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the length only: free text stays out of logs even when it is redacted.
impl fmt::Debug for RedactedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedactedText({} characters)", self.0.chars().count())
    }
}

fn pattern(text: &str) -> Regex {
    // SAFETY of the expect: the patterns are literals of this file and each is exercised by a test below.
    #[expect(clippy::expect_used, reason = "the patterns are literals, each exercised by a test")]
    Regex::new(text).expect("a literal pattern compiles")
}

/// PEM blocks: the whole block, or to the end where it was cut.
static PEM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)")
});
/// Prefixes the issuers publish for secret scanning: GitHub, GitLab, AWS, Slack, Google, Stripe, npm, PyPI, OpenAI, Anthropic, Telegram
/// bots, JSON Web Tokens, PASETO, age and Vault.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}",
        r"|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abprse]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{30,}",
        r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}",
        r"|sk-[A-Za-z0-9_-]{16,}|\d{8,10}:[A-Za-z0-9_-]{35}",
        r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|v[34]\.(?:public|local)\.[A-Za-z0-9_-]{16,}",
        r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}|hv[sbr]\.[A-Za-z0-9_-]{20,})",
    ))
});
/// `scheme://user:password@host`: the password only.
static URL_PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?P<after>@)"));
/// `Authorization: Bearer x`, `Basic x`.
static AUTHORIZATION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}"));
/// A keyword, a separator and a value: `password = hunter2`, `"api_key": "x"`, `token is abc`.
static KEYWORD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?i)(?P<keep>\b[a-z0-9_.-]*(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|private[_-]?key|"#,
        r#"credential|access[_-]?key)[a-z0-9_.-]*["']?\s*(?P<sep>=|:|\bis\b|\bwas\b)\s*["']?)(?P<value>[^\s"',;]+)"#,
    ))
});
/// A long unbroken word: a candidate for the entropy test wherever it stands.
static LONG_WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9+/=_-]{24,}"));

fn redact(text: &str) -> String {
    let text = PEM.replace_all(text, MARK);
    let text = URL_PASSWORD.replace_all(&text, format!("${{keep}}{MARK}${{after}}"));
    let text = AUTHORIZATION.replace_all(&text, format!("${{keep}}{MARK}"));
    let text = PREFIX.replace_all(&text, MARK);
    let text = KEYWORD.replace_all(&text, |found: &Captures<'_>| {
        let value = &found["value"];
        let assigned = matches!(&found["sep"], "=" | ":");
        // After a word such as "is" an ordinary word follows more often than a secret.
        if value.starts_with(MARK) || !(assigned || looks_random(value, 8, 2.5)) {
            found[0].to_owned()
        } else {
            format!("{}{MARK}", &found["keep"])
        }
    });
    LONG_WORD
        .replace_all(&text, |found: &Captures<'_>| {
            if looks_random(&found[0], 24, 4.0) { MARK.to_owned() } else { found[0].to_owned() }
        })
        .into_owned()
}

/// Shannon entropy in bits per character at or above `bits`, with digits and letters mixed: prose and identifiers stay below.
fn looks_random(word: &str, least: usize, bits: f64) -> bool {
    let bytes = word.as_bytes();
    if bytes.len() < least
        || !bytes.iter().any(u8::is_ascii_digit)
        || !bytes.iter().any(u8::is_ascii_alphabetic)
    {
        return false;
    }
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let length = bytes.len() as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let p = f64::from(*count) / length;
            -p * p.log2()
        })
        .sum();
    entropy >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrub(text: &str) -> String {
        RedactedText::parse(text, 0, 10_000).unwrap().as_str().to_owned()
    }

    #[test]
    fn removes_credentials() {
        let cases = [
            ("use ghp_abcdefghijklmnop0123456789ABCDEF now", "use [redacted] now"),
            ("key AKIAIOSFODNN7EXAMPLE", "key [redacted]"),
            ("postgres://app:s3cr3t@db/x", "postgres://app:[redacted]@db/x"),
            ("Authorization: Bearer abc.def-ghi12345", "Authorization: Bearer [redacted]"),
            ("password = hunter2", "password = [redacted]"),
            ("DB_PASSWORD: 'hunter2'", "DB_PASSWORD: '[redacted]'"),
            ("the token is a8f3k2m9x1", "the token is [redacted]"),
            ("bot 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", "bot [redacted]"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def", "jwt [redacted]"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[redacted]"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE cut", "[redacted]"),
            ("value Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2Q now", "value [redacted] now"),
        ];
        for (text, expected) in cases {
            assert_eq!(scrub(text), expected, "{text}");
        }
    }

    #[test]
    fn leaves_prose_names_and_ids_alone() {
        for text in [
            "The password is wrong, please rotate the secret.",
            "see https://example.com/acme/shop/pull/17 for why",
            "database orders_production_replica_two",
            "request 018f5a3c-1111-7000-8000-000000000001",
            "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        ] {
            assert_eq!(scrub(text), text);
        }
    }

    #[test]
    fn the_one_character_that_no_database_holds_is_replaced() {
        assert_eq!(RedactedText::parse("a\0b", 3, 3).unwrap().as_str(), "a\u{fffd}b");
    }

    #[test]
    fn redacting_twice_changes_nothing() {
        let once = scrub("password=abc token: ghp_abcdefghijklmnop0123456789ABCDEF");
        assert_eq!(scrub(&once), once);
    }

    #[test]
    fn length_is_counted_in_characters_after_trimming() {
        assert_eq!(RedactedText::parse("  ab ", 3, 9), Err(TextError::TooShort { min: 3 }));
        assert!(RedactedText::parse("\u{434}\u{430}!", 3, 3).is_ok());
        assert_eq!(RedactedText::parse("abcd", 0, 3), Err(TextError::TooLong { max: 3 }));
    }

    #[test]
    fn debug_never_shows_the_text() {
        let text = RedactedText::parse("hello", 0, 9).unwrap();
        assert_eq!(format!("{text:?}"), "RedactedText(5 characters)");
    }
}
