//! What every answer has in common: its name, its form, its limits, its size on the wire.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use countersign_transport_http::{HttpSettings, Operations, Readiness, ReadinessCheck, router};
use countersign_usecases::access::Role;
use serde_json::json;
use tower::ServiceExt as _;

use crate::support::{DOCUMENT, call, deps, operations, world, world_with};

#[tokio::test]
async fn a_request_is_named_by_its_caller_or_by_us() {
    let world = world().await;
    let mut named = call(Method::GET, "alice", "/api/v1/policy", None);
    named.headers_mut().insert("x-request-id", "from-the-proxy.1".parse().unwrap());
    assert_eq!(world.send(named).await.headers["x-request-id"], "from-the-proxy.1");
    for unpresentable in ["", "two words", &"x".repeat(65)] {
        let mut request = call(Method::GET, "mallory", "/api/v1/policy", None);
        request.headers_mut().insert("x-request-id", unpresentable.parse().unwrap());
        let answered = world.send(request).await;
        assert_eq!(answered.refused(401), "unauthenticated");
        assert_eq!(answered.headers["x-request-id"].len(), 32);
        assert_eq!(answered.headers[header::WWW_AUTHENTICATE], "Bearer");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems_too() {
    let world = world().await;
    for path in ["/api", "/api/", "/api/v1/approval", "/api/v2/approvals", "/api/v1/approvals/x/y"] {
        assert_eq!(world.get("alice", path).await.refused(404), "unknown_path", "{path}");
    }
    let answered = world.send(call(Method::DELETE, "alice", "/api/v1/approvals", None)).await;
    assert_eq!(answered.refused(405), "method_not_allowed");
    assert_eq!(answered.headers[header::ALLOW], "GET,HEAD");
    assert_eq!(answered.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(
        answered.body["type"],
        "https://github.com/countersign-dev/countersign/blob/main/docs/errors/method_not_allowed.md"
    );
}

#[tokio::test]
async fn a_caller_may_ask_so_often_and_each_for_themselves() {
    let settings =
        HttpSettings { requests_per_minute: NonZeroU32::new(3).unwrap(), ..HttpSettings::default() };
    let world = world_with(settings).await;
    for _ in 0..3 {
        world.get("alice", "/api/v1/policy").await.ok();
    }
    let refused = world.get("alice", "/api/v1/policy").await;
    assert_eq!(
        (refused.refused(429), refused.headers[header::RETRY_AFTER].to_str().unwrap()),
        ("rate_limited", "20")
    );
    world.get("bob", "/api/v1/policy").await.ok();
}

#[tokio::test]
async fn a_forged_request_is_counted_before_its_form_is_read() {
    let settings =
        HttpSettings { requests_per_minute: NonZeroU32::new(3).unwrap(), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let browser = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let forged = || {
        let mut request = browser.sends(call(Method::POST, "", "/api/v1/policy/explain", Some(json!({}))));
        request.headers_mut().remove("x-csrf-token");
        request
    };
    for _ in 0..3 {
        assert_eq!(world.send(forged()).await.refused(403), "request_forged");
    }
    assert_eq!(world.send(forged()).await.refused(429), "rate_limited");
    // A form that never ends isn't waited for.
    let mut endless = forged();
    let kind = "application/x-www-form-urlencoded".parse().unwrap();
    endless.headers_mut().insert(header::CONTENT_TYPE, kind);
    let never = tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let endless = endless.map(|_| Body::from_stream(never));
    assert_eq!(world.send(endless).await.refused(429), "rate_limited");
}

#[tokio::test]
async fn a_batch_counts_as_often_as_it_decides() {
    let settings =
        HttpSettings { requests_per_minute: NonZeroU32::new(4).unwrap(), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let mut decisions = Vec::new();
    for name in ["orders", "stock", "carts"] {
        let id = world.ask(name).await;
        let seen = world.digest(id).await;
        decisions.push(json!({"id": id.to_string(), "decision": "deny", "seen_digest": seen}));
    }
    let body = json!({"decisions": decisions});
    world.post("alice", "/api/v1/approvals/batch-decision", body.clone()).await.ok();
    let refused = world.post("alice", "/api/v1/approvals/batch-decision", body).await;
    assert_eq!(refused.refused(429), "rate_limited", "one was left, and three are asked for");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let settings = HttpSettings { request_timeout: Duration::from_millis(20), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let never = Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/api/v1/policy/explain")
        .header(header::AUTHORIZATION, "Bearer alice")
        .header(header::CONTENT_TYPE, "application/json");
    let refused = world.send(request.body(never).unwrap()).await;
    assert_eq!(
        (refused.refused(503), refused.headers[header::RETRY_AFTER].to_str().unwrap()),
        ("request_timeout", "1")
    );
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_take_it() {
    let world = world().await;
    let request = |encoding: &str| {
        let request = Request::get("/api/v1/openapi.json").header(header::ACCEPT_ENCODING, encoding);
        world.app.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let plain = request("identity").await.unwrap();
    assert!(plain.headers().get(header::CONTENT_ENCODING).is_none());
    let small = request("gzip").await.unwrap();
    assert_eq!(small.headers()[header::CONTENT_ENCODING], "gzip");
    let (plain, small) = (
        to_bytes(plain.into_body(), usize::MAX).await.unwrap(),
        to_bytes(small.into_body(), usize::MAX).await.unwrap(),
    );
    assert!(small.len() * 4 < plain.len(), "{} of {}", small.len(), plain.len());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&plain).unwrap(), *DOCUMENT);
}

#[tokio::test]
async fn a_store_that_is_gone_is_said_to_be_and_nothing_of_it_leaks() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.store.set_unreachable(true);
    for path in [
        "/api/v1/approvals".to_owned(),
        format!("/api/v1/approvals/{id}"),
        "/api/v1/runs".to_owned(),
        "/api/v1/policy".to_owned(),
    ] {
        let refused = world.get("alice", &path).await;
        assert_eq!(
            (refused.refused(503), refused.headers[header::RETRY_AFTER].to_str().unwrap()),
            ("store_unavailable", "1"),
            "{path}"
        );
        assert!(!refused.body.to_string().contains("the test made"), "{:#}", refused.body);
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_loads_nothing_from_elsewhere() {
    let world = world().await;
    let fetch = async |path: &str| {
        let answer =
            world.app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        assert_eq!(parts.status, StatusCode::OK, "{path}");
        let text = to_bytes(body, usize::MAX).await.unwrap();
        (parts.headers, String::from_utf8(text.to_vec()).unwrap())
    };
    let (headers, page) = fetch("/api/v1/docs").await;
    assert!(
        headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'; style-src 'self'")
    );
    assert!(!page.contains("<script") && !page.contains(" style=") && !page.contains("src="));
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(page.contains(&format!("{} {path}", method.to_uppercase())), "{method} {path}");
            assert!(page.contains(operation["summary"].as_str().unwrap()), "{path}");
        }
    }
    let (headers, style) = fetch("/api/v1/docs.css").await;
    assert_eq!(headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(!style.contains("url(") && !style.contains("@import"));
}

#[tokio::test]
async fn health_readiness_and_metrics_need_no_token_and_are_counted_for_nobody() {
    let settings =
        HttpSettings { requests_per_minute: NonZeroU32::new(1).unwrap(), ..HttpSettings::default() };
    let world = world_with(settings).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        for who in ["", "", "mallory"] {
            let answered = world.send(call(Method::GET, who, path, None)).await;
            assert_eq!(answered.status, StatusCode::OK, "{path}");
            assert_eq!(answered.headers["x-request-id"].len(), 32, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_for_health_is_a_problem_too() {
    let world = world().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let mut request = call(Method::POST, "", path, None);
        request.headers_mut().insert("x-request-id", "probe-1".parse().unwrap());
        let answered = world.send(request).await;
        assert_eq!(answered.refused(405), "method_not_allowed", "{path}");
        assert_eq!(answered.headers[header::ALLOW], "GET,HEAD", "{path}");
        assert_eq!(answered.headers["x-request-id"], "probe-1", "{path}");
    }
}

/// A server that can't take calls.
struct NotReady;

#[async_trait]
impl Readiness for NotReady {
    async fn check(&self) -> Vec<ReadinessCheck> {
        vec![ReadinessCheck { name: "store", ok: false, detail: "it is away".to_owned() }]
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_why_in_its_own_form() {
    let world = world().await;
    let operations = Operations { readiness: Arc::new(NotReady), ..operations() };
    let app = router(operations, deps(world.services.clone(), HttpSettings::default()));
    let answered = app.oneshot(call(Method::GET, "", "/readyz", None)).await.unwrap();
    assert_eq!(answered.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answered.headers()[header::CONTENT_TYPE], "application/json");
    let body = to_bytes(answered.into_body(), usize::MAX).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["checks"][0]["detail"], "it is away");
}
