//! Two cookies: the secret of the session, and that of the browser's attempts to sign in.
//!
//! The prefix `__Host-` makes browsers take them only from this very host, over TLS or from the machine itself, for all paths: no other
//! host of the domain can plant one. Chromium and Firefox count `http://localhost` and `http://127.0.0.1` as safe enough for `Secure`, so
//! that the development login works there; Safari doesn't. No script sees them, and other sites' forms and scripts don't send them
//! (`Lax`: a link to us does).

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use countersign_usecases::sign_in::Secret;
use countersign_usecases::sign_in::attempt::ATTEMPT_LASTS;

use crate::cookie::values;

const SESSION: &str = "__Host-countersign";
const ATTEMPT: &str = "__Host-countersign-sign-in";

const FLAGS: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// Whether the browser shows a session, good or not.
pub(crate) fn has_session(headers: &HeaderMap) -> bool {
    values(headers, SESSION).next().is_some()
}

/// The secret of the session.
pub(super) fn session(headers: &HeaderMap) -> Option<Secret> {
    secret(headers, SESSION)
}

/// The secret of the attempts.
pub(super) fn attempt(headers: &HeaderMap) -> Option<Secret> {
    secret(headers, ATTEMPT)
}

/// Gives the browser the secret of its session. It keeps it until it is closed; how long the session lasts is our business.
pub(crate) fn add_session(response: &mut Response, secret: &Secret) {
    add(response, format!("{SESSION}={}; {FLAGS}", secret.expose()));
}

/// Takes it away again.
///
/// Only for a browser that signs out: one whose session is not found may be a late request that carries the secret before, while the new
/// one is in the browser already.
pub(super) fn remove_session(response: &mut Response) {
    add(response, format!("{SESSION}=; {FLAGS}; Max-Age=0"));
}

/// Gives the browser the secret of its attempts, for as long as one lasts.
pub(super) fn add_attempt(response: &mut Response, secret: &Secret) {
    let lasts_s = ATTEMPT_LASTS.whole_secs();
    add(response, format!("{ATTEMPT}={}; {FLAGS}; Max-Age={lasts_s}", secret.expose()));
}

fn add(response: &mut Response, cookie: String) {
    // INVARIANT: names, secrets and flags are ASCII without control characters, so that this is always a header's value.
    if let Ok(mut value) = HeaderValue::from_str(&cookie) {
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// A browser has one cookie of each name. Two are somebody's trick, and as good as none.
fn secret(headers: &HeaderMap, name: &'static str) -> Option<Secret> {
    let mut values = values(headers, name);
    values.next().filter(|_| values.next().is_none()).and_then(Secret::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let text = "a".repeat(43);
        let found = |lines: &[&str]| session(&headers(lines)).map(|secret| secret.expose().to_owned());
        let ours = format!("{SESSION}={text}");
        assert_eq!(found(&[&ours]), Some(text.clone()));
        assert_eq!(found(&["theme=dark", &format!("x=1; {ours};y=2")]), Some(text.clone()));
        let others = [
            format!("countersign={text}"),
            format!("x{ours}"),
            format!("{ATTEMPT}={text}"),
            SESSION.to_owned(),
        ];
        for other in others {
            assert_eq!(found(&[&other]), None, "{other}");
        }
        assert_eq!(found(&[&format!("{SESSION}=short")]), None);
        assert_eq!(found(&[&format!("{ours}; {ours}")]), None, "two are none");
        assert!(has_session(&headers(&[&format!("{SESSION}=short")])), "shown, and not good");
    }
}
