//! Entity tags: a request's version with the beginning of its plan's digest.

use axum::http::{HeaderName, HeaderValue, header};
use countersign_approvals::ActionRequest;

/// The tag of a request as it is.
pub(super) fn of(request: &ActionRequest) -> String {
    format!("\"{}-{}\"", request.version, request.proposal.plan_digest.short())
}

/// The header that carries it.
pub(super) fn header_of(request: &ActionRequest) -> [(HeaderName, HeaderValue); 1] {
    // INVARIANT: digits, a dash and hex digits in quotes are a header's value.
    let value = HeaderValue::from_str(&of(request)).unwrap_or(HeaderValue::from_static("\"\""));
    [(header::ETAG, value)]
}

/// The version a strong tag speaks of.
pub(super) fn version(tag: &str) -> Option<u64> {
    let (version, plan) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
    let plain = !plan.is_empty() && plan.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    if plain { version.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_of_requests_are_read() {
        assert_eq!(version("\"7-0a1b2c\""), Some(7));
        for bad in ["", "7-0a", "\"7\"", "\"x-0a\"", "W/\"7-0a\"", "\"7-\"", "\"7-0a\", \"8-0a\""] {
            assert_eq!(version(bad), None, "{bad}");
        }
    }
}
