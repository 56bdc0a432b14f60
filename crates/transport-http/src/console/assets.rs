//! What the pages load: one style sheet, one script, one icon. Nothing comes from elsewhere.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// Where the style sheet stands.
pub(super) const STYLE: &str = "/assets/console.css";
/// Where the script stands.
pub(super) const SCRIPT: &str = "/assets/console.js";
/// Where the icon stands.
pub(super) const ICON: &str = "/assets/icon.svg";

/// A new release brings new ones under the same names: browsers ask whether theirs is still the one.
const CACHE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("assets/console.css"))
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("assets/console.js"))
}

pub(super) async fn icon() -> Response {
    asset("image/svg+xml", include_str!("assets/icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (CACHE, [(header::CONTENT_TYPE, kind)], text).into_response()
}
