//! Rules of the input, held against `parse` and the schema together.

use super::*;
use crate::tools::samples::Noticed::{Always, ByParse, Never};
use crate::tools::samples::{Row, check_table};

fn long(length: usize) -> String {
    "a".repeat(length)
}

#[test]
fn right_input_is_taken() {
    let link = json!({"text": "the change", "url": "https://example.com/acme/shop/pull/17?x=1#L3"});
    let table: &[Row] = &[
        (json!({}), &[], Never, &[]),
        (json!({"github_secret_name": "_a1"}), &[], Never, &[]),
        (json!({"github_secret_name": "MY_GITHUB_TOKEN"}), &[], Never, &[]),
        (json!({"github_secret_name": long(255)}), &[], Never, &[]),
        (json!({"kubernetes_secret_name": "app.v1-2"}), &[], Never, &[]),
        (json!({"kubernetes_secret_name": long(253)}), &[], Never, &[]),
        (json!({"kubernetes_secret_key": ".npmrc"}), &[], Never, &[]),
        (json!({"kubernetes_secret_key": "A.b-c_d"}), &[], Never, &[]),
        (json!({"kubernetes_secret_key": long(253)}), &[], Never, &[]),
        (json!({"kubernetes_namespace": "shop-dev-2"}), &[], Never, &[]),
        (json!({"repository": "Acme/Shop"}), &[], Never, &[]),
        (json!({"scope": "repository", "policy": "keep_existing"}), &[], Never, &[]),
        (json!({"length": 16}), &[], Never, &[]),
        (json!({"length": 256.0}), &[], Never, &[]),
        (json!({"idempotency_key": long(128)}), &[], Never, &[]),
        (json!({"justification": format!("  {}  ", long(10))}), &[], Never, &[]),
        (json!({"justification": "\u{434}".repeat(500)}), &[], Never, &[]),
        (json!({"risk_assessment": ""}), &[], Never, &[]),
        (json!({"risk_assessment": long(500)}), &[], Never, &[]),
        (json!({"links_to_code": [link, link, link, link, link]}), &[], Never, &[]),
        (json!({"links_to_code": []}), &[], Never, &[]),
        (json!({"dry_run": true}), &[], Never, &[]),
    ];
    check_table(&tool(), &caller(), &good(), table);
}

#[test]
fn wrong_names_are_named() {
    let table: &[Row] = &[
        (json!({}), &["environment"], Always, &["environment"]),
        (json!({}), &["github_secret_name"], Always, &["github_secret_name"]),
        (json!({}), &["kubernetes_secret_name"], Always, &["kubernetes_secret_name"]),
        (json!({}), &["justification"], Always, &["justification"]),
        (json!({"environment": "Dev"}), &[], Always, &["environment"]),
        (json!({"environment": 1}), &[], Always, &["environment"]),
        (json!({"environment": null}), &[], Always, &["environment"]),
        (json!({"github_secret_name": ""}), &[], Always, &["github_secret_name"]),
        (json!({"github_secret_name": "1ST"}), &[], Always, &["github_secret_name"]),
        (json!({"github_secret_name": "GITHUB_TOKEN"}), &[], Always, &["github_secret_name"]),
        (json!({"github_secret_name": "github_token"}), &[], Always, &["github_secret_name"]),
        (json!({"github_secret_name": "A-B"}), &[], Always, &["github_secret_name"]),
        (json!({"github_secret_name": "A B"}), &[], Always, &["github_secret_name"]),
        (json!({"github_secret_name": long(256)}), &[], Always, &["github_secret_name"]),
        (json!({"kubernetes_secret_name": "App"}), &[], Always, &["kubernetes_secret_name"]),
        (json!({"kubernetes_secret_name": "app."}), &[], Always, &["kubernetes_secret_name"]),
        (json!({"kubernetes_secret_name": "-app"}), &[], Always, &["kubernetes_secret_name"]),
        (json!({"kubernetes_secret_name": "a/b"}), &[], Always, &["kubernetes_secret_name"]),
        (json!({"kubernetes_secret_name": long(254)}), &[], Always, &["kubernetes_secret_name"]),
        (json!({"kubernetes_secret_key": ""}), &[], Always, &["kubernetes_secret_key"]),
        (json!({"kubernetes_secret_key": "."}), &[], Always, &["kubernetes_secret_key"]),
        (json!({"kubernetes_secret_key": "..data"}), &[], Always, &["kubernetes_secret_key"]),
        (json!({"kubernetes_secret_key": "a/b"}), &[], Always, &["kubernetes_secret_key"]),
        (json!({"kubernetes_secret_key": long(254)}), &[], Always, &["kubernetes_secret_key"]),
        (json!({"kubernetes_namespace": "shop_dev"}), &[], Always, &["kubernetes_namespace"]),
        (json!({"kubernetes_namespace": "kube-system"}), &[], ByParse, &["kubernetes_namespace"]),
        (json!({"environment": "qa"}), &[], ByParse, &["kubernetes_namespace"]),
        (json!({"environment": "staging"}), &[], ByParse, &["kubernetes_namespace"]),
        (json!({"repository": "acme"}), &[], Always, &["repository"]),
        (json!({"repository": "acme/other"}), &[], ByParse, &["repository"]),
    ];
    check_table(&tool(), &caller(), &good(), table);
}

#[test]
fn wrong_choices_numbers_and_words_are_named() {
    let link = json!({"text": "x", "url": "https://example.com/"});
    let table: &[Row] = &[
        (json!({"scope": "organization"}), &[], Always, &["scope"]),
        (json!({"policy": "Random"}), &[], Always, &["policy"]),
        (json!({"length": 15}), &[], Always, &["length"]),
        (json!({"length": 257}), &[], Always, &["length"]),
        (json!({"length": 32.5}), &[], Always, &["length"]),
        (json!({"length": "32"}), &[], Always, &["length"]),
        (json!({"idempotency_key": ""}), &[], Always, &["idempotency_key"]),
        (json!({"idempotency_key": "a b"}), &[], Always, &["idempotency_key"]),
        (json!({"idempotency_key": long(129)}), &[], Always, &["idempotency_key"]),
        (json!({"justification": "too short"}), &[], Always, &["justification"]),
        (json!({"justification": "    short    "}), &[], Always, &["justification"]),
        (json!({"justification": long(501)}), &[], Always, &["justification"]),
        (json!({"justification": ["a"]}), &[], Always, &["justification"]),
        (json!({"risk_assessment": long(501)}), &[], Always, &["risk_assessment"]),
        (json!({"links_to_code": [link, link, link, link, link, link]}), &[], Always, &["links_to_code"]),
        (json!({"links_to_code": link}), &[], Always, &["links_to_code"]),
        (
            json!({"links_to_code": [link, {"text": "x", "url": "http://example.com/"}]}),
            &[],
            Always,
            &["links_to_code[1].url"],
        ),
        (
            json!({"links_to_code": [{"text": "x", "url": "https://me:pw@example.com/"}]}),
            &[],
            Always,
            &["links_to_code[0].url"],
        ),
        (
            json!({"links_to_code": [{"url": "https://example.com/"}]}),
            &[],
            Always,
            &["links_to_code[0].text"],
        ),
        (json!({"dry_run": "yes"}), &[], Always, &["dry_run"]),
        (json!({"value": "hunter2"}), &[], Always, &["value"]),
        (json!({"namespace": "shop-dev"}), &[], Always, &["namespace"]),
    ];
    check_table(&tool(), &caller(), &good(), table);
}

#[test]
fn everything_wrong_is_said_at_once_and_no_free_text_is_repeated() {
    let given = json!({
        "environment": "DEV", "github_secret_name": "GITHUB_X", "kubernetes_secret_key": "a b", "policy": "maybe",
        "length": 7, "justification": "hunter2", "idempotency_key": "hunter2 hunter2", "secret_value": "hunter2",
        "links_to_code": [{"text": "x", "url": "ftp://hunter2"}],
    });
    let violations = tool().parse(&given, &caller()).unwrap_err();
    let said: Vec<_> =
        violations.iter().map(|one| (one.path.as_str(), one.value.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        said,
        [
            ("secret_value", "-"),
            ("kubernetes_secret_name", "-"),
            ("environment", "DEV"),
            ("github_secret_name", "GITHUB_X"),
            ("kubernetes_secret_key", "a b"),
            ("policy", "maybe"),
            ("length", "7"),
            ("idempotency_key", "-"),
            ("justification", "-"),
            ("links_to_code[0].url", "-"),
        ]
    );
    assert!(violations.iter().any(|one| one.path == "secret_value" && one.rule.contains("generated inside")));
    assert!(!violations.to_string().contains("hunter2"), "{violations}");
}

#[test]
fn a_run_without_repository_or_namespace_is_told_so() {
    let bare = Caller { repository: None, namespace: None, ..caller() };
    let violations = tool().parse(&good(), &bare).unwrap_err();
    let paths: Vec<_> = violations.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["kubernetes_namespace", "repository"]);
}

#[test]
fn defaults_are_part_of_what_is_wanted() {
    let call = call(json!({"github_secret_name": "db_password"}));
    assert_eq!(
        call.input,
        json!({
            "kubernetes_namespace": "shop-dev", "kubernetes_secret_name": "app", "kubernetes_secret_key": "value",
            "repository": "acme/shop", "scope": "environment", "github_secret_name": "DB_PASSWORD",
            "policy": "random", "length": 32,
        })
    );
    assert_eq!((call.tool.as_str(), call.action.as_str()), ("secret.sync.github_k8s", "sync"));
    assert_eq!(call.environment, Some(dev()));
    assert!(!call.dry_run);
}

#[test]
fn the_same_wish_in_other_words_is_the_same_intent() {
    let spelled_out = json!({
        "kubernetes_secret_key": "value", "kubernetes_namespace": "shop-dev", "repository": "ACME/shop",
        "scope": "environment", "policy": "random", "length": 32, "github_secret_name": "db_password",
        "justification": "another reason altogether", "idempotency_key": "k-1", "dry_run": true,
    });
    let digest = |changes: Value| call(changes).intent_digest().unwrap();
    assert_eq!(digest(spelled_out), digest(json!({})));
    for (field, value) in [
        ("github_secret_name", json!("OTHER")),
        ("kubernetes_secret_name", json!("other")),
        ("kubernetes_secret_key", json!("other")),
        ("kubernetes_namespace", json!("shop-dev-2")),
        ("scope", json!("repository")),
        ("policy", json!("keep_existing")),
        ("length", json!(64)),
    ] {
        assert_ne!(digest(json!({ field: value })), digest(json!({})), "{field}");
    }
}

#[test]
fn the_configured_default_length_is_kept_within_bounds() {
    for (configured, used) in [(0, 16), (48, 48), (9999, 256)] {
        let config = SecretSyncConfig { default_length: configured, ..config() };
        let call = crate::tools::secret_sync::input::parse(&config, &good(), &caller()).unwrap();
        assert_eq!(call.input["length"], json!(used));
    }
}
