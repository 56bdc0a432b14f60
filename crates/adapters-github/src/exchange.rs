//! One request and its answer, and what a failed one means.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use countersign_kernel::Millis;
use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use jiff::fmt::rfc2822;
use serde::Deserialize;

/// GitHub's words are cut to this length, in characters.
const MAX_MESSAGE_CHARS: usize = 200;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    headers: HeaderMap,
}

/// Nothing whole came back.
pub(crate) enum Silence {
    /// The request never left.
    NotSent(String),
    /// It may have arrived.
    NoAnswer(String),
}

impl Silence {
    pub(crate) fn into_error(self, target: &str) -> TargetError {
        let (kind, message) = match self {
            Self::NotSent(message) => (TargetErrorKind::Unreachable, message),
            Self::NoAnswer(message) => (TargetErrorKind::NoAnswer, message),
        };
        TargetError { kind, target: target.to_owned(), message }
    }
}

/// Awaits one request of octocrab's, and reads the answer whole, within the time.
pub(crate) async fn exchange(
    request: impl Future<Output = octocrab::Result<Response<BoxBody<Bytes, octocrab::Error>>>>,
    within: Duration,
) -> Result<Answer, Silence> {
    let whole = async {
        let (head, body) = request.await.map_err(|error| silence(&error))?.into_parts();
        let body = body.collect().await.map_err(|error| {
            Silence::NoAnswer(format!("the answer ({}) was cut: {}", head.status.as_u16(), root(&error)))
        })?;
        Ok(Answer { status: head.status, body: body.to_bytes(), headers: head.headers })
    };
    match tokio::time::timeout(within, whole).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Silence::NoAnswer(format!("no whole answer within {} ms", within.as_millis()))),
    }
}

fn silence(error: &octocrab::Error) -> Silence {
    let mut at: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = at {
        let failed = error.downcast_ref::<hyper_util::client::legacy::Error>();
        if failed.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return Silence::NotSent(format!("no connection: {}", root(error)));
        }
        at = error.source();
    }
    Silence::NoAnswer(format!("the connection ended without an answer: {}", root(error)))
}

/// The innermost cause: `connection refused`, not the layers around it.
fn root(error: &(dyn StdError + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// The part of an error answer that is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    message: String,
}

impl Answer {
    /// What an answer other than success means. Texts that contain one of `withheld` are not repeated.
    pub(crate) fn refusal(&self, target: &str, withheld: &[&str]) -> TargetError {
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = match self.status.as_u16() {
            401 => TargetErrorKind::Unauthorized,
            403 if self.rate_limited(&problem.message) => self.come_back(),
            403 => TargetErrorKind::Forbidden,
            404 => TargetErrorKind::NotFound,
            409 => TargetErrorKind::Conflict,
            429 => self.come_back(),
            // A renamed or transferred repository redirects; following it would write somewhere else than approved.
            300..=399 => TargetErrorKind::NotFound,
            400..=499 => TargetErrorKind::Invalid,
            _ => TargetErrorKind::Broken,
        };
        let message = match (self.status.is_redirection(), problem.message.as_str()) {
            (true, _) => "the repository has moved".to_owned(),
            (false, "") => plain(self.status),
            (false, said) => format!("{} {}", self.status.as_u16(), clean(said, withheld)),
        };
        TargetError { kind, target: target.to_owned(), message }
    }

    /// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
    fn rate_limited(&self, message: &str) -> bool {
        self.number(header::RETRY_AFTER.as_str()).is_some()
            || self.number("x-ratelimit-remaining") == Some(0)
            || message.contains("rate limit")
    }

    fn come_back(&self) -> TargetErrorKind {
        let asked = self.number(header::RETRY_AFTER.as_str());
        let retry_after = asked.or_else(|| self.seconds_to_reset()).map(Millis::from_secs);
        TargetErrorKind::RateLimited { retry_after }
    }

    /// Seconds until the hour's allowance is renewed, by GitHub's own clock: `Date` in the same answer.
    fn seconds_to_reset(&self) -> Option<u64> {
        if self.number("x-ratelimit-remaining") != Some(0) {
            return None;
        }
        let date = self.headers.get(header::DATE)?.to_str().ok()?;
        let now = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
        self.number("x-ratelimit-reset")?.checked_sub(u64::try_from(now).ok()?)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    }
}

fn plain(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("without a reason"))
}

/// One line of bounded length without control characters, or nothing of it if it repeats what was sent.
fn clean(message: &str, withheld: &[&str]) -> String {
    if withheld.iter().any(|secret| !secret.is_empty() && message.contains(secret)) {
        return "GitHub's message repeats the value and is withheld".to_owned();
    }
    let shown = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn kind(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> TargetErrorKind {
        answer(status, headers, body).refusal("t", &[]).kind
    }

    #[test]
    fn a_403_is_a_permission_or_a_limit() {
        let limited = |seconds: Option<u64>| TargetErrorKind::RateLimited {
            retry_after: seconds.map(Millis::from_secs),
        };
        let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
        let spent = ("x-ratelimit-remaining", "0");
        let reset = ("x-ratelimit-reset", "1700000060");
        let secondary = r#"{"message": "You have exceeded a secondary rate limit."}"#;
        assert_eq!(kind(403, &[], r#"{"message": "Resource not accessible"}"#), TargetErrorKind::Forbidden);
        assert_eq!(kind(403, &[("x-ratelimit-remaining", "7")], ""), TargetErrorKind::Forbidden);
        assert_eq!(kind(403, &[("retry-after", "30")], ""), limited(Some(30)));
        assert_eq!(kind(403, &[], secondary), limited(None));
        assert_eq!(kind(403, &[date, spent, reset], ""), limited(Some(60)));
        assert_eq!(kind(403, &[spent, reset], ""), limited(None), "without a clock there is no span");
        assert_eq!(kind(429, &[date, spent, reset], ""), limited(Some(60)));
        assert_eq!(kind(429, &[("retry-after", "soon")], ""), limited(None));
    }

    #[test]
    fn other_statuses_have_one_kind_each() {
        let cases = [
            (301, TargetErrorKind::NotFound),
            (307, TargetErrorKind::NotFound),
            (400, TargetErrorKind::Invalid),
            (409, TargetErrorKind::Conflict),
            (410, TargetErrorKind::Invalid),
            (422, TargetErrorKind::Invalid),
            (500, TargetErrorKind::Broken),
            (502, TargetErrorKind::Broken),
        ];
        for (status, expected) in cases {
            assert_eq!(kind(status, &[], "<html>"), expected, "{status}");
        }
        assert_eq!(answer(502, &[], "<html>").refusal("t", &[]).to_string(), "t: 502 Bad Gateway");
        assert_eq!(answer(301, &[], "").refusal("t", &[]).to_string(), "t: the repository has moved");
    }

    #[test]
    fn a_message_that_repeats_what_was_sent_is_withheld() {
        let said = r#"{"message": "Invalid request.\n\nQUJD does not match /^x$/."}"#;
        let shown = answer(422, &[], said).refusal("t", &["QUJD"]).to_string();
        assert_eq!(shown, "t: 422 GitHub's message repeats the value and is withheld");
        let shown = answer(422, &[], said).refusal("t", &["", "else"]).to_string();
        assert_eq!(shown, "t: 422 Invalid request.  QUJD does not match /^x$/.");
    }
}
