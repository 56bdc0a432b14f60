//! What the GitHub stand-in accepts, refuses and records.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_simulators::{
    Access, Behaviour, GithubChange, GithubConfig, GithubGrant, GithubRepository, GithubSimulator,
    GithubToken,
};
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use serde_json::{Value, json};

use crate::support::Api;

const REPO: &str = "/repos/acme/shop";
const SECRETS: &str = "/repos/acme/shop/actions/secrets";
const STAGING: &str = "/repos/acme/shop/environments/staging/secrets";

async fn start() -> GithubSimulator {
    let token =
        |token: &str, login: &str, grants| GithubToken { token: token.into(), login: login.into(), grants };
    let no_actions = GithubGrant { actions: Access::None, ..GithubGrant::full("acme/shop") };
    GithubSimulator::start(GithubConfig {
        tokens: vec![
            token(
                "full",
                "countersign",
                vec![GithubGrant::full("acme/shop"), GithubGrant::full("acme/ghost")],
            ),
            token("reader", "reader", vec![GithubGrant::read_only("acme/shop")]),
            token("stranger", "stranger", vec![]),
            token("no-actions", "no-actions", vec![no_actions]),
        ],
        repositories: vec![GithubRepository {
            full_name: "acme/shop".into(),
            environments: vec!["staging".into(), "team/eu".into()],
        }],
        ..GithubConfig::default()
    })
    .await
    .expect("a simulator")
}

fn api(github: &GithubSimulator, token: &str) -> Api {
    Api::new(&github.url(), Some(token))
}

/// Seals as a client does: with the key of the place.
async fn sealed(api: &Api, place: &str, value: &[u8]) -> Value {
    let key = api.get(&format!("{place}/public-key")).await;
    assert_eq!(key.status, 200, "{}", key.text);
    seal(&key.body, value)
}

fn seal(key: &Value, value: &[u8]) -> Value {
    let bytes: [u8; 32] =
        STANDARD.decode(key["key"].as_str().expect("a key")).expect("base64").try_into().expect("32 bytes");
    let sealed = PublicKey::from(bytes).seal(&mut OsRng, value).expect("a box");
    json!({ "encrypted_value": STANDARD.encode(sealed), "key_id": key["key_id"] })
}

#[tokio::test]
async fn a_secret_is_created_then_updated_and_its_plaintext_recorded() {
    let github = start().await;
    let api = api(&github, "full");
    let path = format!("{SECRETS}/db_password");
    assert_eq!(api.get(&path).await.status, 404);
    let created = api.put(&path, sealed(&api, SECRETS, b"first").await).await;
    assert_eq!((created.status, created.body), (201, json!({})));
    let updated = api.put(&path, sealed(&api, SECRETS, b"second").await).await;
    assert_eq!((updated.status, updated.text.as_str()), (204, ""));

    let seen = api.get(&path).await;
    assert_eq!(seen.body["name"], "DB_PASSWORD", "names are stored in upper case");
    let stamp = seen.body["updated_at"].as_str().unwrap();
    assert_eq!(stamp.len(), "2026-01-01T00:00:00Z".len(), "whole seconds: {stamp}");

    let effects = github.journal().effects();
    let told: Vec<_> =
        effects.iter().map(|e| (e.n, e.action.as_str(), e.actor.as_str(), e.place.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "secret.created", "countersign", "acme/shop#DB_PASSWORD"),
            (2, "secret.updated", "countersign", "acme/shop#DB_PASSWORD"),
        ]
    );
    assert_eq!(github.journal().plaintexts(), [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(github.secrets("acme/shop", None).unwrap()["DB_PASSWORD"], b"second");
}

#[tokio::test]
async fn environments_have_their_own_key_and_secrets() {
    let github = start().await;
    let api = api(&github, "full");
    let of_repository = api.get(&format!("{SECRETS}/public-key")).await.body;
    let of_environment = api.get(&format!("{STAGING}/public-key")).await.body;
    assert_ne!(of_repository["key_id"], of_environment["key_id"]);
    let wrong_key = api.put(&format!("{STAGING}/TOKEN"), seal(&of_repository, b"x")).await;
    assert_eq!(wrong_key.status, 422);
    let right = api.put(&format!("{STAGING}/TOKEN"), seal(&of_environment, b"x")).await;
    assert_eq!(right.status, 201);
    assert!(github.secrets("acme/shop", None).unwrap().is_empty());
    assert_eq!(github.secrets("acme/shop", Some("STAGING")).unwrap()["TOKEN"], b"x");
    assert_eq!(github.journal().effects()[0].place, "acme/shop/staging#TOKEN");
    assert_eq!(api.delete(&format!("{STAGING}/TOKEN"), Value::Null).await.status, 204);
    assert_eq!(api.delete(&format!("{STAGING}/TOKEN"), Value::Null).await.status, 404);

    assert_eq!(api.get(&format!("{REPO}/environments/staging")).await.body["name"], "staging");
    assert_eq!(api.get(&format!("{REPO}/environments/team%2Feu")).await.body["name"], "team/eu");
    assert_eq!(api.get(&format!("{REPO}/environments")).await.body["total_count"], 2);
    for path in
        ["environments/nowhere", "environments/nowhere/secrets", "environments/nowhere/secrets/public-key"]
    {
        assert_eq!(api.get(&format!("{REPO}/{path}")).await.status, 404, "{path}");
    }
    let body = seal(&of_environment, b"x");
    assert_eq!(api.put(&format!("{REPO}/environments/nowhere/secrets/TOKEN"), body).await.status, 404);
}

#[tokio::test]
async fn credentials_decide_between_401_403_and_404() {
    let github = start().await;
    let nobody = Api::new(&github.url(), None);
    let wrong = api(&github, "wrong");
    let stranger = api(&github, "stranger");
    let reader = api(&github, "reader");

    let answer = nobody.get(&format!("{SECRETS}/public-key")).await;
    assert_eq!((answer.status, answer.message()), (401, "Requires authentication"));
    let answer = wrong.get(&format!("{SECRETS}/public-key")).await;
    assert_eq!((answer.status, answer.message()), (401, "Bad credentials"));
    assert_eq!(answer.body["documentation_url"], "https://docs.github.com/rest");
    assert_eq!(answer.body["status"], "401");

    assert_eq!(stranger.get(REPO).await.status, 404, "what a token can't see does not exist");
    assert_eq!(api(&github, "full").get("/repos/acme/ghost").await.status, 404);

    assert_eq!(reader.get(REPO).await.body["permissions"]["push"], false);
    let body = sealed(&reader, SECRETS, b"x").await;
    let answer = reader.put(&format!("{SECRETS}/TOKEN"), body).await;
    assert_eq!((answer.status, answer.message()), (403, "Resource not accessible by personal access token"));
    assert_eq!(answer.header("x-accepted-github-permissions"), "secrets=write");
    let body = sealed(&reader, STAGING, b"x").await;
    let answer = reader.put(&format!("{STAGING}/TOKEN"), body).await;
    assert_eq!(answer.header("x-accepted-github-permissions"), "environments=write");
    assert_eq!(api(&github, "no-actions").get(&format!("{REPO}/environments/staging")).await.status, 403);
    assert!(github.journal().is_empty());

    github.set(GithubChange::RevokeToken { login: "reader".into() }).unwrap();
    assert_eq!(reader.get(REPO).await.status, 401);
}

#[tokio::test]
async fn a_request_without_user_agent_is_refused() {
    let github = start().await;
    let answer = Api::without_user_agent(&github.url(), "full").get(REPO).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("User-Agent"));
}

#[tokio::test]
async fn what_is_not_a_sealed_value_for_the_current_key_is_refused() {
    let github = start().await;
    let api = api(&github, "full");
    let path = format!("{SECRETS}/TOKEN");
    let key = api.get(&format!("{SECRETS}/public-key")).await.body;
    let good = seal(&key, b"x");
    let id = &key["key_id"];
    let not_sealed = STANDARD.encode("plain text of more than the forty-eight bytes a box takes");
    let cases = [
        (json!("not json"), 400, "Problems parsing JSON"),
        (json!({ "encrypted_value": good["encrypted_value"] }), 422, "\"key_id\" wasn't supplied"),
        (json!({ "key_id": id }), 422, "\"encrypted_value\" wasn't supplied"),
        (json!({ "encrypted_value": 7, "key_id": id }), 422, "7 is not a string"),
        (json!({ "encrypted_value": "a-b_", "key_id": id }), 422, "a-b_ does not match"),
        (json!({ "encrypted_value": not_sealed, "key_id": id }), 422, "improperly encrypted"),
        (json!({ "encrypted_value": "AAAA", "key_id": id }), 422, "improperly encrypted"),
        (json!({ "encrypted_value": good["encrypted_value"], "key_id": "1" }), 422, "key_id 1"),
    ];
    for (body, status, message) in cases {
        let answer = api.put(&path, body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.message().contains(message), "{body}: {}", answer.message());
    }
    github.set(GithubChange::RotateKey { repository: "acme/shop".into(), environment: None }).unwrap();
    assert_eq!(api.put(&path, good).await.status, 422, "sealed for the key before");
    assert_eq!(github.secrets("acme/shop", None).unwrap().len(), 0);
    assert_eq!(api.put(&path, sealed(&api, SECRETS, b"x").await).await.status, 201);
}

#[tokio::test]
async fn names_sizes_and_counts_are_limited() {
    let github = start().await;
    let api = api(&github, "full");
    let key = api.get(&format!("{SECRETS}/public-key")).await.body;
    for name in ["1ST", "WITH-DASH", "GITHUB_TOKEN", "github_x", "A%20B"] {
        let answer = api.put(&format!("{SECRETS}/{name}"), seal(&key, b"x")).await;
        assert_eq!(answer.status, 422, "{name}");
    }
    let largest = vec![b'x'; 48 * 1024];
    assert_eq!(api.put(&format!("{SECRETS}/LARGE"), seal(&key, &largest)).await.status, 201);
    let larger = vec![b'x'; 48 * 1024 + 1];
    assert_eq!(api.put(&format!("{SECRETS}/LARGER"), seal(&key, &larger)).await.status, 422);
    for n in 1..100 {
        let by_hand = GithubChange::PutSecret {
            repository: "acme/shop".into(),
            environment: None,
            name: format!("S{n}"),
            value: "x".into(),
        };
        github.set(by_hand).unwrap();
    }
    assert_eq!(api.put(&format!("{SECRETS}/ONE_MORE"), seal(&key, b"x")).await.status, 422);
    assert_eq!(api.put(&format!("{SECRETS}/S1"), seal(&key, b"y")).await.status, 204, "an update is no more");

    let page = api.get(&format!("{SECRETS}?per_page=60&page=1")).await;
    assert_eq!(
        (page.body["total_count"].as_u64(), page.body["secrets"].as_array().map(Vec::len)),
        (Some(100), Some(60))
    );
    assert!(page.header("link").contains("page=2"));
    let page = api.get(&format!("{SECRETS}?per_page=60&page=2")).await;
    assert_eq!((page.body["secrets"].as_array().map(Vec::len), page.header("link")), (Some(40), ""));
}

#[tokio::test]
async fn the_hour_runs_out_and_says_so() {
    let github = start().await;
    let api = api(&github, "full");
    let answer = api.get(REPO).await;
    assert_eq!(
        (answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")),
        ("5000", "4999")
    );
    assert!(!answer.header("x-github-request-id").is_empty());
    github.set(GithubChange::SetRemaining { login: "countersign".into(), remaining: 1 }).unwrap();
    assert_eq!(api.get(REPO).await.header("x-ratelimit-remaining"), "0");
    let answer = api.get(REPO).await;
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (403, "0"));
    assert_eq!(api.get("/rate_limit").await.body["rate"]["remaining"], 0, "asking is free");
    assert!(answer.message().starts_with("API rate limit exceeded"), "{}", answer.message());

    github.set(GithubChange::SetRemaining { login: "countersign".into(), remaining: 100 }).unwrap();
    github.fail_next("GET", "/repos/**", Behaviour::status_retry_after(403, 30));
    let answer = api.get(REPO).await;
    assert_eq!((answer.status, answer.header("retry-after")), (403, "30"));
    assert!(answer.message().contains("secondary rate limit"));
}

#[tokio::test]
async fn an_archived_repository_takes_no_writes() {
    let github = start().await;
    let api = api(&github, "full");
    let body = sealed(&api, SECRETS, b"x").await;
    github.set(GithubChange::Archive { repository: "acme/shop".into(), archived: true }).unwrap();
    let answer = api.put(&format!("{SECRETS}/TOKEN"), body).await;
    assert_eq!((answer.status, answer.message()), (403, "Repository was archived so is read-only."));
}

#[tokio::test]
async fn changes_by_hand_go_over_http_too_and_name_what_is_missing() {
    let github = start().await;
    let api = api(&github, "full");
    let change =
        json!({ "change": "put_secret", "repository": "acme/shop", "name": "TOKEN", "value": "foreign" });
    assert_eq!(api.post("/_simulator/set", change).await.status, 204);
    let journal = api.get("/_simulator/journal").await;
    assert_eq!(journal.body[0]["actor"], "by-hand");
    assert_eq!(journal.body[0]["values"]["TOKEN"], "foreign");
    assert_eq!(api.get("/_simulator/journal?after=1").await.body, json!([]));
    let missing = json!({ "change": "archive", "repository": "acme/none", "archived": true });
    let answer = api.post("/_simulator/set", missing).await;
    assert_eq!((answer.status, answer.text.as_str()), (422, "there is no repository `acme/none`"));
    assert_eq!(api.get("/repos/acme/shop/pulls").await.status, 404, "an endpoint it does not have");
    let enterprise = api.get(&format!("/api/v3{REPO}")).await;
    assert_eq!(enterprise.body["full_name"], "acme/shop");
}
