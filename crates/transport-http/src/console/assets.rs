//! What the pages load: one style sheet, one script, one icon. Nothing comes from elsewhere.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_kernel::Digest;

/// Where the style sheet stands.
pub(super) const STYLE: &str = "/assets/console.css";
/// Where the script stands.
pub(super) const SCRIPT: &str = "/assets/console.js";
/// Where the icon stands.
pub(super) const ICON: &str = "/assets/icon.svg";

/// A new release brings new ones under the same names: browsers ask whether theirs is still the one.
const CACHE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));

pub(super) async fn style(headers: HeaderMap) -> Response {
    asset(&headers, "text/css; charset=utf-8", include_str!("assets/console.css"))
}

pub(super) async fn script(headers: HeaderMap) -> Response {
    asset(&headers, "text/javascript; charset=utf-8", include_str!("assets/console.js"))
}

pub(super) async fn icon(headers: HeaderMap) -> Response {
    asset(&headers, "image/svg+xml", include_str!("assets/icon.svg"))
}

fn asset(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let opaque = format!("\"{}\"", Digest::of_bytes(text.as_bytes()));
    let known = knows(headers, &opaque);
    // Weak, for the same tag goes with the bytes as they are and with those that are compressed (RFC 9110, section 8.8.1). It does for what
    // browsers ask.
    let tag = [CACHE, (header::ETAG, HeaderValue::try_from(format!("W/{opaque}")).unwrap_or(EMPTY))];
    if known {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// INVARIANT: hex digits in quotes are a header's value, so that this is never needed.
const EMPTY: HeaderValue = HeaderValue::from_static("\"\"");

/// Whether the browser has what this tag is of (RFC 9110, section 13.1.2): weak and strong are told apart by nobody here.
fn knows(headers: &HeaderMap, opaque: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == opaque)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_knows_what_one_of_its_tags_is_of() {
        let knows = |tags: &[&str]| {
            let headers = tags.iter().map(|tag| (header::IF_NONE_MATCH, tag.parse().unwrap()));
            knows(&headers.collect(), "\"0a\"")
        };
        for good in [&["\"0a\""][..], &["W/\"0a\""], &["\"x\", W/\"0a\""], &["\"x\"", "\"0a\""], &["*"]] {
            assert!(knows(good), "{good:?}");
        }
        for other in [&[][..], &[""], &["\"0b\""], &["0a"], &["\"0a"], &["w/\"0a\""]] {
            assert!(!knows(other), "{other:?}");
        }
    }
}
