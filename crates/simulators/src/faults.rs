//! Failing on command: rules that say which request fails, how often and how.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How a matched request fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Answers with an error in the service's own shape; the request is not handled.
    Answer {
        /// HTTP status, 400 to 599.
        status: u16,
        /// Sent as `Retry-After`, in seconds.
        #[serde(default)]
        retry_after_s: Option<u32>,
        /// Replaces the service's usual message for that status.
        #[serde(default)]
        message: Option<String>,
    },
    /// Closes the connection without handling the request: nothing happened, and the caller can't know.
    DropBeforeHandling,
    /// Handles the request, then closes the connection without a reply: it happened, and the caller can't know.
    DropAfterHandling,
    /// Keeps the caller waiting without handling the request, then closes the connection.
    Hang {
        /// How long, in milliseconds.
        for_ms: u64,
    },
    /// Handles the request, then keeps the caller waiting, then closes the connection without a reply.
    HangAfterHandling {
        /// How long, in milliseconds.
        for_ms: u64,
    },
    /// Waits, then handles the request, whether or not the caller is still there.
    Delay {
        /// How long, in milliseconds.
        for_ms: u64,
    },
}

impl Behaviour {
    /// An error answer with nothing but its status.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, retry_after_s: None, message: None }
    }

    /// An error answer that asks to come back later.
    pub fn status_retry_after(status: u16, retry_after_s: u32) -> Self {
        Self::Answer { status, retry_after_s: Some(retry_after_s), message: None }
    }
}

/// Which requests fail, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// HTTP method, or `*` for any.
    pub method: String,
    /// Path without query. `*` stands for any run of characters without `/`, `**` for any run at all.
    pub path: String,
    /// How many matching requests pass before the rule begins.
    #[serde(default)]
    pub skip: u32,
    /// How many matching requests fail after that.
    #[serde(default = "once")]
    pub times: u32,
    /// How they fail.
    pub behaviour: Behaviour,
}

fn once() -> u32 {
    1
}

impl FaultRule {
    /// Fails the next request that matches.
    pub fn next(method: &str, path: &str, behaviour: Behaviour) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), skip: 0, times: 1, behaviour }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && glob(self.path.as_bytes(), path.as_bytes())
    }
}

/// The rules in force, shared by clones. The oldest rule that matches wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Arc<Mutex<Vec<FaultRule>>>,
}

impl Faults {
    pub(crate) fn add(&self, rule: FaultRule) {
        self.with(|rules| rules.push(rule));
    }

    pub(crate) fn clear(&self) {
        self.with(Vec::clear);
    }

    pub(crate) fn list(&self) -> Vec<FaultRule> {
        self.with(|rules| rules.clone())
    }

    /// The behaviour for this request, counted against its rule; a spent rule is removed.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<Behaviour> {
        self.with(|rules| {
            let index = rules.iter().position(|rule| rule.times > 0 && rule.matches(method, path))?;
            let rule = &mut rules[index];
            if rule.skip > 0 {
                rule.skip -= 1;
                return None;
            }
            rule.times -= 1;
            let behaviour = rule.behaviour.clone();
            rules.retain(|rule| rule.times > 0);
            Some(behaviour)
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<FaultRule>) -> T) -> T {
        change(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let segment = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=segment).any(|at| glob(rest, &text[at..]))
        }
        [byte, rest @ ..] => text.first() == Some(byte) && glob(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glob_knows_one_segment_from_many() {
        let cases = [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/bc", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/c", true),
            ("**/secrets/*", "/repos/o/r/actions/secrets/NAME", true),
            ("**/secrets/*", "/repos/o/r/actions/secrets/NAME/x", false),
            ("**", "", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(glob(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_rule_skips_then_fails_then_is_gone() {
        let faults = Faults::default();
        faults.add(FaultRule { skip: 1, times: 2, ..FaultRule::next("PUT", "/x", Behaviour::status(500)) });
        assert_eq!(faults.take("GET", "/x"), None);
        let seen: Vec<bool> = (0..4).map(|_| faults.take("PUT", "/x").is_some()).collect();
        assert_eq!(seen, [false, true, true, false]);
        assert!(faults.list().is_empty());
    }
}
