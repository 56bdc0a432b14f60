//! What is wrong, or only odd, with a policy text: each with its line and column.

use std::fmt;

use countersign_kernel::{Fault, Kind, Violations};

/// A place in the text. Lines and columns count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// One thing to say about a policy text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyNotice {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there and what was expected, as a sentence.
    pub message: String,
}

impl fmt::Display for PolicyNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// A policy text that can't be used: every error at once, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors {
    notices: Vec<PolicyNotice>,
    violations: Violations,
}

impl PolicyErrors {
    pub(crate) fn new(notices: Vec<PolicyNotice>) -> Self {
        let mut violations = Violations::new();
        for notice in &notices {
            violations.add(format!("{}:{}", notice.line, notice.column), notice.message.clone());
        }
        Self { notices, violations }
    }

    /// The errors, in the order of the text; at least one.
    pub fn notices(&self) -> &[PolicyNotice] {
        &self.notices
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.notices.len();
        write!(f, "the policy text has {count} error{}", if count == 1 { "" } else { "s" })?;
        for notice in &self.notices {
            write!(f, "\n  {notice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

impl Fault for PolicyErrors {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> &'static str {
        "policy_invalid"
    }

    fn violations(&self) -> Option<&Violations> {
        Some(&self.violations)
    }
}

/// More than this nobody reads, and rules that all clash with one another would list pairs without end.
const LISTED_AT_MOST: usize = 100;

/// Collects what is said about one list (errors, or warnings).
#[derive(Debug, Default)]
struct Pile {
    notices: Vec<PolicyNotice>,
    unlisted: usize,
}

impl Pile {
    fn add(&mut self, at: Position, message: String) {
        if self.notices.len() < LISTED_AT_MOST {
            self.notices.push(PolicyNotice { line: at.line, column: at.column, message });
        } else {
            self.unlisted += 1;
        }
    }

    fn into_sorted(mut self, what: &str) -> Vec<PolicyNotice> {
        self.notices.sort_by_key(|notice| (notice.line, notice.column));
        if let (Some(last), more @ 1..) = (self.notices.last(), self.unlisted) {
            let (line, column) = (last.line, last.column);
            self.notices.push(PolicyNotice {
                line,
                column,
                message: format!("{more} more {what} not listed"),
            });
        }
        self.notices
    }
}

/// Collects errors and warnings while a whole text is read, so that an author hears of all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    errors: Pile,
    warnings: Pile,
}

impl Notices {
    pub(crate) fn error(&mut self, at: Position, message: impl Into<String>) {
        self.errors.add(at, message.into());
    }

    pub(crate) fn warn(&mut self, at: Position, message: impl Into<String>) {
        self.warnings.add(at, message.into());
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.notices.is_empty()
    }

    /// `Ok` with the warnings when there is no error, else the errors.
    pub(crate) fn finish(self) -> Result<Vec<PolicyNotice>, PolicyErrors> {
        if self.has_errors() {
            return Err(PolicyErrors::new(self.errors.into_sorted("errors are")));
        }
        Ok(self.warnings.into_sorted("warnings are"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_the_order_of_the_text_and_stops_at_a_hundred() {
        let mut notices = Notices::default();
        for line in (1..=103).rev() {
            notices.error(Position { line, column: 2 }, "wrong");
        }
        let errors = notices.finish().unwrap_err();
        assert_eq!(errors.notices().len(), LISTED_AT_MOST + 1);
        assert_eq!(errors.notices()[0].line, 4);
        assert_eq!(errors.notices()[LISTED_AT_MOST].message, "3 more errors are not listed");
        let first = errors.violations().unwrap().iter().next().unwrap();
        assert_eq!((first.path.as_str(), first.rule.as_str()), ("4:2", "wrong"));
        assert_eq!((errors.kind(), errors.code()), (Kind::Invalid, "policy_invalid"));
        assert!(
            errors.to_string().starts_with("the policy text has 101 errors\n  line 4, column 2: wrong\n")
        );
    }
}
