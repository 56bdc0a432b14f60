//! What another site makes a browser ask is told from what our own pages ask.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use countersign_usecases::sign_in::Secret;
use subtle::ConstantTimeEq as _;

use crate::multipart::{self, is_multipart};

/// Where a script sends the token.
const HEADER: &str = "x-csrf-token";

/// Where a form sends it.
pub(super) const FIELD: &str = "csrf_token";

/// A request that changes something may be another site's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forged {
    /// The browser says that another site made it ask.
    #[error("the browser says that another site asks (`Sec-Fetch-Site`)")]
    OtherSite,
    /// The page that asks is none of ours.
    #[error("the page that asks (`Origin`) is not of this server's public URL")]
    OtherOrigin,
    /// Nobody can sign in here, so that there are no pages of ours.
    #[error("nobody can sign in here")]
    NoOrigin,
    /// There is no token, or it is another session's.
    #[error(
        "the token of the session is missing or wrong: send `X-CSRF-Token`, or `csrf_token` in a form; reload the page"
    )]
    Token,
}

/// What the browser says about where the request comes from, as far as it says anything: not all do, and programs don't.
pub(super) fn check_origin(headers: &HeaderMap, origin: &str) -> Result<(), Forged> {
    check_site(headers)?;
    if headers.get_all(header::ORIGIN).iter().any(|given| given != origin) {
        return Err(Forged::OtherOrigin);
    }
    Ok(())
}

/// The same where no address of ours is known to compare with.
pub(super) fn check_site(headers: &HeaderMap) -> Result<(), Forged> {
    if headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin") {
        return Err(Forged::OtherSite);
    }
    Ok(())
}

/// Whether the token is the session's, under whatever mask. Without one it is none: no page of ours shows it so.
pub(super) fn check_token(token: Option<&str>, expected: &Secret) -> Result<(), Forged> {
    let token = token.and_then(Secret::unmask);
    let same =
        token.is_some_and(|token| bool::from(token.expose().as_bytes().ct_eq(expected.expose().as_bytes())));
    if same { Ok(()) } else { Err(Forged::Token) }
}

/// The token that came along: in the header, or else in the body of a form. Gives the request back as it was; `None` for one whose body
/// can't be read, or is too big.
pub(crate) async fn token_of(request: Request, most_bytes: usize) -> Option<(Request, Option<String>)> {
    let headers = request.headers();
    if let Some(given) = headers.get(HEADER) {
        let token = given.to_str().ok().map(str::to_owned);
        return Some((request, token));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let has_file = is_multipart(kind);
    if !has_file && !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Some((request, None));
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, most_bytes).await.ok()?;
    let token = if has_file { part(&parts.headers, bytes.clone()).await } else { field(&bytes, FIELD) };
    Some((Request::from_parts(parts, Body::from(bytes)), token))
}

/// The token in a form with a file, where it is given once.
async fn part(headers: &HeaderMap, body: Bytes) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut tokens = multipart::read(kind, body).await?.into_iter().filter(|part| part.name == FIELD);
    let token = tokens.next().filter(|_| tokens.next().is_none())?;
    String::from_utf8(token.bytes.to_vec()).ok()
}

/// A field of a form that is given once. Values that we look for have no character that is encoded.
pub(super) fn field(form: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(form).ok()?;
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use countersign_usecases::port::Entropy;

    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0x5a);
        }
    }

    const OURS: &str = "https://countersign.example";

    fn checked(headers: &[(&str, &str)]) -> Result<(), Forged> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        check_origin(&headers.collect::<HeaderMap>(), OURS)
    }

    fn of(name: &'static str) -> axum::http::HeaderName {
        axum::http::HeaderName::from_static(name)
    }

    #[test]
    fn what_the_browser_says_has_to_fit() {
        assert_eq!(checked(&[]), Ok(()), "a program says nothing");
        assert_eq!(checked(&[("sec-fetch-site", "same-origin"), ("origin", OURS)]), Ok(()));
        for site in ["same-site", "cross-site", "none", ""] {
            assert_eq!(
                checked(&[("sec-fetch-site", site), ("origin", OURS)]),
                Err(Forged::OtherSite),
                "{site}"
            );
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "https://countersign.example.evil.example",
            "http://countersign.example",
        ] {
            assert_eq!(checked(&[("origin", origin)]), Err(Forged::OtherOrigin), "{origin}");
        }
        let mut twice = HeaderMap::new();
        twice.append(of("origin"), OURS.parse().unwrap());
        twice.append(of("origin"), "https://evil.example".parse().unwrap());
        assert_eq!(check_origin(&twice, OURS), Err(Forged::OtherOrigin));
    }

    #[test]
    fn a_token_is_the_session_s_or_none() {
        let [expected, another] = ["a", "b"].map(|letter| Secret::parse(&letter.repeat(43)).unwrap());
        let masked = |secret: &Secret| secret.masked(&Fixed).expose().to_owned();
        assert_eq!(check_token(Some(&masked(&expected)), &expected), Ok(()));
        for other in [None, Some(""), Some("b"), Some(expected.expose()), Some(&*masked(&another))] {
            assert_eq!(check_token(other, &expected), Err(Forged::Token), "{other:?}");
        }
    }

    #[test]
    fn a_field_given_twice_is_none() {
        assert_eq!(field(b"a=1&csrf_token=x&b=2", FIELD).as_deref(), Some("x"));
        assert_eq!(field(b"csrf_token=x&csrf_token=y", FIELD), None);
        assert_eq!(field(b"xcsrf_token=x", FIELD), None);
        assert_eq!(field(&[0xff, b'=', b'x'], FIELD), None);
    }
}
