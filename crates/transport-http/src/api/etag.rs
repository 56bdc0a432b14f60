//! Entity tags: a request's version with the beginning of its plan's digest; and what `If-Match` says of them (RFC 9110, section 13.1.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use countersign_approvals::ActionRequest;
use countersign_kernel::RequestId;
use countersign_usecases::decisions::{DecisionError, LookedAt, Target};
use countersign_usecases::look::get_request;

use super::Api;
use super::problem::{Answer, Problem};

/// The tag of a request as it is.
pub(super) fn of(request: &ActionRequest) -> String {
    format!("\"{}-{}\"", request.version, request.proposal.plan_digest.short())
}

/// The header that carries it.
pub(super) fn header_of(request: &ActionRequest) -> [(HeaderName, HeaderValue); 1] {
    // INVARIANT: digits, a dash and hex digits in quotes are a header's value.
    let value = HeaderValue::from_str(&of(request)).unwrap_or(HeaderValue::from_static("\"\""));
    [(header::ETAG, value)]
}

/// What a command insists on about the version of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Nothing, or only that there is one.
    None,
    /// It has one of these tags. Weak ones are left out: they never match.
    Tagged(Vec<String>),
}

impl Precondition {
    /// Reads the headers; `None` when they are no list of tags.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all(header::IF_MATCH).iter().peekable();
        if given.peek().is_none() {
            return Some(Self::None);
        }
        let lines: Option<Vec<_>> = given.map(|line| line.to_str().ok()).collect();
        // Several lines are one list (section 5.3).
        Self::read(&lines?.join(","))
    }

    /// Reads a list of tags, or `*`.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::None);
        }
        let (mut strong, mut rest, mut any) = (Vec::new(), after_commas(text), false);
        while !rest.is_empty() {
            let (tag, after) = tag(rest)?;
            let after = after.trim_start_matches([' ', '\t']);
            if !after.is_empty() && !after.starts_with(',') {
                return None;
            }
            if tag.starts_with('"') {
                strong.push(tag.to_owned());
            }
            (rest, any) = (after_commas(after), true);
        }
        any.then_some(Self::Tagged(strong))
    }

    /// The request as a command is about it. Which tag is the present one is looked up, and the command itself makes sure that it still is when
    /// it is carried out; so does it say when there is no such request.
    ///
    /// # Errors
    /// The store can't be read.
    pub(super) async fn target(self, api: &Api, id: RequestId) -> Answer<Target> {
        let tags = match self {
            Self::None => return Ok(Target::from(id)),
            Self::Tagged(tags) => tags,
        };
        let looked_at = match get_request(&api.services, id).await {
            Ok(now) if tags.contains(&of(&now.request)) => LookedAt::Version(now.request.version),
            Ok(_) | Err(DecisionError::Unknown(_)) => LookedAt::Another,
            Err(error) => return Err(Problem::of(&error)),
        };
        Ok(Target { id, version: Some(looked_at) })
    }
}

/// Empty elements of a list say nothing (section 5.6.1).
fn after_commas(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', ','])
}

/// The tag that a text begins with (section 8.8.3), and what follows it.
fn tag(text: &str) -> Option<(&str, &str)> {
    let opaque = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"')?;
    let (inside, after) = opaque.split_once('"')?;
    let plain = inside.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| text.split_at(text.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tags: &[&str]) -> Option<Precondition> {
        Some(Precondition::Tagged(tags.iter().map(|tag| (*tag).to_owned()).collect()))
    }

    #[test]
    fn a_list_of_tags_is_read_and_weak_ones_match_nothing() {
        assert_eq!(Precondition::read("*"), Some(Precondition::None));
        assert_eq!(Precondition::read("\"7-0a1b2c\""), tagged(&["\"7-0a1b2c\""]));
        assert_eq!(
            Precondition::read("\"7-0a\", \"x\"\t,,\"a,b\","),
            tagged(&["\"7-0a\"", "\"x\"", "\"a,b\""])
        );
        assert_eq!(Precondition::read("W/\"7-0a\""), tagged(&[]));
        assert_eq!(Precondition::read("W/\"7-0a\", \"\""), tagged(&["\"\""]));
        let none = [
            "",
            ",",
            "7-0a",
            "\"7",
            "w/\"7\"",
            "W/ \"7\"",
            "\"a b\"",
            "\"7\"x",
            "\"7\" \"8\"",
            "*, \"7\"",
            "\"ä\"",
        ];
        for bad in none {
            assert_eq!(Precondition::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        assert_eq!(Precondition::of(&headers), Some(Precondition::None));
        for tag in ["\"7-0a\"", "\"8-0a\""] {
            headers.append(header::IF_MATCH, HeaderValue::from_static(tag));
        }
        assert_eq!(Precondition::of(&headers), tagged(&["\"7-0a\"", "\"8-0a\""]));
        headers.append(header::IF_MATCH, HeaderValue::from_static("*"));
        assert_eq!(Precondition::of(&headers), None, "`*` stands alone");
    }
}
