//! The console without a script: what staff read and do.

mod acting;
mod harmless;
mod reading;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use countersign_kernel::RequestId;
use scraper::{ElementRef, Html, Selector};
use tower::ServiceExt as _;

use crate::support::{Browser, World, call};

/// A page as a browser reads it.
pub(super) struct Shown {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) source: String,
    html: Html,
}

impl Shown {
    /// The elements that a selector names.
    pub(super) fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        self.html.select(&Selector::parse(selector).unwrap()).collect()
    }

    /// The text of the one element that a selector names.
    #[track_caller]
    pub(super) fn text(&self, selector: &str) -> String {
        let found = self.all(selector);
        assert_eq!(found.len(), 1, "{} of `{selector}` in {}", found.len(), self.source);
        words(found[0])
    }

    /// The texts of all elements that a selector names.
    pub(super) fn texts(&self, selector: &str) -> Vec<String> {
        self.all(selector).into_iter().map(words).collect()
    }

    /// The fields of the form that goes to this address, as a browser would send them with this button.
    #[track_caller]
    pub(super) fn form(&self, action: &str) -> Vec<(String, String)> {
        let form = format!("form[action='{action}'] input");
        let fields = format!("{form}[type=hidden], {form}[type=checkbox][checked]");
        let value = |element: ElementRef<'_>, name| element.attr(name).unwrap_or_default().to_owned();
        assert!(
            !self.all(&format!("form[action='{action}']")).is_empty(),
            "no form `{action}` in {}",
            self.source
        );
        let mut seen = Vec::new();
        for field in self.all(&fields) {
            let pair = (value(field, "name"), value(field, "value"));
            if !seen.contains(&pair) {
                seen.push(pair);
            }
        }
        seen
    }

    #[track_caller]
    pub(super) fn good(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.source);
        self
    }

    /// Where the browser is sent.
    #[track_caller]
    pub(super) fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.source);
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

fn words(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl World {
    pub(super) async fn page(&self, who: &str, path: &str) -> Shown {
        self.shown(call(Method::GET, who, path, None)).await
    }

    pub(super) async fn page_in(&self, language: &str, who: &str, path: &str) -> Shown {
        let mut request = call(Method::GET, who, path, None);
        request.headers_mut().insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
        self.shown(request).await
    }

    /// Sends a form.
    pub(super) async fn submit(&self, who: &str, path: &str, fields: &[(&str, &str)]) -> Shown {
        self.shown(form(call(Method::POST, who, path, None), fields)).await
    }

    /// Sends a form in this language.
    pub(super) async fn submit_in(
        &self,
        language: &str,
        who: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Shown {
        let mut request = form(call(Method::POST, who, path, None), fields);
        request.headers_mut().insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
        self.shown(request).await
    }

    /// A page as a browser with a session gets it.
    pub(super) async fn page_of(&self, browser: &Browser, path: &str) -> Shown {
        self.shown(browser.shows(call(Method::GET, "", path, None))).await
    }

    /// Sends a form from a browser with a session, which adds nothing but its cookie.
    pub(super) async fn submit_of(&self, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Shown {
        self.shown(browser.shows(form(call(Method::POST, "", path, None), fields))).await
    }

    /// Presses a button of the form that this page has for the address.
    pub(super) async fn press(&self, who: &str, page: &Shown, action: &str, typed: &[(&str, &str)]) -> Shown {
        let hidden = page.form(action);
        let mut fields: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.retain(|(name, _)| !typed.iter().any(|(other, _)| other == name));
        fields.extend_from_slice(typed);
        self.submit(who, action, &fields).await
    }

    /// Opens the page of a request and presses a button of its form for deciding.
    pub(super) async fn press_on(&self, who: &str, id: RequestId, decision: &str, reason: &str) -> Shown {
        let page = self.page(who, &format!("/requests/{id}")).await.good();
        let typed = [("decision", decision), ("reason", reason)];
        self.press(who, &page, &format!("/requests/{id}/decision"), &typed).await
    }

    pub(super) async fn shown(&self, request: Request<Body>) -> Shown {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let source = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let html = Html::parse_document(&source);
        Shown { status: parts.status, headers: parts.headers, source, html }
    }
}

fn form(mut request: Request<Body>, fields: &[(&str, &str)]) -> Request<Body> {
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    let kind = "application/x-www-form-urlencoded".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    request.map(|_| Body::from(pairs.join("&")))
}

/// As forms escape it (<https://url.spec.whatwg.org/#urlencoded-serializing>).
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
