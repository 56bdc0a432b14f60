//! Failing on command, as the caller feels it and as the journal tells it.

use std::time::Duration;

use countersign_simulators::{
    Behaviour, FaultRule, KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api};

const SECRETS: &str = "/api/v1/namespaces/shop/secrets";

async fn start() -> (KubernetesSimulator, Api) {
    let kubernetes = KubernetesSimulator::start(KubernetesConfig {
        tokens: vec![KubernetesToken {
            token: "admin".into(),
            username: "admin".into(),
            rules: vec![KubernetesRule::everything()],
        }],
        namespaces: vec!["shop".into()],
        ..KubernetesConfig::default()
    })
    .await
    .expect("a simulator");
    let api = Api::new(&kubernetes.url(), Some("admin"));
    (kubernetes, api)
}

async fn create(api: &Api, name: &str) -> Result<Answer, reqwest::Error> {
    let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name } });
    api.send(Method::POST, SECRETS, Some("application/json"), body).await
}

#[tokio::test]
async fn a_connection_dropped_before_handling_leaves_nothing() {
    let (kubernetes, api) = start().await;
    kubernetes.fail_next("POST", "**", Behaviour::DropBeforeHandling);
    let error = create(&api, "a").await.expect_err("no answer");
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert!(kubernetes.journal().is_empty());
    assert_eq!(create(&api, "a").await.unwrap().status, 201, "the rule is spent");
}

#[tokio::test]
async fn a_reply_cut_after_the_write_leaves_the_write() {
    let (kubernetes, api) = start().await;
    kubernetes.fail_next("POST", "**", Behaviour::DropAfterHandling);
    create(&api, "a").await.expect_err("no answer");
    assert_eq!(kubernetes.journal().len(), 1);
    assert_eq!(kubernetes.requests()[0].status, None);
    assert_eq!(create(&api, "a").await.unwrap().status, 409, "it is there");
}

#[tokio::test]
async fn a_hang_times_out_and_leaves_nothing_or_the_write() {
    let (kubernetes, api) = start().await;
    kubernetes.fail_next("POST", "**", Behaviour::Hang { for_ms: 60_000 });
    assert!(create(&api, "a").await.expect_err("no answer").is_timeout());
    assert!(kubernetes.journal().is_empty());
    kubernetes.fail_next("POST", "**", Behaviour::HangAfterHandling { for_ms: 60_000 });
    assert!(create(&api, "a").await.expect_err("no answer").is_timeout());
    assert_eq!(kubernetes.journal().len(), 1);
    kubernetes.fail_next("GET", "**", Behaviour::Hang { for_ms: 50 });
    let error = api.send(Method::GET, SECRETS, None, Value::Null).await.expect_err("no answer");
    assert!(!error.is_timeout(), "it ends by itself: {error:?}");
}

#[tokio::test]
async fn a_delayed_request_is_handled_even_if_the_caller_has_left() {
    let (kubernetes, api) = start().await;
    kubernetes.fail_next("POST", "**", Behaviour::Delay { for_ms: 100 });
    assert_eq!(create(&api, "a").await.unwrap().status, 201);
    kubernetes.fail_next("POST", "**", Behaviour::Delay { for_ms: 1_900 });
    assert!(create(&api, "b").await.expect_err("no answer").is_timeout());
    assert_eq!(kubernetes.journal().len(), 1, "not yet");
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(kubernetes.journal().len(), 2, "but then");
}

#[tokio::test]
async fn error_answers_have_the_shape_of_the_service() {
    let (kubernetes, api) = start().await;
    let cases = [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (409, "Conflict"),
        (422, "Invalid"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
    ];
    for (status, reason) in cases {
        kubernetes.fail_next("GET", SECRETS, Behaviour::status(status));
        let answer = api.get(SECRETS).await;
        assert_eq!((answer.status, answer.body["reason"].as_str()), (status, Some(reason)));
        assert_eq!((&answer.body["kind"], &answer.body["code"]), (&json!("Status"), &json!(status)));
    }
    kubernetes.fail_next("GET", SECRETS, Behaviour::status_retry_after(429, 7));
    let answer = api.get(SECRETS).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "7"));
    assert_eq!(answer.body["details"]["retryAfterSeconds"], 7);
    assert_eq!(api.get(SECRETS).await.status, 200);
}

#[tokio::test]
async fn rules_are_given_listed_and_cleared_over_http() {
    let (kubernetes, api) = start().await;
    let rule = json!({
        "method": "*", "path": "/api/**", "skip": 1, "times": 2,
        "behaviour": { "kind": "answer", "status": 403, "message": "exceeded quota: secrets" },
    });
    assert_eq!(api.post("/_simulator/fail", rule.clone()).await.status, 204);
    let listed = api.get("/_simulator/fail").await.body;
    assert_eq!(listed[0]["path"], "/api/**");
    let seen =
        [api.get(SECRETS).await, api.get(SECRETS).await, api.get(SECRETS).await, api.get(SECRETS).await];
    assert_eq!(seen.each_ref().map(|answer| answer.status), [200, 403, 403, 200]);
    assert_eq!(seen[1].message(), "exceeded quota: secrets");
    assert_eq!(api.post("/_simulator/fail", rule).await.status, 204);
    assert_eq!(api.delete("/_simulator/fail", Value::Null).await.status, 204);
    assert_eq!(api.get("/_simulator/fail").await.body, json!([]));
    let bad = json!({ "method": "GET", "path": "/", "behaviour": { "kind": "explode" } });
    assert_eq!(api.post("/_simulator/fail", bad).await.status, 422);
    assert_eq!(kubernetes.requests().len(), 4, "commands are no requests");
    assert_eq!(api.get("/_simulator/requests").await.body[1]["status"], 403);
}

#[tokio::test]
async fn a_stopped_simulator_refuses_connections_and_frees_its_port() {
    let (kubernetes, api) = start().await;
    let port: u16 = kubernetes.url().rsplit(':').next().unwrap().parse().unwrap();
    kubernetes.stop().await;
    let error = api.send(Method::GET, "/version", None, Value::Null).await.expect_err("nobody there");
    assert!(error.is_connect(), "{error:?}");
    let config = KubernetesConfig { port, ..KubernetesConfig::default() };
    let again = KubernetesSimulator::start(config.clone()).await.expect("the port is free");
    assert_eq!(api.get("/healthz").await.status, 200);
    let taken = KubernetesSimulator::start(config).await.expect_err("the port is taken");
    assert_eq!(taken.to_string(), format!("can't listen on 127.0.0.1:{port}"));
    drop(again);
    tokio::time::sleep(Duration::from_millis(50)).await;
    api.send(Method::GET, "/version", None, Value::Null).await.expect_err("dropped is stopped");
}

#[tokio::test]
async fn the_oldest_matching_rule_wins() {
    let (kubernetes, api) = start().await;
    kubernetes.fail(FaultRule::next("GET", "/api/**", Behaviour::status(500)));
    kubernetes.fail(FaultRule::next("GET", "**", Behaviour::status(503)));
    assert_eq!(api.get("/version").await.status, 503);
    assert_eq!(api.get(SECRETS).await.status, 500);
    kubernetes.fail(FaultRule { times: 100, ..FaultRule::next("GET", "**", Behaviour::status(500)) });
    kubernetes.heal();
    assert_eq!(api.get("/version").await.status, 200);
}
