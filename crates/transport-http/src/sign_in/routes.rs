//! The routes of signing in and out.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use countersign_kernel::Principal;
use countersign_usecases::access::Operation;
use countersign_usecases::sign_in::begin::Next;
use countersign_usecases::sign_in::finish::{Brought, ProviderAnswer};
use countersign_usecases::sign_in::{
    ReturnTo, Secret, SignInError, SignedIn, begin, choose, finish, sign_out, sign_out_everywhere,
};

use super::{CALLBACK, SIGN_IN, cookies, forgery};
use crate::api::{Api, Guard, Problem};
use crate::console::{self, Look, Visitor};

const SIGNED_OUT: &str = "/sign-in/signed-out";

/// The most bytes of a form of these pages.
const FORM_AT_MOST: usize = 4096;

/// What a browser brings in the query: pairs, of which none counts that comes twice.
type Pairs = Query<Vec<(String, String)>>;

/// The routes: for everybody, but for the page about one's own session.
pub(crate) fn router(guard: Guard<'_>) -> Router<Api> {
    Router::new()
        .route("/account", guard(Operation::ReadOwnSession, get(show_account)))
        .route(SIGN_IN, get(start))
        .route(CALLBACK, get(come_back))
        .route("/sign-in/development", post(choose_one))
        .route("/sign-out", post(leave))
        .route(SIGNED_OUT, get(show_signed_out))
        .layer(axum::extract::DefaultBodyLimit::max(FORM_AT_MOST))
}

fn once<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let mut values = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    values.next().filter(|_| values.next().is_none())
}

/// `GET /sign-in`.
async fn start(State(api): State<Api>, Query(pairs): Pairs, headers: HeaderMap) -> Response {
    answered(started(&api, &pairs, &headers).await)
}

async fn started(
    api: &Api,
    pairs: &[(String, String)],
    headers: &HeaderMap,
) -> Result<Response, SignInError> {
    let door = api.browsers().door()?;
    let return_to = ReturnTo::of(once(pairs, "return_to"));
    let begun = begin(&door.sign_in, return_to, cookies::attempt(headers)).await?;
    let mut response = match begun.next {
        Next::To(url) => Redirect::to(&url).into_response(),
        Next::Choose { state, people } => console::choice(Look::of(headers), &state, people),
    };
    cookies::add_attempt(&mut response, &begun.browser);
    Ok(response)
}

/// `GET /sign-in/callback`.
async fn come_back(State(api): State<Api>, Query(pairs): Pairs, headers: HeaderMap) -> Response {
    answered(came_back(&api, &pairs, &headers).await.map(gone_on))
}

async fn came_back(
    api: &Api,
    pairs: &[(String, String)],
    headers: &HeaderMap,
) -> Result<SignedIn, SignInError> {
    let door = api.browsers().door()?;
    let state = once(pairs, "state").and_then(Secret::parse).ok_or(SignInError::NoAttempt)?;
    let browser = cookies::attempt(headers).ok_or(SignInError::NoAttempt)?;
    let session = cookies::session(headers);
    let code = match (once(pairs, "code"), once(pairs, "error")) {
        (Some(code), None) => Ok(code),
        (Some(_) | None, error) => Err(error.unwrap_or("no_code")),
    };
    let answer = ProviderAnswer { code, issuer: once(pairs, "iss") };
    let brought = Brought { state: &state, browser: &browser, session: session.as_ref() };
    finish(&door.sign_in, brought, answer).await
}

/// `POST /sign-in/development`. The state belongs to one attempt of one browser, so that it is a token against other sites as well.
async fn choose_one(
    State(api): State<Api>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    if let Err(forged) = api.browsers().check_origin(&headers) {
        return Problem::forged(forged).into_response();
    }
    answered(chosen(&api, &headers, &pairs).await.map(gone_on))
}

async fn chosen(api: &Api, headers: &HeaderMap, pairs: &[(String, String)]) -> Result<SignedIn, SignInError> {
    let door = api.browsers().door()?;
    let state = once(pairs, "state").and_then(Secret::parse).ok_or(SignInError::NoAttempt)?;
    let browser = cookies::attempt(headers).ok_or(SignInError::NoAttempt)?;
    let session = cookies::session(headers);
    let principal = once(pairs, "principal").and_then(|text| Principal::parse(text).ok());
    let principal = principal.ok_or(SignInError::NotOffered)?;
    let brought = Brought { state: &state, browser: &browser, session: session.as_ref() };
    choose(&door.sign_in, brought, &principal).await
}

/// `POST /sign-out`. A browser without a session is signed out already.
async fn leave(State(api): State<Api>, headers: HeaderMap, form: Bytes) -> Response {
    if let Err(problem) = left(&api, &headers, &form).await {
        return problem.into_response();
    }
    let mut response = Redirect::to(SIGNED_OUT).into_response();
    cookies::remove_session(&mut response);
    response
}

/// `GET /account`.
async fn show_account(visitor: Visitor, signed_in: super::SignedIn) -> Response {
    console::account(&visitor, &signed_in)
}

/// `GET /sign-in/signed-out`.
async fn show_signed_out(headers: HeaderMap) -> Response {
    console::signed_out(Look::of(&headers))
}

async fn left(api: &Api, headers: &HeaderMap, form: &[u8]) -> Result<(), Box<Problem>> {
    let browsers = api.browsers();
    browsers.check_origin(headers).map_err(Problem::forged)?;
    let recognised = match browsers.recognise(headers).await {
        Ok(recognised) => recognised,
        Err(SignInError::NotSignedIn) => None,
        Err(error) => return Err(Problem::of(&error)),
    };
    let (Some(recognised), Some(secret)) = (recognised, cookies::session(headers)) else { return Ok(()) };
    let given = headers.get("x-csrf-token").and_then(|token| token.to_str().ok()).map(str::to_owned);
    let token = given.or_else(|| forgery::field(form, forgery::FIELD));
    forgery::check_token(token.as_deref(), &recognised.session.csrf).map_err(Problem::forged)?;
    let door = browsers.door().map_err(|error| Problem::of(&error))?;
    if forgery::field(form, "everywhere").is_some() {
        let principal = &recognised.session.person.identity.principal;
        let ended = sign_out_everywhere(&*door.sign_in.store, principal).await;
        ended.map_err(|error| Problem::of(&SignInError::from(error)))?;
    }
    sign_out(&door.sign_in, &secret).await.map_err(|error| Problem::of(&error))
}

fn gone_on(signed_in: SignedIn) -> Response {
    let mut response = Redirect::to(signed_in.return_to.as_str()).into_response();
    cookies::add_session(&mut response, &signed_in.secret);
    response
}

fn answered(result: Result<Response, SignInError>) -> Response {
    result.unwrap_or_else(|error| {
        if let SignInError::Provider(provider) = &error {
            tracing::warn!(why = provider.why(), "{provider}");
        }
        Problem::of(&error).into_response()
    })
}
