//! `POST /settings`: how this browser wants its pages. Kept in two cookies that mean nothing to anybody else.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_kernel::Language;

use super::form::Form;
use super::visitor::{LANGUAGE, THEME, Theme};
use crate::api::{Answer, Api};

/// A year in seconds.
const KEPT_S: u32 = 31_536_000;

pub(super) async fn change(State(_): State<Api>, mut form: Form) -> Answer<Response> {
    form.only(&["language", "theme", "return_to"])?;
    let language = form.text("language").and_then(|tag| tag.parse::<Language>().ok());
    let theme = form.text("theme").as_deref().and_then(Theme::parse);
    let back = form.text("return_to").unwrap_or_default();
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    let chosen = [(LANGUAGE, language.map(Language::tag)), (THEME, theme.map(Theme::as_str))];
    for (name, value) in chosen {
        let Some(value) = value else { continue };
        let cookie = format!("{name}={value}; Path=/; Max-Age={KEPT_S}; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    headers.insert(header::LOCATION, same_site(&back));
    Ok(response)
}

/// A path of ours, or the first page: nobody is led elsewhere.
pub(super) fn same_site(path: &str) -> HeaderValue {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let path = if ours { path } else { "/" };
    HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        assert_eq!(same_site("/requests/1?x=2"), "/requests/1?x=2");
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:x",
            "/a\nb",
            "/\tb",
            "requests",
        ] {
            assert_eq!(same_site(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
