//! What every answer tells browsers not to do with it.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Pages are made of our own files, without inline scripts or styles; nobody frames them, and forms go nowhere else. Recordings are played
/// from memory (`blob:`).
const CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
media-src 'self' blob:; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The microphone is for answers by voice.
const PERMISSIONS: &str =
    "microphone=(self), camera=(), geolocation=(), payment=(), usb=(), display-capture=()";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds them. What a page says of itself, being stricter, stays.
pub(crate) async fn add(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
