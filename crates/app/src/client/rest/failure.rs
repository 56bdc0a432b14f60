//! Why a call came to nothing, in words for a person and as an exit code for a script.

use std::error::Error;
use std::fmt::Write as _;

use serde_json::Value;

use super::address::ServerAddress;
use super::answers::{Answer, Current, Problem, Vote};
use crate::ending::Ending;

/// A call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line can't be used so.
    #[error("{0}")]
    Usage(String),
    /// The person didn't confirm it.
    #[error("nothing was sent: it was not confirmed")]
    NotConfirmed,
    /// The machine the command runs on doesn't do what is needed.
    #[error("{0}")]
    Here(String),
    /// The server refused.
    #[error("{}", worded(&.0.problem.read))]
    Refused(Box<Refusal>),
    /// Nobody listens there, or the connection was lost.
    #[error("cannot reach the server at `{server}`: {why}")]
    Unreachable {
        /// Where.
        server: ServerAddress,
        /// What the connection met.
        why: String,
    },
    /// What answers there doesn't answer as Countersign does.
    #[error("what answers at `{server}` is not Countersign's REST: {what}")]
    Foreign {
        /// Where.
        server: ServerAddress,
        /// What it did instead.
        what: String,
        /// Whether it says that it can't answer now, as proxies do.
        passing: bool,
    },
}

/// A refusal of the server.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) problem: Answer<Problem>,
    /// After how many seconds trying again is sensible, where it is.
    pub(crate) retry_after_s: Option<u64>,
}

impl Failure {
    /// The exit code.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Failure::Usage(_) => Ending::Usage,
            Failure::NotConfirmed | Failure::Here(_) => Ending::Failed,
            Failure::Refused(refusal) if refusal.retry_after_s.is_some() => Ending::Unavailable,
            Failure::Refused(refusal) => match refusal.problem.read.status {
                401 | 403 => Ending::NotPermitted,
                404 => Ending::NotFound,
                409 | 412 => Ending::Conflict,
                429 | 503 => Ending::Unavailable,
                400..500 => Ending::Refused,
                _ => Ending::Failed,
            },
            Failure::Unreachable { .. } | Failure::Foreign { passing: true, .. } => Ending::Unavailable,
            Failure::Foreign { passing: false, .. } => Ending::Failed,
        }
    }

    /// After how many seconds the server asked to be tried again.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Failure::Refused(refusal) => refusal.retry_after_s,
            Failure::Usage(_)
            | Failure::NotConfirmed
            | Failure::Here(_)
            | Failure::Unreachable { .. }
            | Failure::Foreign { .. } => None,
        }
    }

    /// The server's own document about it, if there is one.
    pub(crate) fn document(&self) -> Option<&Value> {
        match self {
            Failure::Refused(refusal) => Some(&refusal.problem.document),
            Failure::Usage(_)
            | Failure::NotConfirmed
            | Failure::Here(_)
            | Failure::Unreachable { .. }
            | Failure::Foreign { .. } => None,
        }
    }
}

/// An error with what caused it: what reqwest says of itself is short. Addresses are left away; they are told beside it.
pub(super) fn in_full(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// A problem in words: what happened, every field that is wrong, and how the request stands for whoever came too late.
fn worded(problem: &Problem) -> String {
    let mut text = format!("{} [{}]", problem.detail, problem.code);
    // Writing into a string can't fail.
    for field in &problem.errors {
        let _ = write!(text, "\n  {} `{}`: {}", field.r#in, field.pointer, field.detail);
        if let Some(value) = &field.value {
            let _ = write!(text, "; it was `{value}`");
        }
    }
    if let Some(current) = &problem.current {
        text.push_str(&standing(current, "  "));
    }
    for refused in &problem.refused {
        let _ = write!(text, "\n  {}: {} [{}]", refused.id, refused.detail, refused.code);
        if let Some(current) = &refused.current {
            text.push_str(&standing(current, "    "));
        }
    }
    let _ = write!(text, "\n  the server's log knows it as {}", problem.request_id);
    text
}

/// How a request stands now: who decided what and when, and what a decision would have to name.
fn standing(current: &Current, indent: &str) -> String {
    let mut text = format!(
        "\n{indent}now it is {}: digest {} (revision {}), version {}",
        current.state.as_str(),
        current.plan_digest,
        current.revision,
        current.etag
    );
    for vote in &current.votes {
        let Vote { principal, decision, voted_at, .. } = vote;
        let _ = write!(text, "\n{indent}{principal} said {} at {voted_at}", decision.as_str());
    }
    if let Some(found) = &current.resolution {
        // Words of a person may have several lines; none of them may pass for one of ours.
        let reason = found.reason.as_ref().map(|reason| reason.replace('\n', &format!("\n{indent}  | ")));
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let _ = write!(text, "\n{indent}since {} by {}{reason}", found.at, found.by);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(status: u16, retry_after_s: Option<u64>, more: Value) -> Failure {
        let mut document = json!({
            "type": "https://c.example/x.md", "title": "Of a test", "status": status, "detail": "it is refused",
            "code": "of_a_test", "request_id": "r-1",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        Failure::Refused(Box::new(Refusal { problem: Answer::read(document).unwrap(), retry_after_s }))
    }

    #[test]
    fn each_kind_of_refusal_has_its_exit_code() {
        for (status, retry, ending) in [
            (400, None, Ending::Refused),
            (422, None, Ending::Refused),
            (401, None, Ending::NotPermitted),
            (403, None, Ending::NotPermitted),
            (404, None, Ending::NotFound),
            (409, None, Ending::Conflict),
            (412, None, Ending::Conflict),
            (409, Some(1), Ending::Unavailable),
            (429, Some(20), Ending::Unavailable),
            (503, None, Ending::Unavailable),
            (500, None, Ending::Failed),
        ] {
            assert_eq!(refused(status, retry, json!({})).ending(), ending, "{status}");
        }
        let server: ServerAddress = "https://c.example".parse().unwrap();
        let foreign = |passing| Failure::Foreign { server: server.clone(), what: "x".to_owned(), passing };
        assert_eq!(foreign(true).ending(), Ending::Unavailable);
        assert_eq!(foreign(false).ending(), Ending::Failed);
        let unreachable = Failure::Unreachable { server: server.clone(), why: "x".to_owned() };
        assert_eq!(unreachable.ending(), Ending::Unavailable);
    }

    #[test]
    fn every_offending_field_is_named() {
        let errors = json!({"errors": [
            {"in": "body", "pointer": "/reason", "detail": "must have at most 1000 characters"},
            {"in": "query", "pointer": "/limit", "detail": "must be a whole number", "value": "many"},
        ]});
        let said = refused(422, None, errors).to_string();
        assert!(said.starts_with("it is refused [of_a_test]"), "{said}");
        assert!(said.contains("\n  body `/reason`: must have at most 1000 characters\n"), "{said}");
        assert!(said.contains("\n  query `/limit`: must be a whole number; it was `many`\n"), "{said}");
    }

    #[test]
    fn whoever_came_too_late_is_told_who_decided_what_and_when() {
        let current = json!({
            "id": "x", "state": "denied", "revision": 1, "version": 3, "etag": "\"3-4f4f\"", "plan_digest": "sha256:4f",
            "resolution": {"at": "2026-01-01T10:00:00Z", "by": "user:github:dana", "reason": "not today"},
            "votes": [{"principal": "user:github:dana", "decision": "deny", "voted_at": "2026-01-01T10:00:00Z"}],
        });
        let one = refused(409, None, json!({"current": current})).to_string();
        for part in [
            "now it is denied: digest sha256:4f (revision 1), version 3-4f4f",
            "user:github:dana said deny at 2026-01-01T10:00:00Z",
            "since 2026-01-01T10:00:00Z by user:github:dana: not today",
        ] {
            assert!(one.contains(part), "`{part}` is not in:\n{one}");
        }
        let item =
            json!({"pointer": "/decisions/0", "id": "x", "code": "c", "detail": "late", "current": current});
        let batch = refused(409, None, json!({"refused": [item]})).to_string();
        assert!(batch.contains("\n  x: late [c]\n    now it is denied"), "{batch}");
    }
}
