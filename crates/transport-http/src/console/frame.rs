//! Around every page: whoever is not signed in is sent to do so, and refusals are said in words.

use axum::Form;
use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use maud::html;

use super::decide::see;
use super::layout::{self, Outside};
use super::visitor::Look;
use crate::api::{Api, Problem, RequestName};
use crate::sign_in::{SIGN_IN, sign_in_path};

/// The longest form that is kept while it is answered, in bytes: what somebody typed has 4,000 characters at most.
const LONGEST_FORM: usize = 64 * 1024;

/// Gives whatever is answered outside of `/api` the form of a page: refusals too.
pub(crate) async fn in_page(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return next.run(request).await;
    }
    let (asked, request) = Asked::of(request).await;
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let has_to_sign_in = problem.status() == StatusCode::UNAUTHORIZED && api.browsers().are_let_in();
        response = match asked.again.as_deref().filter(|_| has_to_sign_in && asked.reads) {
            Some(page) => see(&sign_in_path(page)),
            None => asked.refused(&problem, response),
        };
    } else if response.status().is_client_error() && !is_page(response.headers()) {
        let problem = Problem::of_status(response.status(), &asked.path);
        response = asked.refused(&problem, response);
    }
    response
}

/// The page whose form is sent to this path.
fn page_of(path: &str) -> Option<String> {
    let (request, _) = path.strip_prefix("/requests/")?.split_once('/')?;
    Some(format!("/requests/{request}"))
}

/// What was typed in a form, and the request with it again. What says that it is longer than forms are is not looked at.
async fn typed(request: Request) -> (String, Request) {
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let short = request.body().size_hint().upper().is_some_and(|length| length <= LONGEST_FORM as u64);
    if !form || !short {
        return (String::new(), request);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_FORM).await else {
        return (String::new(), Request::from_parts(parts, Body::empty()));
    };
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let mut copy = Request::new(Body::from(body));
    (*copy.method_mut(), *copy.headers_mut()) = (request.method().clone(), request.headers().clone());
    let fields = Form::<Vec<(String, String)>>::from_request(copy, &())
        .await
        .map_or_else(|_| Vec::new(), |Form(fields)| fields);
    let words = fields.into_iter().filter(|(name, _)| name == "reason" || name == "custom_text");
    let typed = words.map(|(_, text)| text).collect::<Vec<_>>().join("\n").trim().to_owned();
    (typed, request)
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// What is known of a request before it is answered.
struct Asked {
    look: Look,
    path: String,
    /// Whether it can be asked for again as it was.
    reads: bool,
    /// Where to come back to after signing in: what was asked for, or the page whose form was sent.
    again: Option<String>,
    /// What somebody had typed, which a refusal must not lose.
    typed: String,
    id: String,
}

impl Asked {
    async fn of(request: Request) -> (Self, Request) {
        let id = request.extensions().get::<RequestName>().map(|name| name.0.clone()).unwrap_or_default();
        let path = request.uri().path().to_owned();
        let reads = *request.method() == Method::GET;
        let whole = request.uri().path_and_query().map(ToString::to_string);
        let again = if reads { whole } else { page_of(&path) };
        let look = Look::of(request.headers());
        let (typed, request) = typed(request).await;
        (Self { look, path, reads, again, typed, id }, request)
    }

    /// The refusal as a page. Headers that say how to go on (`Allow`, `Retry-After`) stay.
    fn refused(&self, problem: &Problem, before: Response) -> Response {
        let words = self.look.words;
        let (title, status) = (self.title(problem.status()), problem.status());
        let detail = words.code(problem.code()).map_or_else(|| problem.detail().to_owned(), str::to_owned);
        let body = html! {
            p.lead { (detail) }
            @if problem.fields().next().is_some() {
                ul { @for field in problem.fields() { li { (words.field(field.pointer.trim_start_matches('/'))) ": " (words.rule(&field.detail)) } } }
            }
            @if !self.typed.is_empty() {
                label for="typed" { (words.had_typed()) }
                textarea id="typed" rows="3" readonly { (self.typed) }
            }
            p {
                @if let Some(page) = self.again.as_deref().filter(|_| !self.reads) {
                    @if status == StatusCode::UNAUTHORIZED { a.button href=(sign_in_path(page)) { (words.sign_in()) } } @else { a.button href=(page) { (words.back()) } }
                } @else if self.is_signing_in() { a.button href=(SIGN_IN) { (words.sign_in()) } } @else { a.button href="/" { (words.wrong_home()) } }
            }
            p.small { (words.wrong_id()) " " code { (problem.code()) } " · " code { (self.id) } }
        };
        let mut response = layout::outside_page(status, &Outside { look: self.look, title, body });
        for (name, value) in before.headers() {
            response.headers_mut().entry(name).or_insert(value.clone());
        }
        response
    }

    /// Whether it was about getting in, so that trying again begins there.
    fn is_signing_in(&self) -> bool {
        self.path.strip_prefix(SIGN_IN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn title(&self, status: StatusCode) -> &'static str {
        let words = self.look.words;
        match status {
            _ if self.is_signing_in() => words.wrong_not_in(),
            StatusCode::NOT_FOUND => words.wrong_not_found(),
            StatusCode::UNAUTHORIZED => words.wrong_signed_out(),
            StatusCode::FORBIDDEN => words.wrong_forbidden(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => words.wrong_busy(),
            status if status.is_server_error() => words.wrong_ours(),
            _ => words.wrong_request(),
        }
    }
}
