//! What the Kubernetes stand-in accepts, refuses and records.

mod apply;
mod rest;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_simulators::{KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken};
use serde_json::{Value, json};

use crate::support::{Answer, Api};

const SECRETS: &str = "/api/v1/namespaces/shop/secrets";
const APP: &str = "/api/v1/namespaces/shop/secrets/app";
const APPLY: &str = "application/apply-patch+yaml";

async fn start() -> KubernetesSimulator {
    let rule = |verbs: &[&str], names: &[&str]| KubernetesRule {
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..KubernetesRule::sync_secrets("shop")
    };
    let token = |name: &str, rules| KubernetesToken { token: name.into(), username: name.into(), rules };
    KubernetesSimulator::start(KubernetesConfig {
        tokens: vec![
            token("admin", vec![KubernetesRule::everything()]),
            token("syncer", vec![KubernetesRule::sync_secrets("shop")]),
            token("reader", vec![rule(&["get", "list"], &[])]),
            token("patcher", vec![rule(&["get", "patch"], &["app", "absent"])]),
        ],
        namespaces: vec!["shop".into()],
        ..KubernetesConfig::default()
    })
    .await
    .expect("a simulator")
}

fn api(kubernetes: &KubernetesSimulator, token: &str) -> Api {
    Api::new(&kubernetes.url(), Some(token))
}

fn secret(fields: Value) -> Value {
    let mut body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "app" } });
    merge(&mut body, fields);
    body
}

fn merge(into: &mut Value, from: Value) {
    match from {
        Value::Object(fields) => fields.into_iter().for_each(|(key, value)| merge(&mut into[key], value)),
        other => *into = other,
    }
}

fn data(pairs: &[(&str, &str)]) -> Value {
    let map = pairs.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into()));
    json!({ "data": Value::Object(map.collect()) })
}

async fn apply(api: &Api, manager: &str, body: Value) -> Answer {
    api.patch(&format!("{APP}?fieldManager={manager}"), APPLY, body).await
}

fn version(answer: &Answer) -> u64 {
    answer.body["metadata"]["resourceVersion"].as_str().unwrap_or("").parse().unwrap_or(0)
}

fn plain(kubernetes: &KubernetesSimulator) -> Vec<(String, String)> {
    let secret = kubernetes.secret("shop", "app").unwrap_or_default();
    secret.into_iter().map(|(key, value)| (key, String::from_utf8(value).expect("text"))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
