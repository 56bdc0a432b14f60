//! The proxy in front of a stand-in: what is cut before arrives never, what is cut after has happened.

use std::sync::{Arc, Mutex};

use countersign_simulators::{
    KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken, Passing, Protocol, Proxy, Tap,
    Verdict,
};
use reqwest::Method;
use serde_json::json;

use crate::support::Api;

const SECRETS: &str = "/api/v1/namespaces/shop/secrets";

/// Does as it is told, once each, and notes what passed.
#[derive(Default)]
struct Told {
    request: Mutex<Option<Verdict>>,
    answer: Mutex<Option<Verdict>>,
    passed: Mutex<Vec<String>>,
}

impl Tap for Told {
    fn request(&self, passing: &Passing) -> Verdict {
        self.passed.lock().expect("nobody panicked").push(format!("> {} {}", passing.method, passing.path));
        self.request.lock().expect("nobody panicked").take().unwrap_or(Verdict::Pass)
    }

    fn answer(&self, passing: &Passing) -> Verdict {
        self.passed.lock().expect("nobody panicked").push(format!("< {} {}", passing.method, passing.path));
        self.answer.lock().expect("nobody panicked").take().unwrap_or(Verdict::Pass)
    }
}

async fn start(resetting: bool) -> (KubernetesSimulator, Proxy, Arc<Told>, Api) {
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
    let told = Arc::new(Told::default());
    let upstream = kubernetes.url().trim_start_matches("http://").to_owned();
    let proxy = Proxy::start(Protocol::Http, upstream, told.clone(), resetting).await.expect("a proxy");
    let api = Api::new(&format!("http://{}", proxy.address()), Some("admin"));
    (kubernetes, proxy, told, api)
}

async fn create(api: &Api) -> Option<u16> {
    let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } });
    let answer = api.send(Method::POST, SECRETS, Some("application/json"), body).await;
    answer.ok().map(|answer| answer.status)
}

#[tokio::test]
async fn what_passes_is_told_before_and_after() {
    let (kubernetes, _proxy, told, api) = start(false).await;
    assert_eq!(create(&api).await, Some(201));
    assert_eq!(*told.passed.lock().unwrap(), [format!("> POST {SECRETS}"), format!("< POST {SECRETS}")]);
    assert_eq!(kubernetes.journal().len(), 1);
}

#[tokio::test]
async fn a_request_that_is_cut_never_arrives() {
    let (kubernetes, _proxy, told, api) = start(false).await;
    *told.request.lock().unwrap() = Some(Verdict::Cut);
    assert_eq!(create(&api).await, None);
    assert!(kubernetes.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_cut_or_reset_leaves_the_write() {
    for resetting in [false, true] {
        let (kubernetes, _proxy, told, api) = start(resetting).await;
        *told.answer.lock().unwrap() = Some(Verdict::Cut);
        assert_eq!(create(&api).await, None);
        assert_eq!(kubernetes.journal().len(), 1);
        assert_eq!(create(&api).await, Some(409), "it is there");
    }
}

#[tokio::test]
async fn a_delay_comes_before_the_answer() {
    let (_kubernetes, _proxy, told, api) = start(false).await;
    *told.answer.lock().unwrap() = Some(Verdict::Delay { for_ms: 200 });
    let began = tokio::time::Instant::now();
    assert_eq!(create(&api).await, Some(201));
    assert!(began.elapsed() >= std::time::Duration::from_millis(200));
}
