//! The document as it is, and as a page to browse: rendered here, without a script and without anything from elsewhere.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(super::openapi::document);
static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
static PAGE: LazyLock<String> = LazyLock::new(|| render(&DOCUMENT).into_string());

const STYLE: &str = include_str!("page/docs.css");

/// The page needs its own style sheet and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /api/v1/openapi.json`.
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// `GET /api/v1/docs`.
pub(super) async fn show() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGE.as_str()).into_response()
}

/// `GET /api/v1/docs.css`.
pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

fn render(document: &Value) -> Markup {
    let tags = document["tags"].as_array().into_iter().flatten();
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(&document["info"]["title"])) " API" }
                link rel="stylesheet" href="docs.css";
            }
            body {
                header {
                    h1 { (text(&document["info"]["title"])) " API " small { "v" (text(&document["info"]["version"])) } }
                    p { (text(&document["info"]["description"])) }
                    p { a href="openapi.json" { "The OpenAPI document" } }
                }
                main {
                    @for tag in tags {
                        section {
                            h2 { (text(&tag["name"])) }
                            p { (text(&tag["description"])) }
                            @for (method, path, operation) in operations(document, text(&tag["name"])) {
                                (shown(method, path, operation))
                            }
                        }
                    }
                    section {
                        h2 { "Schemas" }
                        @for (name, schema) in schemas {
                            details id=(name) {
                                summary { code { (name) } " " (text(&schema["description"])) }
                                pre { (pretty(schema)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The operations of a tag.
fn operations<'d>(document: &'d Value, tag: &str) -> Vec<(&'d str, &'d str, &'d Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"][0] == tag {
                found.push((method.as_str(), path.as_str(), operation));
            }
        }
    }
    found
}

fn shown(method: &str, path: &str, operation: &Value) -> Markup {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let answers = operation["responses"].as_object().into_iter().flatten();
    let body = &operation["requestBody"]["content"]["application/json"];
    let answer = &operation["responses"]["200"]["content"]["application/json"];
    html! {
        details id=(text(&operation["operationId"])) {
            summary { code { (method.to_uppercase()) " " (path) } " " (text(&operation["summary"])) }
            p { (text(&operation["description"])) }
            table {
                @for parameter in parameters {
                    tr {
                        td { code { (text(&parameter["name"])) } }
                        td { (text(&parameter["in"])) }
                        td { (text(&parameter["description"])) }
                    }
                }
            }
            @if !body.is_null() { h3 { "Request" } pre { (pretty(&body["example"])) } }
            h3 { "Answer" }
            pre { (pretty(&answer["example"])) }
            table {
                @for (status, response) in answers {
                    tr { td { code { (status) } } td { (text(&response["description"])) } }
                }
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
