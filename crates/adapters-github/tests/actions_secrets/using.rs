//! Looking, access, writing.

use countersign_adapters_github::{ConnectError, GithubActionsSecrets};
use countersign_kernel::Repository;
use countersign_mcp_tools::ports::{Access, GithubSecrets as _, SecretPlace, TargetErrorKind};
use countersign_simulators::{Behaviour, GithubChange};

use crate::support::{TOKEN, adapter, config, github, in_environment, in_repository, value};

#[tokio::test]
async fn the_target_opens_the_box_and_holds_the_value() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    let created = adapter.put(&in_repository(), "API_TOKEN", &value("first value")).await.unwrap();
    assert!(created.created);
    let updated = adapter.put(&in_repository(), "API_TOKEN", &value("second value")).await.unwrap();
    assert!(!updated.created);
    assert_eq!(github.secrets("acme/shop", None).unwrap()["API_TOKEN"], b"second value");
    assert_eq!(github.journal().plaintexts(), [b"first value".to_vec(), b"second value".to_vec()]);
    assert_eq!(github.journal().effects()[1].actor, "countersign");

    let seen = adapter.look(&in_repository(), "API_TOKEN").await.unwrap().unwrap();
    assert_eq!(Some(seen.updated_at), updated.updated_at);
    assert_eq!(seen.updated_at.unix_micros() % 1_000_000, 0, "whole seconds");
    assert!(seen.created_at <= seen.updated_at);
}

#[tokio::test]
async fn any_bytes_arrive_as_they_are() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    let bytes: Vec<u8> = (0..=255).collect();
    let secret = countersign_mcp_tools::SecretValue::new(bytes.clone());
    adapter.put(&in_repository(), "BYTES", &secret).await.unwrap();
    assert_eq!(github.journal().plaintexts(), [bytes]);
}

#[tokio::test]
async fn an_environment_and_its_repository_are_two_places() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    adapter.put(&in_environment("staging"), "API_TOKEN", &value("of staging")).await.unwrap();
    assert_eq!(github.secrets("acme/shop", Some("staging")).unwrap()["API_TOKEN"], b"of staging");
    assert_eq!(adapter.look(&in_repository(), "API_TOKEN").await.unwrap(), None);
    assert!(adapter.look(&in_environment("staging"), "API_TOKEN").await.unwrap().is_some());
    assert_eq!(adapter.access(&in_environment("staging")).await.unwrap(), Access::Allowed);
    adapter.put(&in_repository(), "API_TOKEN", &value("of the repository")).await.unwrap();
    let places: Vec<_> = github.journal().effects().into_iter().map(|effect| effect.place).collect();
    assert_eq!(places, ["acme/shop/staging#API_TOKEN", "acme/shop#API_TOKEN"]);
}

#[tokio::test]
async fn a_place_that_is_not_there_or_hidden_is_not_found() {
    let github = github().await;
    let countersign = adapter(&github, "countersign");
    let stranger = adapter(&github, "stranger");
    let elsewhere = SecretPlace { repository: Repository::parse("acme/other").unwrap(), environment: None };
    for (adapter, place, target) in [
        (&countersign, in_environment("nowhere"), "github environment `nowhere` of `acme/shop`"),
        (&countersign, elsewhere, "github repository `acme/other`"),
        (&stranger, in_repository(), "github repository `acme/shop`"),
    ] {
        let error = adapter.look(&place, "API_TOKEN").await.unwrap_err();
        assert_eq!((error.kind, error.target.as_str()), (TargetErrorKind::NotFound, target));
        assert_eq!(adapter.access(&place).await.unwrap_err().kind, TargetErrorKind::NotFound);
        let error = adapter.put(&place, "API_TOKEN", &value("value")).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::NotFound);
    }
    assert!(github.journal().is_empty());
}

#[tokio::test]
async fn access_is_told_apart_from_bad_credentials() {
    let github = github().await;
    assert_eq!(adapter(&github, "countersign").access(&in_repository()).await.unwrap(), Access::Allowed);
    let why = "our token may not use the secrets of repository `acme/shop`: 403 Resource not accessible by personal \
               access token"
        .to_owned();
    assert_eq!(adapter(&github, "blind").access(&in_repository()).await.unwrap(), Access::Refused { why });
    let error = adapter(&github, "wrong").access(&in_repository()).await.unwrap_err();
    assert_eq!(error.to_string(), "github repository `acme/shop`: 401 Bad credentials");
    assert_eq!(
        adapter(&github, "wrong").check_credentials().await.unwrap_err().kind,
        TargetErrorKind::Unauthorized
    );
    adapter(&github, "stranger").check_credentials().await.unwrap();
    let error =
        adapter(&github, "reader").put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Forbidden);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_anew_each_time() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    adapter.put(&in_repository(), "API_TOKEN", &value("first value")).await.unwrap();
    github.set(GithubChange::RotateKey { repository: "acme/shop".into(), environment: None }).unwrap();
    adapter.put(&in_repository(), "API_TOKEN", &value("second value")).await.unwrap();
    assert_eq!(github.secrets("acme/shop", None).unwrap()["API_TOKEN"], b"second value");
}

#[tokio::test]
async fn what_github_refuses_for_good_is_invalid_or_forbidden() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    for name in ["GITHUB_TOKEN", "1ST", "a b", "../../environments/staging"] {
        let error = adapter.put(&in_repository(), name, &value("value")).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::Invalid, "{name}: {error}");
        assert!(error.message.starts_with("422 Secret names "), "{error}");
    }
    let large = value(&"x".repeat(48 * 1024 + 1));
    let error = adapter.put(&in_repository(), "LARGE", &large).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Invalid, "{error}");
    github.set(GithubChange::Archive { repository: "acme/shop".into(), archived: true }).unwrap();
    let error = adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (TargetErrorKind::Forbidden, "403 Repository was archived so is read-only.")
    );
    assert!(github.journal().is_empty());
}

#[tokio::test]
async fn reading_back_may_fail_without_making_the_write_undone() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    github.fail_next("GET", TOKEN, Behaviour::status(500));
    let receipt = adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap();
    assert_eq!((receipt.created, receipt.updated_at), (true, None));
    assert_eq!(github.journal().len(), 1);
}

#[tokio::test]
async fn an_enterprise_server_is_reached_below_its_path() {
    let github = github().await;
    for base in ["/api/v3", "/api/v3/"] {
        let config = config(&format!("{}{base}", github.url()), "countersign");
        let adapter = GithubActionsSecrets::connect(config).unwrap();
        adapter.put(&in_environment("staging"), "API_TOKEN", &value("value")).await.unwrap();
    }
    assert!(github.requests().iter().all(|request| request.path.starts_with("/api/v3/repos/acme/shop/")));
    assert_eq!(github.journal().len(), 2);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for url in ["", "not a url", "/only/a/path"] {
        let error = GithubActionsSecrets::connect(config(url, "t")).unwrap_err();
        assert!(matches!(error, ConnectError::Url { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn secrets_are_counted_place_by_place() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    for name in ["ONE", "TWO", "THREE"] {
        adapter.put(&in_repository(), name, &value("value")).await.unwrap();
    }
    assert_eq!(adapter.count(&in_repository()).await.unwrap(), 3);
    assert_eq!(adapter.count(&in_environment("staging")).await.unwrap(), 0);
}
