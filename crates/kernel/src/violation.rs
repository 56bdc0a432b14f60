//! Violations of bad input: every wrong field at once, each with its path, the rule it breaks and, unless it may be a secret, its value.

use std::fmt;

/// One field that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: dotted names and indices (`options[2]`).
    pub path: String,
    /// The rule, as a sentence a caller can act on.
    pub rule: String,
    /// The offending value; only for enumerations and patterned fields, since anything else may hold a secret.
    pub value: Option<String>,
}

/// Collects violations while a whole input is read, so that a caller hears of all of them at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one without echoing the value.
    pub fn add(&mut self, path: impl Into<String>, rule: impl Into<String>) {
        self.0.push(Violation { path: path.into(), rule: rule.into(), value: None });
    }

    /// Adds one and echoes at most 64 characters of the value. Only for enumerations and patterned fields.
    pub fn add_with_value(&mut self, path: impl Into<String>, rule: impl Into<String>, value: &str) {
        let value = Some(value.chars().take(64).collect());
        self.0.push(Violation { path: path.into(), rule: rule.into(), value });
    }

    /// Takes over all of another list.
    pub fn extend(&mut self, other: Violations) {
        self.0.extend(other.0);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The violations, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// `Ok` with the value when nothing is wrong, else all that is wrong.
    ///
    /// # Errors
    /// At least one violation was added.
    pub fn into_result<T>(self, value: T) -> Result<T, Violations> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "`{}` {}", violation.path, violation.rule)?;
            if let Some(value) = &violation.value {
                write!(f, " (got `{value}`)")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
