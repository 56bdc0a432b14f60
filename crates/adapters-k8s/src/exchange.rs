//! One request and its answer, and what a failed one means.

use std::error::Error as StdError;
use std::time::Duration;

use countersign_kernel::Millis;
use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use zeroize::Zeroizing;

use crate::wire::Status;

/// The server's words are cut to this length, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Zeroizing<Vec<u8>>,
    retry_after: Option<Millis>,
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

/// Sends one request, and reads the answer whole, within the time.
pub(crate) async fn exchange(
    client: &Client,
    request: Request<Vec<u8>>,
    within: Duration,
) -> Result<Answer, Silence> {
    let whole = async {
        let response = client.send(request.map(Body::from)).await.map_err(|error| silence(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| {
            Silence::NoAnswer(format!("the answer ({}) was cut: {}", head.status.as_u16(), root(&error)))
        })?;
        let retry_after = head.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Millis::from_secs);
        let body = Zeroizing::new(body.to_bytes().to_vec());
        Ok(Answer { status: head.status, body, retry_after })
    };
    match tokio::time::timeout(within, whole).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Silence::NoAnswer(format!("no whole answer within {} ms", within.as_millis()))),
    }
}

fn silence(error: &kube::Error) -> Silence {
    // An exec plugin's output is part of this error's text, and may hold a token.
    if matches!(error, kube::Error::Auth(_)) {
        return Silence::NotSent("our credentials could not be obtained".to_owned());
    }
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

impl Answer {
    /// What an answer other than success means. Texts that contain one of `withheld` are not repeated.
    pub(crate) fn refusal(&self, target: &str, withheld: &[&str]) -> TargetError {
        let status: Status = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = match self.status.as_u16() {
            401 => TargetErrorKind::Unauthorized,
            403 if status.quota_exceeded() => TargetErrorKind::QuotaExceeded,
            403 => TargetErrorKind::Forbidden,
            404 => TargetErrorKind::NotFound,
            409 => TargetErrorKind::Conflict,
            429 => TargetErrorKind::RateLimited { retry_after: self.retry_after.or(status.retry_after()) },
            400..=499 => TargetErrorKind::Invalid,
            _ => TargetErrorKind::Broken,
        };
        let message = match kind {
            TargetErrorKind::Conflict => status.conflicts(),
            TargetErrorKind::Invalid | TargetErrorKind::Broken => status.violations(self.status),
            TargetErrorKind::Unreachable
            | TargetErrorKind::NoAnswer
            | TargetErrorKind::Unauthorized
            | TargetErrorKind::Forbidden
            | TargetErrorKind::NotFound
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::RateLimited { .. } => status.said(self.status),
        };
        TargetError { kind, target: target.to_owned(), message: clean(&message, withheld) }
    }
}

/// One line of bounded length without control characters, or nothing of it if it repeats a secret.
fn clean(message: &str, withheld: &[&str]) -> String {
    if withheld.iter().any(|secret| !secret.is_empty() && message.contains(secret)) {
        return "the server's message repeats the value and is withheld".to_owned();
    }
    let shown = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
            retry_after: None,
        }
    }

    #[test]
    fn a_message_that_repeats_the_value_is_withheld() {
        let body = r#"{"message": "admission webhook denied: value hunter2 is weak", "reason": "Forbidden"}"#;
        let shown = answer(403, body).refusal("t", &["aHVudGVyMg==", "hunter2"]).to_string();
        assert_eq!(shown, "t: the server's message repeats the value and is withheld");
        let shown = answer(403, body).refusal("t", &["else", ""]).to_string();
        assert!(shown.contains("admission webhook denied"), "{shown}");
    }

    #[test]
    fn an_invalid_answer_names_fields_and_never_their_values() {
        let body = r#"{"message": "Secret \"a\" is invalid: type: Invalid value: \"hunter2\"", "reason": "Invalid",
            "details": {"causes": [{"reason": "FieldValueInvalid", "message": "Invalid value: \"hunter2\"", "field": "type"}]}}"#;
        let shown = answer(422, body).refusal("t", &[]);
        assert_eq!(
            (shown.kind, shown.message.as_str()),
            (TargetErrorKind::Invalid, "422 Invalid: `type` FieldValueInvalid")
        );
    }

    #[test]
    fn an_answer_that_is_no_status_is_still_understood() {
        let shown = answer(502, "<html>Bad Gateway</html>").refusal("t", &[]);
        assert_eq!((shown.kind, shown.message.as_str()), (TargetErrorKind::Broken, "502 Bad Gateway"));
        let shown = answer(429, "Too many requests, please try again later.").refusal("t", &[]);
        assert_eq!(shown.kind, TargetErrorKind::RateLimited { retry_after: None });
        let long = format!(r#"{{"message": "{}\n", "reason": "Forbidden"}}"#, "x".repeat(1_000));
        assert_eq!(answer(403, &long).refusal("t", &[]).message.chars().count(), MAX_MESSAGE_CHARS);
    }
}
