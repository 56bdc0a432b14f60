//! Every request of the adapter against GitHub's own description of its API, served by a validator that refuses what the description
//! doesn't allow. `cargo xtask contract github` starts it and names it in `COUNTERSIGN_TEST_GITHUB_DESCRIPTION`.

use std::io::Write as _;
use std::time::Duration;

use countersign_adapters_github::{GithubActionsSecrets, GithubActionsSecretsConfig};
use countersign_mcp_tools::ports::{Access, GithubSecrets as _};
use octocrab::Octocrab;
use serde_json::{Value, json};

use crate::bench::variable;
use crate::support::{in_environment, in_repository, value};

const DESCRIPTION: &str = "COUNTERSIGN_TEST_GITHUB_DESCRIPTION";

fn validator() -> Option<String> {
    let url = variable(DESCRIPTION);
    if url.is_none() {
        let said = "skipped: run `cargo xtask contract github` to hold this against GitHub's description";
        let _ = writeln!(std::io::stderr(), "{said}");
    }
    url
}

#[tokio::test]
async fn every_request_is_one_that_github_describes() {
    let Some(base_url) = validator() else { return };
    let config = GithubActionsSecretsConfig {
        base_url,
        token: "token".into(),
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(20),
    };
    let adapter = GithubActionsSecrets::connect(config).expect("a client");
    adapter.check_credentials().await.expect("GET /rate_limit");
    for place in [in_repository(), in_environment("staging")] {
        assert_eq!(adapter.access(&place).await.expect("GET public-key"), Access::Allowed);
        adapter.look(&place, "API_TOKEN").await.expect("GET secret").expect("an example");
        let receipt = adapter.put(&place, "API_TOKEN", &value("value")).await.expect("PUT secret");
        assert!(receipt.created && receipt.updated_at.is_some(), "{receipt:?}");
    }
}

/// Without this, a validator that lets everything through would go unnoticed.
#[tokio::test]
async fn a_request_that_github_does_not_describe_is_refused() {
    let Some(base_url) = validator() else { return };
    let client = Octocrab::builder().base_uri(base_url).expect("a URL").build().expect("a client");
    let path = "/repos/acme/shop/actions/secrets/API_TOKEN";
    let sealed = json!({"encrypted_value": "c2VhbGVk", "key_id": "1"});
    let put = async |path: &str, body: &Value| {
        client._put(path, Some(body)).await.expect("an answer").status().as_u16()
    };
    assert_eq!(put(path, &sealed).await, 201, "as it should be");
    assert_eq!(put(path, &json!({"encrypted_value": "c2VhbGVk"})).await, 422, "without the key's id");
    assert_eq!(put(path, &json!({"encrypted_value": 1, "key_id": "1"})).await, 422, "no text");
    assert_eq!(put(path, &json!({"encrypted_value": "not base64!", "key_id": "1"})).await, 422);
    assert_eq!(put("/repos/acme/shop/actions/secret/API_TOKEN", &sealed).await, 404, "no such path");
    let posted = client._post(path, Some(&sealed)).await.expect("an answer").status().as_u16();
    assert_eq!(posted, 405, "no such method");
}
