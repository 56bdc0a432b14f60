//! Reads a message field by field and collects everything that is wrong with it.

use std::str::FromStr;

use countersign_kernel::{Digest, ParseNameError, RedactedText, RequestId, RunId, Violations};
use tonic::Status;

use crate::status::{CallId, InvalidRequest, refuse};

/// The most characters of a reason.
pub(crate) const MAX_REASON: usize = 1000;

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Fields(Violations);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A patterned name that has to be there.
    pub(crate) fn name<T: FromStr<Err = ParseNameError>>(&mut self, path: &str, text: &str) -> Option<T> {
        if text.is_empty() {
            self.violate(path, "is required");
            return None;
        }
        text.parse()
            .map_err(|error: ParseNameError| {
                // A name may be anything a caller mistook for one: what looks like a credential is not repeated.
                let shown = RedactedText::parse(text, 0, usize::MAX).map(|text| text.to_string());
                let rule = format!("must be {}", error.expected());
                self.0.add_with_value(path, rule, &shown.unwrap_or_default());
            })
            .ok()
    }

    /// A patterned name that may be absent.
    pub(crate) fn maybe_name<T>(&mut self, path: &str, text: Option<&str>) -> Option<T>
    where
        T: FromStr<Err = ParseNameError>,
    {
        text.and_then(|text| self.name(path, text))
    }

    /// The id of a run.
    pub(crate) fn run(&mut self, path: &str, text: &str) -> Option<RunId> {
        self.name(path, text)
    }

    /// The id of a request.
    pub(crate) fn request(&mut self, path: &str, text: &str) -> Option<RequestId> {
        self.parsed(path, text, "must be a UUID in its hyphenated form")
    }

    /// A digest.
    pub(crate) fn digest(&mut self, path: &str, text: &str) -> Option<Digest> {
        self.parsed(path, text, "must be `sha256:` and 64 lower-case hex digits")
    }

    fn parsed<T: FromStr>(&mut self, path: &str, text: &str, rule: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.violate(path, if text.is_empty() { "is required" } else { rule });
        }
        parsed
    }

    /// Free text that has to be there; redacted here, once.
    pub(crate) fn text(&mut self, path: &str, text: &str, min: usize, max: usize) -> Option<RedactedText> {
        RedactedText::parse(text, min, max).map_err(|error| self.violate(path, &error.to_string())).ok()
    }

    /// A reason that may be empty.
    pub(crate) fn reason(&mut self, text: &str) -> Option<RedactedText> {
        self.text("reason", text, 0, MAX_REASON).filter(|text| !text.as_str().is_empty())
    }

    /// A value that has to be one of an enumeration's, or not unspecified.
    pub(crate) fn chosen<T>(&mut self, path: &str, rule: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.violate(path, rule);
        }
        value
    }

    pub(crate) fn violate(&mut self, path: &str, rule: &str) {
        self.0.add(path, rule);
    }

    /// What was read, or everything that is wrong.
    ///
    /// `value` may be absent only when something has been found wrong.
    pub(crate) fn finish<T>(mut self, value: Option<T>, call: &CallId) -> Result<T, Status> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => {
                if self.0.is_empty() {
                    self.violate("", "can't be read");
                }
                Err(refuse(&InvalidRequest(self.0), call))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_kernel::ProjectKey;
    use tonic_types::StatusExt as _;

    #[test]
    fn everything_wrong_is_found_at_once_and_credentials_are_not_repeated() {
        let mut fields = Fields::new();
        let project: Option<ProjectKey> = fields.name("project", "ghp_abcdefghijklmnop0123456789ABCDEF");
        fields.request("request_id", "17");
        fields.digest("seen_digest", "");
        fields.reason(&"x".repeat(1001));
        let status = fields.finish(project, &CallId("c".into())).unwrap_err();
        let details = status.get_error_details();
        let found: Vec<_> = details
            .bad_request()
            .unwrap()
            .field_violations
            .iter()
            .map(|field| format!("{} {}", field.field, field.description))
            .collect();
        assert_eq!(
            found,
            [
                "project must be 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit (got `[redacted]`)",
                "request_id must be a UUID in its hyphenated form",
                "seen_digest is required",
                "reason must have at most 1000 characters",
            ]
        );
    }
}
