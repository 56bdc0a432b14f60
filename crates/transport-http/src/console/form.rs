//! What a form of a page sent.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::api::{Answer, Api, Problem};
use crate::multipart::Part;

/// The fields of a form, as often as each was sent.
pub(super) struct Form(Vec<(String, String)>);

impl FromRequest<Api> for Form {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Self::Rejection> {
        let request = request.map(|body| {
            axum::body::Body::new(http_body_util::Limited::new(body, api.settings().max_body_bytes))
        });
        let read = axum::Form::<Vec<(String, String)>>::from_request(request, api).await;
        read.map(|axum::Form(pairs)| Self(pairs)).map_err(|_| {
            Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, "the form can't be read")
        })
    }
}

impl Form {
    /// The typed fields of a form with a file in it.
    pub(super) fn of(parts: Vec<Part>) -> Answer<Self> {
        let text = |part: Part| Some((part.name, String::from_utf8(part.bytes.into()).ok()?));
        parts.into_iter().map(text).collect::<Option<_>>().map(Self).ok_or_else(|| {
            Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, "the form can't be read")
        })
    }

    /// Refuses fields that no form of ours has.
    pub(super) fn only(&mut self, known: &[&str]) -> Answer<()> {
        // A form of somebody who is signed in proves that a page of ours made it; the gate has looked at that. The one of language, theme and
        // keys has no such proof: it is looked at where it comes from.
        self.0.retain(|(name, _)| name != "csrf_token");
        if self.0.iter().all(|(name, _)| known.contains(&name.as_str())) {
            return Ok(());
        }
        Err(Problem::refuse(
            "malformed_request",
            StatusCode::BAD_REQUEST,
            "the form has a field that is not known",
        ))
    }

    /// A field, where it is given.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    /// All values of a field that may come several times.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone()).collect()
    }

    /// The fields as the body of a command of the REST surface, so that both are read by the same rules. Empty fields are absent there.
    /// Line ends are those of the web (CR LF) in a form.
    pub(super) fn as_body(&self, names: &[&str]) -> Value {
        let given = names.iter().filter_map(|name| {
            let text = self.text(name)?.replace("\r\n", "\n");
            (!text.is_empty()).then(|| ((*name).to_owned(), Value::String(text)))
        });
        Value::Object(given.collect::<Map<_, _>>())
    }
}
