//! What every request passes: on the way in it is named, proved and counted; on the way out every refusal becomes a problem.
//!
//! A request's span says method, path, request id and caller. Queries, bodies, tokens and reasons never enter it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_kernel::Principal;
use countersign_mcp_tools::IdempotencyKey;
use countersign_usecases::Identity;
use countersign_usecases::access::{Access, BearerIdentity, Operation, bearer_token};
use countersign_usecases::sign_in::{Secret, SignInError};
use tracing::{Instrument as _, field};

use super::problem::{Answer, FieldProblem, Place, Problem};
use super::{Api, AsItIs};
use crate::sign_in::{SignedIn, add_session, has_session, token_of};

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
    if response.extensions().get::<AsItIs>().is_some() {
        return response;
    }
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
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

/// A token in an address ends in logs, histories and other sites' statistics: one that comes so is refused, and never looked at.
pub(super) async fn refuse_credentials_in_urls(request: Request, next: Next) -> Response {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    if pairs.is_ok_and(|Query(pairs)| pairs.iter().any(|(name, _)| is_credential(name))) {
        let detail = "credentials don't belong into an address, where logs keep them: send `Authorization: Bearer TOKEN`, and replace \
                      the one you sent";
        return Problem::refuse("credential_in_url", StatusCode::BAD_REQUEST, detail).into_response();
    }
    next.run(request).await
}

/// Names of parameters that are those of credentials, whatever their spelling.
fn is_credential(name: &str) -> bool {
    const NAMES: [&str; 28] = [
        "accesskey",
        "accesstoken",
        "apikey",
        "apisecret",
        "apitoken",
        "auth",
        "authorization",
        "authtoken",
        "bearer",
        "bearertoken",
        "clientsecret",
        "credential",
        "credentials",
        "csrftoken",
        "idtoken",
        "jwt",
        "passwd",
        "password",
        "privatekey",
        "refreshtoken",
        "runtoken",
        "secret",
        "secretkey",
        "sessiontoken",
        "token",
        "xapikey",
        "xauthtoken",
        "xcsrftoken",
    ];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    NAMES.contains(&plain.to_ascii_lowercase().as_str())
}

/// Refuses a form that needs no session but comes from another site.
pub(super) async fn of_our_site(State(api): State<Api>, request: Request, next: Next) -> Response {
    match api.browsers.check_site(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(forged) => Problem::forged(forged).into_response(),
    }
}

/// Lets in whoever may ask for this operation, as often as they may, if they take the form of its answer.
pub(super) async fn admit(
    State((api, operation, form)): State<(Api, Operation, Option<&'static str>)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut request, signed_in, caller) = match check(&api, operation, form, request).await {
        Ok(admitted) => admitted,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(caller.staff);
    if let Some(signed_in) = signed_in {
        request.extensions_mut().insert(signed_in);
    }
    let mut response = next.run(request).await;
    if let Some(secret) = &caller.new_secret {
        add_session(&mut response, secret);
    }
    response
}

/// A caller that was let in.
struct Caller {
    staff: Staff,
    /// What its browser is to have as the secret of its session from now on.
    new_secret: Option<Secret>,
}

async fn check(
    api: &Api,
    operation: Operation,
    form: Option<&'static str>,
    request: Request,
) -> Answer<(Request, Option<SignedIn>, Caller)> {
    let headers = request.headers();
    let admitted = match (headers.get(header::AUTHORIZATION), has_session(headers)) {
        (Some(_), true) => {
            let detail = "the request has both a bearer token and a session: send one of them";
            return Err(Problem::refuse("two_credentials", StatusCode::BAD_REQUEST, detail));
        }
        (None, true) => {
            let (request, signed_in, caller) = check_browser(api, operation, request).await?;
            (request, Some(signed_in), caller)
        }
        (given, false) => {
            let token = given.and_then(|value| value.to_str().ok()).and_then(bearer_token);
            let bearer = api.callers.bearer(token).map_err(|error| Problem::of(&error))?;
            known(api, &bearer)?;
            let staff = let_in(operation, bearer)?;
            (request, None, Caller { staff, new_secret: None })
        }
    };
    form.map_or(Ok(()), |form| acceptable(form, admitted.0.headers()))?;
    presentable_key(admitted.0.headers())?;
    Ok(admitted)
}

/// With this header the script of a page reads the page again by itself.
const REFRESH: &str = "x-refresh";

/// A browser proves itself by a cookie, which other sites can make it send: what changes something has to come from our own pages.
async fn check_browser(
    api: &Api,
    operation: Operation,
    request: Request,
) -> Answer<(Request, SignedIn, Caller)> {
    let by_itself = operation == Operation::FollowChanges
        || (request.method().is_safe() && request.headers().contains_key(REFRESH));
    let recognised = if by_itself {
        api.browsers.recognise_page(request.headers()).await
    } else {
        api.browsers.recognise(request.headers()).await
    };
    let recognised = recognised.map_err(|error| Problem::of(&error))?;
    let recognised = recognised.ok_or_else(|| Problem::of(&SignInError::NotSignedIn))?;
    let signed_in = SignedIn::of(&recognised, &*api.entropy);
    let bearer = signed_in.person().caller();
    // Before a form is read: one that is refused counts too.
    known(api, &bearer)?;
    let request = if request.method().is_safe() {
        request
    } else {
        from_our_pages(api, &signed_in, operation, request).await?
    };
    let staff = let_in(operation, bearer)?;
    Ok((request, signed_in, Caller { staff, new_secret: recognised.new_secret }))
}

async fn from_our_pages(
    api: &Api,
    signed_in: &SignedIn,
    operation: Operation,
    request: Request,
) -> Answer<Request> {
    api.browsers.check_origin(request.headers()).map_err(Problem::forged)?;
    let most = most_bytes(api, operation);
    let (request, token) = token_of(request, most).await.ok_or_else(|| {
        let detail = format!("the form can't be read, or has more than {most} bytes");
        Problem::refuse("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    signed_in.check_token(token.as_deref()).map_err(Problem::forged)?;
    Ok(request)
}

/// The largest body that an operation takes: a recording may come in a form, among what was typed.
pub(crate) fn most_bytes(api: &Api, operation: Operation) -> usize {
    let hears = matches!(operation, Operation::DictateReason | Operation::DictateAnswer);
    let recording = api.services.hearing().filter(|_| hears).map_or(0, |hearing| hearing.limits.max_bytes);
    api.settings.max_body_bytes.saturating_add(recording)
}

/// Notes who asks, and counts that they do.
fn known(api: &Api, bearer: &BearerIdentity) -> Answer<()> {
    let principal = &bearer.identity.principal;
    tracing::Span::current().record("caller", field::display(principal));
    count(api, principal, 1)
}

fn let_in(operation: Operation, bearer: BearerIdentity) -> Answer<Staff> {
    match operation.access() {
        Access::AnyOf(needs) => {
            bearer.with_role(needs).map(|bearer| Staff(Arc::new(bearer))).map_err(|error| Problem::of(&error))
        }
        Access::Public | Access::Run { .. } => {
            tracing::error!(?operation, "a staff route stands for an operation that is not for staff");
            Err(Problem::refuse("internal", StatusCode::INTERNAL_SERVER_ERROR, "an internal error"))
        }
    }
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
