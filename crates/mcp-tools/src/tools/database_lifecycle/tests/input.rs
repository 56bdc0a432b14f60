//! Rules of the input, held against `parse` and the schema together.

use countersign_kernel::ApprovalMode;

use super::*;
use crate::tools::samples::Noticed::{Always, ByParse, Never};
use crate::tools::samples::{Row, check_table};

#[test]
fn the_rules_of_every_action() {
    let long = |length: usize| "a".repeat(length);
    let table: &[Row] = &[
        (json!({}), &[], Never, &[]),
        (json!({"action": "describe"}), &[], Never, &[]),
        (json!({"confirm_delete": false, "dry_run": true, "idempotency_key": "k"}), &[], Never, &[]),
        (json!({"database_name": "_a1"}), &[], Never, &[]),
        (json!({"database_name": long(63)}), &[], Never, &[]),
        (json!({"database_name": "postgres2"}), &[], Never, &[]),
        (json!({"database_name": "pgbench"}), &[], Never, &[]),
        (json!({}), &["action"], Always, &["action"]),
        (json!({}), &["environment"], Always, &["environment"]),
        (json!({}), &["database_name"], Always, &["database_name"]),
        (json!({}), &["justification"], Always, &["justification"]),
        (json!({"action": "drop"}), &[], Always, &["action"]),
        (json!({"action": ["create"]}), &[], Always, &["action"]),
        (json!({"environment": "DEV"}), &[], Always, &["environment"]),
        (json!({"environment": "production"}), &[], ByParse, &["environment"]),
        (json!({"database_name": ""}), &[], Always, &["database_name"]),
        (json!({"database_name": "Orders"}), &[], Always, &["database_name"]),
        (json!({"database_name": "1st"}), &[], Always, &["database_name"]),
        (json!({"database_name": "a;drop"}), &[], Always, &["database_name"]),
        (json!({"database_name": long(64)}), &[], Always, &["database_name"]),
        (json!({"database_name": "postgres"}), &[], Always, &["database_name"]),
        (json!({"database_name": "template0"}), &[], Always, &["database_name"]),
        (json!({"database_name": "template1"}), &[], Always, &["database_name"]),
        (json!({"database_name": "pg_catalog"}), &[], Always, &["database_name"]),
        (json!({"database_name": "_q_orders_1"}), &[], Always, &["database_name"]),
        (json!({"confirm_delete": true}), &[], Always, &["confirm_delete"]),
        (json!({"delete_mode": "drop"}), &[], Always, &["delete_mode"]),
        (json!({"justification": "because"}), &[], Always, &["justification"]),
        (json!({"dry_run": 1}), &[], Always, &["dry_run"]),
        (json!({"password": "hunter2"}), &[], Always, &["password"]),
        (json!({"risk_assessment": "none at all"}), &[], Always, &["risk_assessment"]),
    ];
    check_table(&tool(), &caller(), &good("create"), table);
}

#[test]
fn deleting_has_to_be_confirmed() {
    let table: &[Row] = &[
        (json!({"confirm_delete": true}), &[], Never, &[]),
        (json!({"confirm_delete": true, "delete_mode": "quarantine"}), &[], Never, &[]),
        (json!({"confirm_delete": true, "delete_mode": "drop"}), &[], Never, &[]),
        (json!({}), &[], Always, &["confirm_delete"]),
        (json!({"confirm_delete": false}), &[], Always, &["confirm_delete"]),
        (json!({"confirm_delete": "true"}), &[], Always, &["confirm_delete"]),
        (json!({"confirm_delete": true, "delete_mode": "burn"}), &[], Always, &["delete_mode"]),
        (
            json!({"database_name": "pg_x", "delete_mode": 1}),
            &[],
            Always,
            &["confirm_delete", "database_name", "delete_mode"],
        ),
    ];
    check_table(&tool(), &caller(), &good("delete"), table);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let given = json!({
        "action": "destroy", "environment": "moon", "database_name": "postgres", "justification": "hunter2",
        "password": "hunter2",
    });
    let violations = tool().parse(&given, &caller()).unwrap_err();
    let said: Vec<_> =
        violations.iter().map(|one| (one.path.as_str(), one.value.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        said,
        [
            ("password", "-"),
            ("action", "destroy"),
            ("environment", "moon"),
            ("database_name", "postgres"),
            ("justification", "-"),
        ]
    );
    assert!(!violations.to_string().contains("hunter2"), "{violations}");
}

#[test]
fn drop_is_a_cell_of_its_own_in_the_policy() {
    let cells: Vec<_> = [create(), delete("quarantine"), delete("drop"), describe()]
        .map(|call| call.action.to_string())
        .into();
    assert_eq!(cells, ["create", "delete", "drop", "describe"]);
    let declared: Vec<_> = descriptor()
        .actions
        .into_iter()
        .map(|action| (action.name.to_string(), action.writes, action.default_approval))
        .collect();
    assert_eq!(
        declared,
        [
            ("create".to_owned(), true, None),
            ("delete".to_owned(), true, None),
            ("drop".to_owned(), true, None),
            ("describe".to_owned(), false, Some(ApprovalMode::None)),
        ]
    );
}

#[test]
fn a_default_and_its_spelling_are_one_intent() {
    let mut short = good("delete");
    short["confirm_delete"] = json!(true);
    let digest = |call: Call| call.intent_digest().unwrap();
    assert_eq!(digest(call_of(&short)), digest(delete("quarantine")));
    assert_ne!(digest(delete("drop")), digest(delete("quarantine")));
    assert_ne!(digest(create()), digest(describe()));
    assert_eq!(create().input, json!({"database_name": "orders"}));
}
