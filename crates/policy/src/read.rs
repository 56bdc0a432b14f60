//! Reading the tree: mappings with known keys, words, lists of words. Every problem becomes a notice and reading goes on.

use std::collections::BTreeSet;
use std::str::FromStr;

use countersign_kernel::{Millis, ParseNameError};

use crate::limits::MAX_QUORUM;
use crate::notice::{Notices, Position};
use crate::words::{self, hint, quoted};
use crate::yaml::{Entry, Node, Value};

/// A mapping of which only some keys are known.
pub(crate) struct Fields<'n> {
    at: Position,
    what: &'static str,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The fields of a mapping; unknown keys are errors.
    pub(crate) fn read(
        node: &'n Node,
        what: &'static str,
        known: &[&'static str],
        notices: &mut Notices,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let keys = known.join("`, `");
            notices
                .error(node.at, format!("expected {what}: a mapping of `{keys}`; found {}", node.describe()));
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let hint = hint(&entry.key, known.iter().copied());
            notices.error(entry.at, format!("unknown key {} in {what}: {hint}", quoted(&entry.key)));
        }
        Some(Self { at: node.at, what, entries })
    }

    pub(crate) fn find(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of a key that has to be there.
    pub(crate) fn get(&self, key: &str, expected: &str, notices: &mut Notices) -> Option<&'n Entry> {
        let found = self.find(key);
        if found.is_none() {
            notices.error(self.at, format!("`{key}` is missing in {}: expected {expected}", self.what));
        }
        found
    }
}

impl Entry {
    /// Where to point: at the value, or at the key if there is no value to see.
    pub(crate) fn place(&self) -> Position {
        match &self.value.value {
            Value::Text { text, plain: true } if text.is_empty() => self.at,
            Value::Text { .. } | Value::List(_) | Value::Map(_) => self.value.at,
        }
    }

    /// Refuses the value, saying what was expected instead.
    pub(crate) fn refuse(&self, expected: &str, notices: &mut Notices) {
        let message = format!("`{}`: expected {expected}; found {}", self.key, self.value.describe());
        notices.error(self.place(), message);
    }

    pub(crate) fn duration(&self, notices: &mut Notices) -> Option<Millis> {
        let span = text(&self.value).and_then(words::duration);
        if span.is_none() {
            self.refuse(words::DURATION_EXPECTED, notices);
        }
        span
    }

    pub(crate) fn quorum(&self, notices: &mut Notices) -> Option<u32> {
        let number = text(&self.value)
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .filter(|number| (1..=MAX_QUORUM).contains(number));
        if number.is_none() {
            self.refuse(&format!("a whole number from 1 to {MAX_QUORUM}"), notices);
        }
        number
    }

    /// A word of a closed set or pattern.
    pub(crate) fn word<T: FromStr<Err = ParseNameError>>(
        &self,
        expected: &str,
        notices: &mut Notices,
    ) -> Option<T> {
        if text(&self.value).is_none() {
            self.refuse(expected, notices);
            return None;
        }
        word(&self.value, expected, notices)
    }

    /// A list of words with at least one member; a word that comes again is left out with a warning.
    pub(crate) fn words<T: FromStr<Err = ParseNameError> + Ord + Clone>(
        &self,
        expected: &str,
        notices: &mut Notices,
    ) -> Option<Vec<(T, Position)>> {
        let Value::List(items) = &self.value.value else {
            self.refuse(&format!("a list, such as `[{expected}]`"), notices);
            return None;
        };
        if items.is_empty() {
            notices
                .error(self.value.at, format!("`{}` is empty: expected at least one {expected}", self.key));
            return None;
        }
        let mut seen = BTreeSet::new();
        let mut read = Vec::new();
        for item in items {
            let Some(one) = word::<T>(item, expected, notices) else { continue };
            if seen.insert(one.clone()) {
                read.push((one, item.at));
            } else {
                notices.warn(item.at, format!("{} is listed twice in `{}`", item.describe(), self.key));
            }
        }
        // What could be read of a list with errors isn't what its author meant.
        let whole = !read.is_empty() && seen.len() == read.len() && items.iter().all(|item| valid::<T>(item));
        whole.then_some(read)
    }
}

fn valid<T: FromStr>(node: &Node) -> bool {
    text(node).is_some_and(|text| text.parse::<T>().is_ok())
}

/// The text of a node; none for a list, a mapping or nothing.
pub(crate) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text { text, plain: true } if matches!(text.as_str(), "" | "~" | "null") => None,
        Value::Text { text, .. } => Some(text),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// A word of a closed set or pattern; its own error says what it expects.
pub(crate) fn word<T: FromStr<Err = ParseNameError>>(
    node: &Node,
    expected: &str,
    notices: &mut Notices,
) -> Option<T> {
    let Some(text) = text(node) else {
        notices.error(node.at, format!("expected {expected}; found {}", node.describe()));
        return None;
    };
    match text.parse() {
        Ok(word) => Some(word),
        Err(error) => {
            notices.error(node.at, error.to_string());
            None
        }
    }
}
