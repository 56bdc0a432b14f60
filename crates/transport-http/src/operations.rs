//! Health, readiness and metrics, for whoever runs the server. They ask for no token: a proxy in front lets nobody else through to them.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Serialize;

use crate::api::AsItIs;

/// One thing that readiness depends on, or that those who watch should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadinessCheck {
    /// What was looked at: `store`, `policy`, `warrants`, `sign_in`.
    pub name: &'static str,
    /// Whether the server can do its work as far as this goes.
    pub ok: bool,
    /// What was seen, in words.
    pub detail: String,
}

/// Tells whether this replica can take calls.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Looks at everything a call needs.
    async fn check(&self) -> Vec<ReadinessCheck>;
}

/// Gives all metrics in the Prometheus text format.
pub trait Metrics: Send + Sync {
    /// The text, version 0.0.4 of the format.
    fn render(&self) -> String;
}

/// What the routes need.
#[derive(Clone)]
pub struct Operations {
    /// Tells whether this replica can take calls.
    pub readiness: Arc<dyn Readiness>,
    /// Gives the metrics.
    pub metrics: Arc<dyn Metrics>,
}

#[derive(Serialize)]
struct ReadinessBody {
    ready: bool,
    checks: Vec<ReadinessCheck>,
}

/// `GET /healthz`, `GET /readyz`, `GET /metrics`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(operations: Operations) -> Router<S> {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(operations)
}

async fn ready(State(operations): State<Operations>) -> Response {
    let checks = operations.readiness.check().await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // What is missing is said here, not as a problem.
    (status, Extension(AsItIs), Json(ReadinessBody { ready, checks })).into_response()
}

async fn metrics(State(operations): State<Operations>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, operations.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    struct Fixed(bool);

    #[async_trait]
    impl Readiness for Fixed {
        async fn check(&self) -> Vec<ReadinessCheck> {
            vec![ReadinessCheck { name: "store", ok: self.0, detail: "looked".to_owned() }]
        }
    }

    impl Metrics for Fixed {
        fn render(&self) -> String {
            "countersign_up 1\n".to_owned()
        }
    }

    async fn get(path: &str, ok: bool) -> (StatusCode, String) {
        let operations = Operations { readiness: Arc::new(Fixed(ok)), metrics: Arc::new(Fixed(ok)) };
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router::<()>(operations).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_says_what_is_missing() {
        assert_eq!(get("/readyz", true).await.0, StatusCode::OK);
        let (status, body) = get("/readyz", false).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, r#"{"ready":false,"checks":[{"name":"store","ok":false,"detail":"looked"}]}"#);
    }

    #[tokio::test]
    async fn health_and_metrics_answer_even_when_not_ready() {
        assert_eq!(get("/healthz", false).await, (StatusCode::OK, "ok".to_owned()));
        assert_eq!(get("/metrics", false).await, (StatusCode::OK, "countersign_up 1\n".to_owned()));
        assert_eq!(get("/elsewhere", true).await.0, StatusCode::NOT_FOUND);
    }
}
