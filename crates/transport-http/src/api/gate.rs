//! What every request passes: on the way in it is named, proved and counted; on the way out every refusal becomes a problem.
//!
//! A request's span says method, path, request id and caller. Queries, bodies, tokens and reasons never enter it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_kernel::Principal;
use countersign_mcp_tools::IdempotencyKey;
use countersign_usecases::Identity;
use countersign_usecases::access::{Access, BearerIdentity, Operation, bearer_token};
use tracing::{Instrument as _, field};

use super::problem::{Answer, FieldProblem, Place, Problem};
use super::{Api, AsItIs};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The name of a request, for whoever answers it.
#[derive(Clone, Debug)]
pub(crate) struct RequestName(pub(crate) String);

/// The person or service that asks, as the gate proved it.
#[derive(Clone, Debug)]
pub(crate) struct Staff(Arc<BearerIdentity>);

impl Staff {
    /// Who, and what they may see and do.
    pub(crate) fn bearer(&self) -> &BearerIdentity {
        &self.0
    }

    /// Who.
    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }
}

impl FromRequestParts<Api> for Staff {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a request reached its handler without having been authenticated");
            Problem::refuse(
                "internal",
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request was not authenticated",
            )
        })
    }
}

/// Names the request, waits for its answer as long as it may take, and gives every refusal its form.
pub(crate) async fn name(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers(), &api);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let key = request.headers().get(IDEMPOTENCY_KEY).cloned();
    let span = tracing::info_span!("http_request", %method, path, request_id = id, caller = field::Empty);
    request.extensions_mut().insert(RequestName(id.clone()));
    let answered = tokio::time::timeout(api.settings.request_timeout, next.run(request));
    let answered = async { answered.await.unwrap_or_else(|_| too_slow().into_response()) };
    let response = answered.instrument(span.clone()).await;
    let status = response.status();
    let mut response = span.in_scope(|| in_form(response, &id, &path));
    span.in_scope(|| tracing::debug!(status = status.as_u16(), "answered"));
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(key) = key.filter(|_| status.is_success()) {
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    // What staff see is theirs alone, and as of now.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn too_slow() -> Box<Problem> {
    let detail = "it took too long, and whether it was done is not known; send the same request again";
    Problem::refuse("request_timeout", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
}

/// Every refusal in its form: our own, and those that axum made by itself.
fn in_form(mut response: Response, id: &str, path: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return problem.render(id, response);
    }
    let status = response.status();
    let told = response.extensions().get::<AsItIs>().is_some();
    if !told && (status.is_client_error() || status.is_server_error()) {
        return Problem::of_status(status, path).render(id, response);
    }
    response
}

/// A panic is answered too; its words are in the log.
pub(crate) fn panicked(payload: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = words.unwrap_or("no words"), "a handler panicked");
    Problem::refuse(
        "internal",
        StatusCode::INTERNAL_SERVER_ERROR,
        "an internal error; the server's log says more under this request id",
    )
    .into_response()
}

/// The caller's own id for the request if it is presentable, else a new one.
fn request_id(headers: &HeaderMap, api: &Api) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    });
    given.map(str::to_owned).unwrap_or_else(|| {
        let mut bytes = [0; 16];
        api.entropy.fill(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    })
}

/// Lets in whoever may ask for this operation, as often as they may, if they take the form of its answer.
pub(crate) async fn admit(
    State((api, operation, form)): State<(Api, Operation, Option<&'static str>)>,
    mut request: Request,
    next: Next,
) -> Response {
    match check(&api, operation, form, request.headers()) {
        Ok(staff) => {
            request.extensions_mut().insert(staff);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn check(api: &Api, operation: Operation, form: Option<&'static str>, headers: &HeaderMap) -> Answer<Staff> {
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer_token);
    let bearer = api.callers.bearer(token).map_err(|error| Problem::of(&error))?;
    let principal = &bearer.identity.principal;
    tracing::Span::current().record("caller", field::display(principal));
    count(api, principal, 1)?;
    let bearer = match operation.access() {
        Access::AnyOf(needs) => bearer.with_role(needs).map_err(|error| Problem::of(&error))?,
        Access::Public | Access::Run { .. } => {
            tracing::error!(?operation, "a staff route stands for an operation that is not for staff");
            return Err(Problem::refuse("internal", StatusCode::INTERNAL_SERVER_ERROR, "an internal error"));
        }
    };
    form.map_or(Ok(()), |form| acceptable(form, headers))?;
    presentable_key(headers)?;
    Ok(Staff(Arc::new(bearer)))
}

/// Counts what a caller asks for. One message that does the work of several counts as these.
pub(crate) fn count(api: &Api, principal: &Principal, requests: usize) -> Answer<()> {
    let counted = api.limiter.take(principal, requests, api.stopwatch.elapsed());
    counted.map_err(|error| Problem::of(&error).retry_after(error.retry_after_s))
}

/// What an operation of the REST surface answers with. The stream has a form of its own, all others answer in JSON.
pub(crate) fn form_of(operation: Operation) -> &'static str {
    if operation == Operation::FollowChanges { "text/event-stream" } else { "application/json" }
}

/// Whether the caller takes the form in which the operation answers.
fn acceptable(form: &str, headers: &HeaderMap) -> Answer<()> {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    if accepted.peek().is_none() {
        return Ok(());
    }
    let ranges = accepted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut ranges =
        ranges.map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let all_of_kind = form.split_once('/').map(|(kind, _)| format!("{kind}/*"));
    if ranges.any(|range| range == "*/*" || range == form || Some(&range) == all_of_kind.as_ref()) {
        Ok(())
    } else {
        let detail = format!("the answer is `{form}`");
        Err(Problem::refuse("not_acceptable", StatusCode::NOT_ACCEPTABLE, detail))
    }
}

/// An idempotency key has to have its form, where one is given.
fn presentable_key(headers: &HeaderMap) -> Answer<()> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(()) };
    if value.to_str().ok().and_then(IdempotencyKey::parse).is_some() {
        return Ok(());
    }
    Err(Problem::invalid(vec![FieldProblem {
        r#in: Place::Header,
        pointer: "/Idempotency-Key".to_owned(),
        detail: "must be 1 to 128 printable ASCII characters without blanks".to_owned(),
        value: None,
    }]))
}
