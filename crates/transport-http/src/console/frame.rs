//! Around every page: whoever is not signed in is sent to do so, and refusals are said in words.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use maud::html;

use super::decide::see;
use super::layout::{self, Outside};
use super::visitor::Look;
use crate::api::{Api, Problem, RequestName};
use crate::sign_in::{SIGN_IN, sign_in_path};

/// Gives whatever is answered outside of `/api` the form of a page: refusals too.
pub(crate) async fn in_page(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return next.run(request).await;
    }
    let asked = Asked::of(&request);
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let has_to_sign_in = problem.status() == StatusCode::UNAUTHORIZED && api.browsers().are_let_in();
        response = match asked.page.as_deref().filter(|_| has_to_sign_in) {
            Some(page) => see(&sign_in_path(page)),
            None => asked.refused(&problem, response),
        };
    } else if response.status().is_client_error() && !is_page(response.headers()) {
        let problem = Problem::of_status(response.status(), &asked.path);
        response = asked.refused(&problem, response);
    }
    response
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// What is known of a request before it is answered.
struct Asked {
    look: Look,
    path: String,
    /// Where to come back to after signing in: what was asked for can be asked for again.
    page: Option<String>,
    id: String,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let id = request.extensions().get::<RequestName>().map(|name| name.0.clone()).unwrap_or_default();
        let whole = request.uri().path_and_query().map(ToString::to_string);
        let page = whole.filter(|_| *request.method() == Method::GET);
        Self { look: Look::of(request.headers()), path: request.uri().path().to_owned(), page, id }
    }

    /// The refusal as a page. Headers that say how to go on (`Allow`, `Retry-After`) stay.
    fn refused(&self, problem: &Problem, before: Response) -> Response {
        let words = self.look.words;
        let (title, status) = (self.title(problem.status()), problem.status());
        let detail = words.code(problem.code()).map_or_else(|| problem.detail().to_owned(), str::to_owned);
        let body = html! {
            p.lead { (detail) }
            @if problem.fields().next().is_some() {
                ul { @for field in problem.fields() { li { code { (field.pointer) } " " (field.detail) } } }
            }
            p {
                @if self.is_signing_in() { a.button href=(SIGN_IN) { (words.sign_in()) } } @else { a.button href="/" { (words.wrong_home()) } }
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
