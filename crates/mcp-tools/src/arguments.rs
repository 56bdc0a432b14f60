//! Reads an agent's arguments field by field and collects everything that is wrong with them, so that one answer names it all.
//!
//! Tools share it so that the same mistake gets the same rule everywhere: a wrong JSON type, a misspelt field, a value where only a name
//! is taken. Offending values are repeated for enumerations and patterned fields only, and even those pass the redactor first.
//!
//! What is deliberately absent: defaults and checks across fields. They belong to each tool.

mod spelling;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::str::FromStr;

use countersign_kernel::{ParseNameError, RedactedText, Violations};
use serde_json::{Map, Value};
use url::Url;

use crate::call::{CodeLink, IdempotencyKey};
use spelling::{shown, unknown_rule};

/// What a caller hears who tries to hand over a secret.
pub const NO_SECRETS: &str =
    "is not taken by any control tool: the secret value is generated inside the tool";

/// The most links one call may carry.
pub const MAX_LINKS: usize = 5;

/// The most characters of a link's text.
pub const MAX_LINK_TEXT: usize = 200;

/// The most characters of a link's URL.
pub const MAX_LINK_URL: usize = 2000;

/// So many unknown fields are named; of more only the number is told, so that a bad call doesn't cost more than a good one.
const MOST_UNKNOWN: usize = 50;

/// The members of one JSON object under examination, with the violations found so far.
#[derive(Debug)]
pub struct Arguments<'a> {
    members: Option<&'a Map<String, Value>>,
    prefix: String,
    violations: Violations,
}

impl<'a> Arguments<'a> {
    /// Begins with the whole arguments of a call. Anything but an object is a violation, and so is every field not in `known`.
    pub fn read(arguments: &'a Value, known: &[&str]) -> Self {
        Self::nested(String::new(), arguments, known)
    }

    fn nested(prefix: String, value: &'a Value, known: &[&str]) -> Self {
        let mut this = Self { members: value.as_object(), prefix, violations: Violations::new() };
        match this.members {
            None => {
                this.violations.add(this.whole(), "must be an object");
            }
            Some(members) => {
                let unknown = members.keys().filter(|name| !known.contains(&name.as_str()));
                for name in unknown.clone().take(MOST_UNKNOWN) {
                    this.violate(&shown(name), unknown_rule(name, known));
                }
                let more = unknown.skip(MOST_UNKNOWN).count();
                if more > 0 {
                    this.violations.add(this.whole(), format!("has {more} more fields that are unknown"));
                }
            }
        }
        this
    }

    /// What the object itself is called.
    fn whole(&self) -> String {
        match self.prefix.trim_end_matches('.') {
            "" => "arguments".to_owned(),
            path => path.to_owned(),
        }
    }

    /// Notes that a field must be there. A field that is there with the wrong type is reported by whoever reads it.
    pub fn require(&mut self, field: &str) {
        if self.members.is_some_and(|members| !members.contains_key(field)) {
            self.violate(field, "is required");
        }
    }

    /// Whether the field was given at all.
    pub fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// Adds a violation of `field` without repeating its value.
    pub fn violate(&mut self, field: &str, rule: impl Into<String>) {
        self.violations.add(format!("{}{field}", self.prefix), rule);
    }

    /// Adds a violation and repeats the value, as far as the redactor leaves it. Only for enumerations and patterned fields.
    pub fn violate_with_value(&mut self, field: &str, rule: impl Into<String>, value: &str) {
        self.violations.add_with_value(format!("{}{field}", self.prefix), rule, &redacted(value));
    }

    /// A text in any form. Absent and wrong are both `None`; wrong is noted.
    pub fn text(&mut self, field: &str) -> Option<&'a str> {
        let value = self.get(field)?;
        if value.as_str().is_none() {
            self.violate(field, "must be a string");
        }
        value.as_str()
    }

    /// A name with a form of its own.
    pub fn name<T: FromStr<Err = ParseNameError>>(&mut self, field: &str) -> Option<T> {
        let text = self.text(field)?;
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.violate_with_value(field, format!("must be {}", error.expected()), text);
                None
            }
        }
    }

    /// A text that `check` accepts; `rule` says what it asks for.
    pub fn patterned(&mut self, field: &str, rule: &str, check: impl Fn(&str) -> bool) -> Option<&'a str> {
        let text = self.text(field)?;
        if check(text) {
            Some(text)
        } else {
            self.violate_with_value(field, rule, text);
            None
        }
    }

    /// A list of texts that `check` accepts, each; `rule` says what it asks for. Each wrong item is noted by its place.
    pub fn patterned_list(
        &mut self,
        field: &str,
        count: RangeInclusive<usize>,
        rule: &str,
        check: impl Fn(&str) -> bool,
    ) -> Option<Vec<&'a str>> {
        let items = self.list(field, count)?;
        let mut good = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{field}[{index}]");
            match item.as_str() {
                None => self.violate(&path, "must be a string"),
                Some(text) if check(text) => good.push(text),
                Some(text) => self.violate_with_value(&path, rule, text),
            }
        }
        (good.len() == items.len()).then_some(good)
    }

    /// One of a few spellings.
    pub fn choice<T: Copy>(&mut self, field: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(field)?;
        let found = choices.iter().find(|(spelling, _)| *spelling == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let all: Vec<_> = choices.iter().map(|(spelling, _)| format!("`{spelling}`")).collect();
            self.violate_with_value(field, format!("must be one of {}", all.join(", ")), text);
        }
        found
    }

    /// `true` or `false`.
    pub fn flag(&mut self, field: &str) -> Option<bool> {
        let value = self.get(field)?;
        if value.as_bool().is_none() {
            self.violate(field, "must be `true` or `false`");
        }
        value.as_bool()
    }

    /// A whole number in `range`. `32.0` is one: some carriers know only floating-point numbers.
    pub fn integer(&mut self, field: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.get(field)?;
        let rule = format!("must be a whole number from {} to {}", range.start(), range.end());
        if !value.is_number() {
            self.violate(field, rule);
            return None;
        }
        let whole = whole_number(value).filter(|number| range.contains(number));
        if whole.is_none() {
            self.violate_with_value(field, rule, &value.to_string());
        }
        whole
    }

    /// Free text, redacted: at least `min` characters after trimming, at most `max` as given. Never repeated in a violation.
    pub fn prose(&mut self, field: &str, min: usize, max: usize) -> Option<RedactedText> {
        let value = self.get(field)?;
        self.prose_of(field, value, min, max)
    }

    /// A list of free texts.
    pub fn prose_list(
        &mut self,
        field: &str,
        count: RangeInclusive<usize>,
        max_chars: usize,
    ) -> Option<Vec<RedactedText>> {
        let items = self.list(field, count)?;
        let read: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.prose_of(&format!("{field}[{index}]"), item, 1, max_chars))
            .collect();
        read.into_iter().collect()
    }

    /// A list of objects, each with these members only; their violations come back by [`Arguments::take_over`].
    pub fn objects(&mut self, field: &str, count: RangeInclusive<usize>, known: &[&str]) -> Vec<Self> {
        let Some(items) = self.list(field, count) else { return Vec::new() };
        let prefix = |index| format!("{}{field}[{index}].", self.prefix);
        items.iter().enumerate().map(|(index, item)| Self::nested(prefix(index), item, known)).collect()
    }

    /// Adds what is wrong with an object of a list.
    pub fn take_over(&mut self, item: Self) {
        self.violations.extend(item.violations);
    }

    /// The links to code: at most five, each with a text and an `https` URL without credentials.
    pub fn links(&mut self, field: &str) -> Vec<CodeLink> {
        let Some(items) = self.list(field, 0..=MAX_LINKS) else { return Vec::new() };
        let mut links = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut link =
                Arguments::nested(format!("{}{field}[{index}].", self.prefix), item, &["text", "url"]);
            link.require("text");
            link.require("url");
            let text = link.prose("text", 1, MAX_LINK_TEXT);
            let url = link.link_url();
            self.violations.extend(link.violations);
            links.extend(text.zip(url).map(|(text, url)| CodeLink { text, url }));
        }
        links
    }

    /// The caller's own idempotency key, in the field of this name. Never repeated in a violation.
    pub fn idempotency_key(&mut self, field: &str) -> Option<IdempotencyKey> {
        let text = self.text(field)?;
        let key = IdempotencyKey::parse(text);
        if key.is_none() {
            self.violate(field, "must be 1 to 128 printable ASCII characters without blanks");
        }
        key
    }

    /// The value if nothing is wrong, else all that is wrong. Pass `None` when a field that is needed could not be read: the reason is
    /// among the violations already.
    ///
    /// # Errors
    /// At least one violation was found.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Violations> {
        if value.is_none() && self.violations.is_empty() {
            self.violations.add("arguments", "could not be read");
        }
        match value {
            Some(value) => self.violations.into_result(value),
            None => Err(self.violations),
        }
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.members?.get(field)
    }

    fn list(&mut self, field: &str, count: RangeInclusive<usize>) -> Option<&'a Vec<Value>> {
        let value = self.get(field)?;
        let Some(items) = value.as_array() else {
            self.violate(field, "must be a list");
            return None;
        };
        if count.contains(&items.len()) {
            return Some(items);
        }
        let rule = match count.start() {
            0 => format!("must have at most {} items, has {}", count.end(), items.len()),
            least => format!("must have {least} to {} items, has {}", count.end(), items.len()),
        };
        self.violate(field, rule);
        None
    }

    fn prose_of(&mut self, path: &str, value: &Value, min: usize, max: usize) -> Option<RedactedText> {
        let Some(text) = value.as_str() else {
            self.violate(path, "must be a string");
            return None;
        };
        // The limit above counts what was sent, as `maxLength` in the schema does; the one below counts what is left after trimming.
        if text.chars().count() > max {
            self.violate(path, format!("must have at most {max} characters"));
            return None;
        }
        match RedactedText::parse(text, min, max) {
            Ok(text) => Some(text),
            Err(error) => {
                self.violate(path, error.to_string());
                None
            }
        }
    }

    fn link_url(&mut self) -> Option<RedactedText> {
        let text = self.text("url")?;
        let well_formed = text.chars().count() <= MAX_LINK_URL
            && text.starts_with("https://")
            && !text.contains(char::is_whitespace)
            && Url::parse(text)
                .is_ok_and(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
        if !well_formed {
            let rule = format!(
                "must be an `https://` URL of at most {MAX_LINK_URL} characters, without credentials"
            );
            self.violate("url", rule);
            return None;
        }
        RedactedText::parse(text, 1, MAX_LINK_URL).ok()
    }
}

fn whole_number(value: &Value) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return u32::try_from(number).ok();
    }
    let number = value.as_f64()?;
    let whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    whole.then_some(number as u32)
}

fn redacted(text: &str) -> String {
    RedactedText::parse(text, 0, usize::MAX).map_or_else(|_| String::new(), |text| text.as_str().to_owned())
}
