//! `POST /settings`: how this browser wants its pages. Kept in cookies that mean nothing to anybody else.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use countersign_kernel::Language;
use countersign_usecases::sign_in::ReturnTo;

use super::decide::see;
use super::form::Form;
use super::visitor::{KEYS, Keys, LANGUAGE, THEME, Theme};
use crate::api::{Answer, Api};

/// A year in seconds.
const KEPT_S: u32 = 31_536_000;

pub(super) async fn change(State(_): State<Api>, mut form: Form) -> Answer<Response> {
    form.only(&["language", "theme", "keys", "return_to"])?;
    let language = form.text("language").and_then(|tag| tag.parse::<Language>().ok());
    let theme = form.text("theme").as_deref().and_then(Theme::parse);
    let keys = form.text("keys").as_deref().and_then(Keys::parse);
    let mut response = back_to(form.text("return_to").as_deref());
    let headers = response.headers_mut();
    let chosen = [
        (LANGUAGE, language.map(Language::tag)),
        (THEME, theme.map(Theme::as_str)),
        (KEYS, keys.map(Keys::as_str)),
    ];
    for (name, value) in chosen {
        let Some(value) = value else { continue };
        let cookie = format!("{name}={value}; Path=/; Max-Age={KEPT_S}; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

/// On to a path of ours, or to the first page: nobody is led elsewhere.
fn back_to(path: Option<&str>) -> Response {
    see(ReturnTo::of(path).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        let led = |path: &str| back_to(Some(path)).headers()[header::LOCATION].clone();
        assert_eq!(led("/requests/1?x=2"), "/requests/1?x=2");
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
            assert_eq!(led(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
