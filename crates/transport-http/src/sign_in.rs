//! People with browsers: signing in and out, the cookie of a session, and what keeps other sites out of it.
//!
//! A browser proves itself by a cookie, which it also sends when another site makes it ask. So whatever changes something has to come from
//! our own pages: `Sec-Fetch-Site` and `Origin` say so where a browser sends them, and a token says so that other sites can't read.

mod cookies;
mod forgery;
mod routes;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use countersign_usecases::port::Entropy;
use countersign_usecases::sign_in::{
    Masked, Person, Recognised, Secret, SignIn, SignInError, Way, recognise, recognise_page,
};
use maud::{Markup, html};

use crate::api::Problem;
use crate::percent::encoded;
use crate::public_url::PublicUrl;

pub(crate) use cookies::{add_session, has_session};
pub(crate) use forgery::{Forged, token_of};
pub(crate) use routes::router;

/// Where the sign-in begins.
pub(crate) const SIGN_IN: &str = "/sign-in";

/// Where a provider sends browsers back to.
pub const CALLBACK: &str = "/sign-in/callback";

/// What the surface does about browsers: nothing, where no sign-in is configured.
#[derive(Clone, Default)]
pub struct Browsers(Option<Arc<Door>>);

struct Door {
    sign_in: SignIn,
    public_url: PublicUrl,
}

/// The person whose browser asks, with what its forms have to repeat.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    person: Arc<Person>,
    csrf: Secret,
    /// The same as this answer shows it.
    shown: Masked,
}

impl Browsers {
    /// Lets people sign in, with browsers that reach the server under this address.
    pub fn new(sign_in: SignIn, public_url: PublicUrl) -> Self {
        Self(Some(Arc::new(Door { sign_in, public_url })))
    }

    /// The session of the browser that asks: none when it shows no cookie, or nobody can sign in here.
    pub(crate) async fn recognise(&self, headers: &HeaderMap) -> Result<Option<Recognised>, SignInError> {
        let (Some(door), Some(secret)) = (&self.0, cookies::session(headers)) else { return Ok(None) };
        recognise(&door.sign_in, &secret).await.map(Some)
    }

    /// The same for what a page does by itself, which keeps nobody signed in.
    pub(crate) async fn recognise_page(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Recognised>, SignInError> {
        let (Some(door), Some(secret)) = (&self.0, cookies::session(headers)) else { return Ok(None) };
        recognise_page(&door.sign_in, &secret).await.map(Some)
    }

    /// Whether a request that changes something comes from our own pages, as far as the browser says where it comes from.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Forged> {
        match &self.0 {
            Some(door) => forgery::check_origin(headers, door.public_url.origin()),
            None => Err(Forged::NoOrigin),
        }
    }

    /// The same for a form that needs no session: where nobody can sign in, no address of ours is known, and the browser's word on the site
    /// has to do.
    pub(crate) fn check_site(&self, headers: &HeaderMap) -> Result<(), Forged> {
        match &self.0 {
            Some(door) => forgery::check_origin(headers, door.public_url.origin()),
            None => forgery::check_site(headers),
        }
    }

    /// Whether people can sign in here.
    pub(crate) fn are_let_in(&self) -> bool {
        self.0.is_some()
    }

    /// Whether nobody has to prove anything here: pages say so, loudly.
    pub(crate) fn are_developers(&self) -> bool {
        self.0.as_ref().is_some_and(|door| matches!(door.sign_in.way, Way::Development(_)))
    }

    fn door(&self) -> Result<&Door, SignInError> {
        self.0.as_deref().ok_or(SignInError::NotOffered)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // Whoever the gate let in by a bearer token has no session.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::of(&SignInError::NotSignedIn))
    }
}

impl SignedIn {
    pub(crate) fn of(recognised: &Recognised, entropy: &dyn Entropy) -> Self {
        let session = &recognised.session;
        let (person, csrf) = (Arc::new(session.person.clone()), session.csrf.clone());
        Self { person, shown: csrf.masked(entropy), csrf }
    }

    /// Who.
    pub(crate) fn person(&self) -> &Person {
        &self.person
    }

    /// What a script of our pages sends as `X-CSRF-Token`, and a form as `csrf_token`: another text in every answer, all of which are good as
    /// long as the session.
    pub(crate) fn csrf_token(&self) -> &str {
        self.shown.expose()
    }

    /// The same as a field of a form.
    pub(crate) fn csrf_field(&self) -> Markup {
        html! { input type="hidden" name=(forgery::FIELD) value=(self.csrf_token()); }
    }

    /// Whether a token that came along is this session's.
    pub(crate) fn check_token(&self, token: Option<&str>) -> Result<(), Forged> {
        forgery::check_token(token, &self.csrf)
    }
}

/// Where a browser is sent that has to sign in first, to come back to this path afterwards.
pub(crate) fn sign_in_path(return_to: &str) -> String {
    format!("{SIGN_IN}?return_to={}", encoded(return_to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_come_back_to_is_one_value() {
        assert_eq!(
            sign_in_path("/approvals?state=requested&q=a b#top"),
            "/sign-in?return_to=%2Fapprovals%3Fstate%3Drequested%26q%3Da%20b%23top"
        );
    }
}
