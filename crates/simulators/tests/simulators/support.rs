//! A small HTTP client that keeps status, headers and body together.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

pub(crate) struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or("")
    }
}

impl Api {
    pub(crate) fn new(base: &str, token: Option<&str>) -> Self {
        Self { client: client("countersign-tests/1"), base: base.to_owned(), token: token.map(str::to_owned) }
    }

    pub(crate) fn without_user_agent(base: &str, token: &str) -> Self {
        Self { client: client(""), base: base.to_owned(), token: Some(token.to_owned()) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Value::Null).await.expect("an answer")
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some("application/json"), body).await.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body).await.expect("an answer")
    }

    pub(crate) async fn delete(&self, path: &str, body: Value) -> Answer {
        self.send(Method::DELETE, path, Some("application/json"), body).await.expect("an answer")
    }

    pub(crate) async fn patch(&self, path: &str, content_type: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(content_type), body).await.expect("an answer")
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Value,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        if let Value::String(raw) = body {
            request = request.body(raw);
        } else if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers): (StatusCode, HeaderMap) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status: status.as_u16(), headers, body, text })
    }
}

fn client(user_agent: &str) -> Client {
    // Another test may have installed it before; which of the two did is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().timeout(Duration::from_millis(1_500)).pool_max_idle_per_host(0);
    let builder = if user_agent.is_empty() { builder } else { builder.user_agent(user_agent) };
    builder.build().expect("a client")
}
