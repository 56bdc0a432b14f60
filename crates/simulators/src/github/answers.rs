//! Answers in GitHub's shape: bodies with `documentation_url`, and the headers that come with every reply.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::access::{Allowance, Need};

const DOCUMENTATION: &str = "https://docs.github.com/rest";
const RATE_LIMIT_DOCUMENTATION: &str =
    "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";

/// A successful answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
    /// The `Link` header of a list.
    pub(super) link: Option<String>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), link: None }
    }

    pub(super) fn created() -> Self {
        Self { status: StatusCode::CREATED, body: Some(json!({})), link: None }
    }

    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, link: None }
    }
}

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// Overrides the endpoint's own page.
    documentation: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), documentation: None }
    }

    pub(super) fn requires_authentication() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Requires authentication")
    }

    pub(super) fn bad_credentials() -> Self {
        Self { documentation: Some(DOCUMENTATION), ..Self::new(StatusCode::UNAUTHORIZED, "Bad credentials") }
    }

    pub(super) fn rate_limited(user_id: u64) -> Self {
        let message = format!(
            "API rate limit exceeded for user ID {user_id}. If you reach out to GitHub Support for help, please \
             include the request ID and timestamp."
        );
        Self { documentation: Some(RATE_LIMIT_DOCUMENTATION), ..Self::new(StatusCode::FORBIDDEN, message) }
    }

    pub(super) fn not_accessible() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Resource not accessible by personal access token")
    }

    pub(super) fn archived() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Repository was archived so is read-only.")
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn not_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Problems parsing JSON")
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    fn body(&self, documentation: &str) -> Value {
        json!({
            "message": self.message,
            "documentation_url": self.documentation.unwrap_or(documentation),
            "status": self.status.as_str(),
        })
    }
}

/// What is known of a request when its answer is written.
pub(super) struct Frame {
    pub(super) request_id: u64,
    pub(super) allowance: Option<Allowance>,
    pub(super) need: Need,
    pub(super) documentation: &'static str,
}

impl Frame {
    pub(super) fn write(self, outcome: Result<Reply, Refusal>) -> Response {
        let mut response = match outcome {
            Ok(Reply { status, body: Some(body), link }) => {
                let mut response = (status, Json(body)).into_response();
                if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
                    response.headers_mut().insert(header::LINK, link);
                }
                response
            }
            Ok(Reply { status, body: None, .. }) => status.into_response(),
            Err(refusal) => (refusal.status, Json(refusal.body(self.documentation))).into_response(),
        };
        decorate(&mut response, self.request_id);
        if let Some(allowance) = self.allowance {
            set(&mut response, "x-ratelimit-limit", allowance.limit.into());
            set(&mut response, "x-ratelimit-remaining", (allowance.limit - allowance.used).into());
            set(&mut response, "x-ratelimit-used", allowance.used.into());
            set(&mut response, "x-ratelimit-reset", allowance.resets.as_second().into());
            set(&mut response, "x-ratelimit-resource", HeaderValue::from_static("core"));
        }
        set(&mut response, "x-accepted-github-permissions", HeaderValue::from_static(self.need.header()));
        response
    }
}

/// GitHub serves no request without a `User-Agent`, and says so in HTML.
pub(super) fn no_user_agent() -> Response {
    let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
                (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check \
                https://developer.github.com for other possible causes.\n";
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/html")], text).into_response()
}

/// The answer to a path the API does not have.
pub(super) fn unknown_path() -> Response {
    let refusal = Refusal::not_found();
    let mut response = (refusal.status, Json(refusal.body(DOCUMENTATION))).into_response();
    decorate(&mut response, 0);
    response
}

/// An error answered on command. A 403 or 429 with `Retry-After` is a
/// [secondary rate limit](https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits).
pub(super) fn on_command(status: StatusCode, retry_after_s: Option<u32>, message: Option<&str>) -> Response {
    let limited = matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    let (usual, documentation) = match status {
        _ if limited && retry_after_s.is_some() => (
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            RATE_LIMIT_DOCUMENTATION,
        ),
        StatusCode::UNAUTHORIZED => ("Bad credentials", DOCUMENTATION),
        StatusCode::FORBIDDEN => ("Resource not accessible by personal access token", DOCUMENTATION),
        StatusCode::NOT_FOUND => ("Not Found", DOCUMENTATION),
        StatusCode::UNPROCESSABLE_ENTITY => ("Validation Failed", DOCUMENTATION),
        StatusCode::INTERNAL_SERVER_ERROR => ("Server Error", DOCUMENTATION),
        other => (other.canonical_reason().unwrap_or("Error"), DOCUMENTATION),
    };
    let refusal = Refusal::new(status, message.unwrap_or(usual));
    let mut response = (status, Json(refusal.body(documentation))).into_response();
    decorate(&mut response, 0);
    response
}

fn decorate(response: &mut Response, request_id: u64) {
    if response.headers().contains_key(header::CONTENT_TYPE) {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    set(response, "x-github-media-type", HeaderValue::from_static("github.v3; format=json"));
    set(response, "x-github-api-version-selected", HeaderValue::from_static("2022-11-28"));
    let id = format!("C0DE:{:04X}:{request_id:08X}", request_id % 0xFFFF);
    if let Ok(id) = HeaderValue::from_str(&id) {
        set(response, "x-github-request-id", id);
    }
}

fn set(response: &mut Response, name: &'static str, value: HeaderValue) {
    response.headers_mut().insert(HeaderName::from_static(name), value);
}
