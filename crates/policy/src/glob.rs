//! Globs over names: `*` stands for any run of characters, everything else for itself.

use std::collections::{HashSet, VecDeque};
use std::fmt;

/// The longest name that a glob could match (see the kernel's names).
const MAX_NAME_BYTES: usize = 64;

/// A pattern with at least one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Vec<u8>);

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.dedup_by(|a, b| *a == b'*' && *b == b'*');
        Self(bytes)
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (&self.0, text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where to come back to: behind the last star, and what that star has eaten up to.
        let mut retry: Option<(usize, usize)> = None;
        while t < text.len() {
            if p < pattern.len() && pattern[p] == b'*' {
                retry = Some((p + 1, t));
                p += 1;
            } else if p < pattern.len() && pattern[p] == text[t] {
                p += 1;
                t += 1;
            } else if let Some((behind, eaten)) = retry {
                p = behind;
                t = eaten + 1;
                retry = Some((behind, eaten + 1));
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|b| *b == b'*')
    }

    /// Whether every text that `inner` matches is matched by this too. May say no where a closer look would say yes, never the reverse:
    /// a star of `inner` has to be eaten whole by a star of this, since `*` is no literal here.
    pub(crate) fn surely_covers(&self, inner: &Glob) -> bool {
        self.matches(&inner.to_string())
    }

    /// A shortest name that this matches, if there is one.
    pub(crate) fn example(&self) -> Option<String> {
        self.meet(&Self::new("*"))
    }

    /// A shortest name that both match, if there is one. A name has at most 64 bytes and begins with a letter or digit.
    pub(crate) fn meet(&self, other: &Glob) -> Option<String> {
        // Breadth first over pairs of places in the patterns. Stars are left without using up a character, so such moves come first in
        // the queue: it stays sorted by length.
        let mut queue = VecDeque::from([(0, 0, Vec::new())]);
        let mut seen = HashSet::new();
        while let Some((i, j, name)) = queue.pop_front() {
            // An empty name is a state of its own: its next character has to be a letter or digit.
            if name.len() > MAX_NAME_BYTES || !seen.insert((i, j, name.is_empty())) {
                continue;
            }
            let (a, b) = (self.0.get(i).copied(), other.0.get(j).copied());
            if a.is_none() && b.is_none() && !name.is_empty() {
                return String::from_utf8(name).ok();
            }
            if b == Some(b'*') {
                queue.push_front((i, j + 1, name.clone()));
            }
            if a == Some(b'*') {
                queue.push_front((i + 1, j, name.clone()));
            }
            let step = match (a, b) {
                (Some(b'*'), Some(b'*')) => Some((i, j, b'a')),
                (Some(b'*'), Some(c)) => Some((i, j + 1, c)),
                (Some(c), Some(b'*')) => Some((i + 1, j, c)),
                (Some(c), Some(d)) if c == d => Some((i + 1, j + 1, c)),
                _ => None,
            };
            if let Some((i, j, c)) = step.filter(|(.., c)| !name.is_empty() || c.is_ascii_alphanumeric()) {
                let mut longer = name;
                longer.push(c);
                queue.push_back((i, j, longer));
            }
        }
        None
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (glob, text, expected) in [
            ("run:*", "run:ops", true),
            ("run:*", "run:", true),
            ("run:*", "rerun:ops", false),
            ("*:ops", "run:ops", true),
            ("*:ops", "run:ops:revise", false),
            ("r*n:*s", "run:ops", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
            ("a**b", "ab", true),
            ("*aab", "aaab", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn two_globs_meet_in_a_shortest_name() {
        for (a, b, expected) in [
            ("run:*", "*:ops", Some("run:ops")),
            ("run:*", "ops:*", None),
            ("*", "*", Some("a")),
            ("a*", "a*b", Some("ab")),
            ("*.x", "*", Some("a.x")),
            (":*", "*", None),
            ("*ab", "*ba", None),
            ("ab*", "*ba", Some("aba")),
        ] {
            assert_eq!(Glob::new(a).meet(&Glob::new(b)).as_deref(), expected, "{a} {b}");
        }
        let long = format!("{}*", "a".repeat(64));
        assert_eq!(Glob::new(&long).example().map(|name| name.len()), Some(64));
        assert_eq!(Glob::new(&long).meet(&Glob::new("*b")), None, "no name is that long");
    }

    /// All texts of `a b -` up to 6 characters that are names.
    fn all_names() -> Vec<String> {
        let mut names = vec![String::new()];
        let mut from = 0;
        for _ in 0..6 {
            let to = names.len();
            for index in from..to {
                for c in ['a', 'b', '-'] {
                    names.push(format!("{}{c}", names[index]));
                }
            }
            from = to;
        }
        names.retain(|name| name.starts_with(['a', 'b']));
        names
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn meeting_and_covering_agree_with_trying_every_name(a in "[ab*-]{1,3}", b in "[ab*-]{1,3}") {
            let (a, b) = (Glob::new(&a), Glob::new(&b));
            let names = all_names();
            let common = names.iter().filter(|name| a.matches(name) && b.matches(name)).map(String::len).min();
            let met = a.meet(&b);
            prop_assert_eq!(met.as_ref().map(String::len), common);
            prop_assert!(met.is_none_or(|name| a.matches(&name) && b.matches(&name)));
            if a.surely_covers(&b) {
                prop_assert!(names.iter().all(|name| !b.matches(name) || a.matches(name)));
            }
        }
    }
}
