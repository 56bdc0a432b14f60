//! Refusals as problems (RFC 9457): one exhaustive map from kinds of faults to statuses, and one form for every error of the surface.
//!
//! A [`Problem`] becomes a body only on its way out, in [`super::gate`], where the request's id is known; what axum itself refuses becomes
//! one there too.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_kernel::{Fault, Kind, Violations};
use countersign_usecases::is_for_the_log;
use serde::Serialize;
use utoipa::ToSchema;

use super::dto::decision::Current;
use crate::sign_in::Forged;

/// The media type of problems.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Where the pages of the codes stand.
const PAGES: &str = "https://github.com/countersign-dev/countersign/blob/main/docs/errors";

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProblemBody {
    /// The page about the code.
    #[schema(format = "uri")]
    r#type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, in words for a person.
    detail: String,
    /// The stable code.
    #[schema(pattern = "^[a-z_]+$")]
    code: String,
    /// The request's id, as in the header `X-Request-Id`.
    request_id: String,
    /// Every offending field, where fields are what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
    /// The request as it is, where its state forbids what was asked: who decided, when, what.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Current>,
    /// The decisions of a batch that don't count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    refused: Vec<RefusedDecision>,
}

/// One field that breaks one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldProblem {
    /// Where the field stands.
    pub(crate) r#in: Place,
    /// The field as a JSON pointer (RFC 6901) into the body, or into the object that the parameters make by their names.
    pub(crate) pointer: String,
    /// The rule.
    pub(crate) detail: String,
    /// The offending value, where it can't be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

/// Where a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// In the body.
    Body,
    /// In the query.
    Query,
    /// In the path.
    Path,
    /// In a header.
    Header,
}

/// One decision of a batch that doesn't count.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedDecision {
    /// Where it stands, as a JSON pointer into the body.
    pub(crate) pointer: String,
    /// The request.
    pub(crate) id: String,
    /// The stable code.
    pub(crate) code: String,
    /// What is wrong, in words.
    pub(crate) detail: String,
    /// The request as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) current: Option<Current>,
}

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldProblem>,
    current: Option<Current>,
    refused: Vec<RefusedDecision>,
    retry_after_s: Option<u64>,
}

/// A handler's answer, or its refusal.
pub(crate) type Answer<T> = Result<T, Box<Problem>>;

/// The status of each kind of fault.
const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyExists | Kind::Conflict | Kind::Busy => StatusCode::CONFLICT,
        Kind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// After how many seconds trying again is sensible.
const fn retry_after_s(kind: Kind) -> Option<u64> {
    match kind {
        Kind::Busy | Kind::Unavailable | Kind::Exhausted => Some(1),
        Kind::Invalid
        | Kind::Unauthenticated
        | Kind::Denied
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::Conflict
        | Kind::Internal => None,
    }
}

impl Problem {
    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What happened, in words for a person.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// A request that another site may have made a browser ask.
    pub(crate) fn forged(forged: Forged) -> Box<Self> {
        Self::refuse("request_forged", StatusCode::FORBIDDEN, forged.to_string())
    }

    /// A refusal of the surface itself.
    pub(crate) fn refuse(code: &'static str, status: StatusCode, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current: None,
            refused: Vec::new(),
            retry_after_s: None,
        })
    }

    /// A fault as its caller gets it. What is wrong with ourselves, or with the store, is logged here, and hidden from the caller.
    pub(crate) fn of(fault: &dyn Fault) -> Box<Self> {
        let kind = fault.kind();
        let detail = match kind {
            Kind::Internal => {
                tracing::error!(code = fault.code(), error = %fault, "a request failed for an internal reason");
                "an internal error; the server's log says more under this request id".to_owned()
            }
            Kind::Unavailable => {
                tracing::warn!(code = fault.code(), error = %fault, "a request failed because something is unavailable");
                if is_for_the_log(fault) {
                    "the store is not available now; the server's log says more under this request id"
                        .to_owned()
                } else {
                    fault.to_string()
                }
            }
            Kind::Invalid
            | Kind::Unauthenticated
            | Kind::Denied
            | Kind::NotFound
            | Kind::AlreadyExists
            | Kind::Conflict
            | Kind::Busy
            | Kind::Exhausted => fault.to_string(),
        };
        // A precondition of the request itself has a status of its own.
        let status = match fault.code() {
            "version_changed" => StatusCode::PRECONDITION_FAILED,
            // So does what a body is, and how large.
            "audio_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            "unsupported_media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => status_of(kind),
        };
        let mut problem = Self::refuse(fault.code(), status, detail);
        problem.retry_after_s = retry_after_s(kind);
        if let Some(violations) = fault.violations() {
            problem.errors = of_body(violations);
        }
        problem
    }

    /// A well-formed request with fields that break rules: of the body 422, of anything else 400.
    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Box<Self> {
        let in_body = errors.iter().all(|error| error.r#in == Place::Body);
        let status = if in_body { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        let fields = if errors.len() == 1 { "field breaks its rule" } else { "fields break their rules" };
        let mut problem = Self::refuse("invalid_request", status, format!("{} {fields}", errors.len()));
        problem.errors = errors;
        problem
    }

    /// Every field that breaks its rule.
    pub(crate) fn fields(&self) -> impl Iterator<Item = FieldProblem> + '_ {
        self.errors.iter().cloned()
    }

    /// The same with the request as it is.
    pub(super) fn with_current(mut self: Box<Self>, current: Option<Current>) -> Box<Self> {
        self.current = current;
        self
    }

    /// The same with the decisions that don't count.
    pub(crate) fn with_refused(mut self: Box<Self>, refused: Vec<RefusedDecision>) -> Box<Self> {
        self.refused = refused;
        self
    }

    /// The same, to be tried again after so many seconds.
    pub(crate) fn retry_after(mut self: Box<Self>, seconds: u64) -> Box<Self> {
        self.retry_after_s = Some(seconds);
        self
    }

    /// What axum refused by itself, by its status.
    pub(crate) fn of_status(status: StatusCode, path: &str) -> Box<Self> {
        match status {
            StatusCode::NOT_FOUND => {
                Self::refuse("unknown_path", status, format!("there is nothing at `{path}`"))
            }
            StatusCode::METHOD_NOT_ALLOWED => Self::refuse(
                "method_not_allowed",
                status,
                "this path does not take this method; `Allow` says which it takes",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Self::refuse("body_too_large", status, "the body is too large"),
            other if other.is_client_error() => {
                Self::refuse("malformed_request", other, "the request can't be read")
            }
            other => Self::refuse(
                "internal",
                other,
                "an internal error; the server's log says more under this request id",
            ),
        }
    }

    /// The answer, naming the request. Headers that are set already stay.
    pub(crate) fn render(&self, request_id: &str, mut response: Response) -> Response {
        let body = ProblemBody {
            r#type: format!("{PAGES}/{}.md", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
            current: self.current.clone(),
            refused: self.refused.clone(),
        };
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // INVARIANT: the body has text members only, so that it is always written.
        *response.body_mut() = Body::from(serde_json::to_vec(&body).unwrap_or_default());
        response
    }
}

/// The violations of a body. Their paths (`items[2].id`) become pointers (`/items/2/id`).
pub(crate) fn of_body(violations: &Violations) -> Vec<FieldProblem> {
    let field = |violation: &countersign_kernel::Violation| FieldProblem {
        r#in: Place::Body,
        pointer: pointer(&violation.path),
        detail: violation.rule.clone(),
        value: violation.value.clone(),
    };
    violations.iter().map(field).collect()
}

/// A dotted path as a JSON pointer. The whole body is called `arguments` by the reader that tools share; as a pointer it is empty. Its last
/// part may be quoted: an unknown name.
fn pointer(path: &str) -> String {
    if path == "arguments" || path.is_empty() {
        return String::new();
    }
    let quoted = path.strip_suffix("\"]").and_then(|path| path.split_once("[\""));
    let (path, last) = quoted.map_or((path, None), |(path, last)| (path, Some(last)));
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.chain(last).map(reference_token).collect()
}

/// One part of a pointer, with its slash (RFC 6901, section 3).
pub(crate) fn reference_token(part: &str) -> String {
    format!("/{}", part.replace('~', "~0").replace('/', "~1"))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(*self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Box::new(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use countersign_usecases::ServiceError;
    use countersign_usecases::port::StoreError;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the words of the fault")]
    struct Of(Kind);

    impl Fault for Of {
        fn kind(&self) -> Kind {
            self.0
        }

        fn code(&self) -> &'static str {
            "of_a_test"
        }
    }

    #[test]
    fn every_kind_has_its_status() {
        // The table of docs/errors, by hand.
        let table = [
            (Kind::Invalid, 422, None),
            (Kind::Unauthenticated, 401, None),
            (Kind::Denied, 403, None),
            (Kind::NotFound, 404, None),
            (Kind::AlreadyExists, 409, None),
            (Kind::Conflict, 409, None),
            (Kind::Busy, 409, Some(1)),
            (Kind::Exhausted, 429, Some(1)),
            (Kind::Unavailable, 503, Some(1)),
            (Kind::Internal, 500, None),
        ];
        for (kind, status, retry) in table {
            let problem = Problem::of(&Of(kind));
            assert_eq!((problem.status.as_u16(), problem.retry_after_s), (status, retry), "{kind:?}");
            let hidden = problem.detail != "the words of the fault";
            assert_eq!(hidden, kind == Kind::Internal, "{kind:?}");
        }
        let lost = StoreError::Unavailable { message: "10.0.0.7:5432 refused user `app`".to_owned() };
        assert!(!Problem::of(&ServiceError::from(lost)).detail.contains("10.0.0.7"), "a driver's words");
    }

    #[test]
    fn paths_become_pointers() {
        for (path, expected) in [
            ("reason", "/reason"),
            ("items[2].id", "/items/2/id"),
            ("a/b~", "/a~1b~0"),
            ("items[2].[\"a.b\"]", "/items/2/a.b"),
            ("[\"\"]", "/"),
            ("", ""),
            ("arguments", ""),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }
}
