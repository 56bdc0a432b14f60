//! Rules of the two fields, held against `parse` and the schema together.

use super::*;
use crate::tools::samples::Noticed::{Always, ByParse, Never};
use crate::tools::samples::{Row, check_table};

#[test]
fn the_rules_of_credentials() {
    let long = |length: usize| "a".repeat(length);
    let table: &[Row] = &[
        (json!({}), &[], Never, &[]),
        (json!({"credentials_secret": "a.b-1"}), &[], Never, &[]),
        (json!({"credentials_secret": long(253)}), &[], Never, &[]),
        (json!({"kubernetes_namespace": "shop-dev-2"}), &[], Never, &[]),
        (json!({"credentials_secret": ""}), &[], Always, &["credentials_secret"]),
        (json!({"credentials_secret": "Orders"}), &[], Always, &["credentials_secret"]),
        (json!({"credentials_secret": "orders_db"}), &[], Always, &["credentials_secret"]),
        (json!({"credentials_secret": long(254)}), &[], Always, &["credentials_secret"]),
        (json!({"credentials_secret": true}), &[], Always, &["credentials_secret"]),
        (json!({"kubernetes_namespace": "shop_dev"}), &[], Always, &["kubernetes_namespace"]),
        (json!({"kubernetes_namespace": "kube-system"}), &[], ByParse, &["kubernetes_namespace"]),
        (
            json!({"kubernetes_namespace": "shop-dev"}),
            &["credentials_secret"],
            Always,
            &["kubernetes_namespace"],
        ),
        (json!({"database_name": "public"}), &[], Always, &["database_name"]),
        (json!({"database_name": "none"}), &[], Always, &["database_name"]),
        (json!({"database_name": "public"}), &["credentials_secret"], Never, &[]),
        (json!({"action": "describe"}), &[], Always, &["credentials_secret"]),
        (
            json!({"action": "describe", "kubernetes_namespace": "shop-dev"}),
            &[],
            Always,
            &["credentials_secret", "kubernetes_namespace"],
        ),
        (json!({"action": "delete", "confirm_delete": true}), &[], Always, &["credentials_secret"]),
        (
            json!({"database_name": "none", "credentials_secret": "-", "kubernetes_namespace": "-"}),
            &["justification"],
            Always,
            &["credentials_secret", "database_name", "justification", "kubernetes_namespace"],
        ),
        (json!({"credentials_key": "password"}), &[], Always, &["credentials_key"]),
    ];
    check_table(&untouched(), &caller(), &good(), table);
}

/// What is wrong, in words, with the good arguments.
fn said(tool: &DatabaseLifecycle, caller: &Caller) -> Vec<String> {
    let violations = tool.parse(&good(), caller).unwrap_err();
    violations.iter().map(|one| format!("{} {}", one.path, one.rule)).collect()
}

#[test]
fn a_deployment_that_lacks_something_says_what() {
    let no_roles = tool_with(server(), MockDatabaseRegister::new(), MockKubernetesSecrets::new());
    let roles = "credentials_secret needs login roles, which the database server of `dev` doesn't have";
    let kubernetes = "credentials_secret needs Kubernetes, which is not configured";
    assert_eq!(said(&no_roles, &caller()), [roles]);
    assert_eq!(said(&tool(), &caller()), [kubernetes, roles]);
    let no_cluster = tool_over(server_with(MockLoginRoles::new()), MockDatabaseRegister::new());
    assert_eq!(said(&no_cluster, &caller()), [kubernetes]);
    let homeless = Caller { namespace: None, ..caller() };
    assert_eq!(
        said(&untouched(), &homeless),
        ["kubernetes_namespace is required, since this run has no namespace of its own"]
    );
}

#[test]
fn the_place_is_part_of_what_is_wanted() {
    let call = create();
    assert_eq!(
        call.input,
        json!({
            "database_name": "orders", "credentials_secret": "orders-db", "kubernetes_namespace": "shop-dev",
        })
    );
    assert_eq!(call.action.as_str(), "create");
    let digest = |field: &str, value: &str| {
        let mut given = good();
        given[field] = json!(value);
        untouched().parse(&given, &caller()).unwrap().intent_digest().unwrap()
    };
    let same = call.intent_digest().unwrap();
    assert_eq!(digest("kubernetes_namespace", "shop-dev"), same, "a default and its spelling are one intent");
    assert_ne!(digest("kubernetes_namespace", "shop-dev-2"), same);
    assert_ne!(digest("credentials_secret", "other"), same);
    assert_ne!(super::super::create().intent_digest().unwrap(), same);
}
