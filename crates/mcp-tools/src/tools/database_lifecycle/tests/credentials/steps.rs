//! What the steps ask of the targets, how their traces are read, and how they are taken back.

use super::*;
use crate::ports::{DatabaseReceipt, KubernetesReceipt, RoleReceipt, TargetErrorKind};
use crate::secret::SecretValue;
use crate::tool::UnseenReason;
use crate::tools::samples::{ALL_KINDS, error, work};

const PASSWORD: &str = "CanaryPasswordOfPlainLetters1234";

fn password() -> SecretValue {
    SecretValue::new(PASSWORD.as_bytes().to_vec())
}

async fn plan_of(call: &Call) -> Plan {
    let there = if call.action.as_str() == "create" { There::default() } else { in_use() };
    planned(call, there).await.unwrap()
}

fn with_roles(roles: MockLoginRoles) -> DatabaseLifecycle {
    tool_with(server_with(roles), MockDatabaseRegister::new(), MockKubernetesSecrets::new())
}

/// Roles of which this one is there.
fn seeing(seen: Option<RoleSeen>) -> MockLoginRoles {
    let mut roles = MockLoginRoles::new();
    roles.expect_look_at_role().withf(|role| *role == orders()).returning(move |_| Ok(seen.clone()));
    roles
}

fn word(outcome: &ProbeOutcome) -> &'static str {
    match outcome {
        ProbeOutcome::Done { receipt } => {
            assert!(receipt["evidence"].is_string(), "{receipt}");
            "done"
        }
        ProbeOutcome::NotDone => "not done",
        ProbeOutcome::CannotTell { retry, .. } => {
            assert!(!retry);
            "cannot tell"
        }
    }
}

#[tokio::test]
async fn one_value_goes_to_the_key_and_to_the_role() {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_apply_key()
        .withf(|write| {
            (write.namespace.as_str(), write.name, write.key) == ("shop-dev", "orders-db", "password")
                && write.value.expose() == PASSWORD.as_bytes()
                && write.expected_version.is_none()
        })
        .times(1)
        .returning(|_| Ok(KubernetesReceipt { uid: "u".to_owned(), resource_version: "42".to_owned() }));
    let mut roles = MockLoginRoles::new();
    roles
        .expect_create_role()
        .withf(|role, value, by| {
            *role == orders() && value.expose() == PASSWORD.as_bytes() && *by == request(1)
        })
        .times(1)
        .returning(|_, _, _| Ok(RoleReceipt { id: "16400".to_owned() }));
    roles
        .expect_create_private()
        .withf(|database, by| *database == orders() && *by == request(1))
        .times(1)
        .returning(|_, _| Ok(DatabaseReceipt { id: "16390".to_owned() }));
    let tool = tool_with(server_with(roles), MockDatabaseRegister::new(), kubernetes);
    let (call, value) = (create(), password());
    let plan = plan_of(&call).await;
    let mut receipts = Vec::new();
    for step in 0..3 {
        let StepOutcome::Done { receipt } = tool.perform(work(&call, &plan, step, Some(&value))).await else {
            panic!("step {step}")
        };
        receipts.push(receipt);
    }
    assert_eq!(receipts[0]["kubernetes_ref"], json!("shop-dev/orders-db#password"));
    assert_eq!(receipts[1], json!({"server": "main", "role": "orders", "id": "16400"}));
    assert_eq!(receipts[2], json!({"server": "main", "database": "orders", "id": "16390"}));
    assert!(!json!(receipts).to_string().contains(PASSWORD));
}

#[tokio::test]
async fn no_role_is_made_without_the_sealed_value() {
    let (call, tool) = (create(), untouched());
    let plan = plan_of(&call).await;
    for step in 0..2 {
        let outcome = tool.perform(work(&call, &plan, step, None)).await;
        assert!(matches!(outcome, StepOutcome::Permanent { code: "secret_missing", .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn every_error_keeps_its_kind_and_no_password_is_repeated() {
    let (creation, deletion, value) = (create(), delete("drop"), password());
    let (creating, deleting) = (plan_of(&creation).await, plan_of(&deletion).await);
    for kind in ALL_KINDS {
        let said = move || error(kind, &format!("near `{PASSWORD}`"));
        let mut roles = MockLoginRoles::new();
        roles.expect_create_role().returning(move |_, _, _| Err(said()));
        roles.expect_drop_role().returning(move |_, _| Err(said()));
        roles.expect_look_at_role().returning(move |_| Err(said()));
        let tool = with_roles(roles);
        let created = tool.perform(work(&creation, &creating, 1, Some(&value))).await;
        assert_eq!(created, error(kind, "near `[redacted]`").into_step_outcome());
        let dropped = tool.perform(work(&deletion, &deleting, 1, None)).await;
        if kind == TargetErrorKind::NotFound {
            assert!(matches!(dropped, StepOutcome::Done { .. }), "one that is gone is as good as dropped");
        } else {
            assert!(!matches!(dropped, StepOutcome::Done { .. }), "{kind:?}");
        }
        for (call, plan, secret) in [(&creation, &creating, Some(&value)), (&deletion, &deleting, None)] {
            let probed = tool.probe(work(call, plan, 1, secret)).await;
            assert!(matches!(probed, ProbeOutcome::CannotTell { .. }), "{kind:?} {probed:?}");
        }
    }
}

/// The request is number 1; the database and its role that are dropped were made by number 5.
#[tokio::test]
async fn traces_are_read_for_what_they_prove() {
    let table = [
        (create(), None, "not done"),
        (create(), Some(role(Some(1))), "done"),
        (create(), Some(role(Some(2))), "cannot tell"),
        (create(), Some(role(None)), "cannot tell"),
        (delete("drop"), None, "done"),
        (delete("drop"), Some(role(Some(5))), "not done"),
        (delete("drop"), Some(role(Some(6))), "cannot tell"),
        (delete("drop"), Some(role(None)), "cannot tell"),
    ];
    let value = password();
    for (call, seen, expected) in table {
        let plan = plan_of(&call).await;
        let case = format!("{} {seen:?}", call.action);
        let probed = with_roles(seeing(seen)).probe(work(&call, &plan, 1, Some(&value))).await;
        assert_eq!(word(&probed), expected, "{case}");
    }
}

#[tokio::test]
async fn a_role_is_taken_back_only_with_our_mark() {
    let (call, value) = (create(), password());
    let plan = plan_of(&call).await;
    let receipt = json!({"server": "main", "role": "orders", "id": "16400"});
    let undo = || UndoWork { step: work(&call, &plan, 1, Some(&value)), receipt: &receipt, kept: None };
    let mut roles = MockLoginRoles::new();
    roles
        .expect_drop_role()
        .withf(|role, by| *role == orders() && *by == request(1))
        .times(1)
        .returning(|_, _| Ok(()));
    assert!(matches!(with_roles(roles).undo(undo()).await, StepOutcome::Done { .. }));

    let mut roles = MockLoginRoles::new();
    roles.expect_drop_role().returning(|_, _| Err(error(TargetErrorKind::Conflict, "another's")));
    let refused = with_roles(roles).undo(undo()).await;
    assert!(matches!(refused, StepOutcome::Permanent { code: "target_conflict", .. }), "{refused:?}");

    for (seen, expected) in [
        (None, "done"),
        (Some(role(Some(1))), "not done"),
        (Some(role(Some(5))), "cannot tell"),
        (Some(role(None)), "cannot tell"),
    ] {
        assert_eq!(word(&with_roles(seeing(seen)).probe_undo(undo()).await), expected);
    }
}

#[tokio::test]
async fn the_key_is_taken_back_as_any_other() {
    let (call, value) = (create(), password());
    let replaced = There { secret: Some(secret(&[("password", "countersign")])), ..There::default() };
    let plan = planned(&call, replaced).await.unwrap();
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_read_key()
        .withf(|_, name, key, version| (name, key, version) == ("orders-db", "password", "41"))
        .times(1)
        .returning(|_, _, _, _| Ok(Some(SecretValue::new(b"before".to_vec()))));
    kubernetes.expect_holds().returning(|_, _, _, _| {
        Ok(Some(KubernetesReceipt { uid: "u".to_owned(), resource_version: "42".to_owned() }))
    });
    kubernetes
        .expect_apply_key()
        .withf(|write| write.value.expose() == b"before" && write.expected_version == Some("42"))
        .times(1)
        .returning(|_| Ok(KubernetesReceipt { uid: "u".to_owned(), resource_version: "43".to_owned() }));
    let tool = tool_with(server_with(MockLoginRoles::new()), MockDatabaseRegister::new(), kubernetes);
    let Kept::Value(kept) = tool.keep(work(&call, &plan, 0, None)).await else { panic!("nothing is kept") };
    assert!(matches!(tool.keep(work(&call, &plan, 1, None)).await, Kept::Nothing));
    let receipt = json!({});
    let undo =
        || UndoWork { step: work(&call, &plan, 0, Some(&value)), receipt: &receipt, kept: Some(&kept) };
    assert_eq!(tool.probe_undo(undo()).await, ProbeOutcome::NotDone);
    assert!(matches!(tool.undo(undo()).await, StepOutcome::Done { .. }));
}

#[tokio::test]
async fn a_step_is_not_begun_on_another_server_or_blind_or_damaged() {
    let (call, value) = (create(), password());
    let good = plan_of(&call).await;
    let other =
        tool_with(server_named("replacement"), MockDatabaseRegister::new(), MockKubernetesSecrets::new());
    let unseen = Observation::could_not_look(UnseenReason::Broken, "it is down");
    let blind = untouched().plan(&caller(), &call, &unseen).unwrap();
    let mut damaged = good.clone();
    damaged.steps[1].params["role"] = json!("Orders; DROP");
    let mut dropping = good.clone();
    dropping.steps[1].kind = "database.drop_role".to_owned();
    for (tool, plan, expected, about_the_database) in [
        (&other, &good, "target_not_found", true),
        (&untouched(), &blind, "target_not_looked_at", true),
        (&untouched(), &damaged, "step_unreadable", false),
        (&untouched(), &dropping, "step_unreadable", false),
    ] {
        for step in if about_the_database { 1..3 } else { 1..2 } {
            let outcome = tool.perform(work(&call, plan, step, Some(&value))).await;
            assert!(
                matches!(&outcome, StepOutcome::Permanent { code, .. } if *code == expected),
                "{expected}: {outcome:?}"
            );
        }
        let receipt = json!({});
        let undo = UndoWork { step: work(&call, plan, 1, Some(&value)), receipt: &receipt, kept: None };
        let undone = tool.undo(undo).await;
        assert!(matches!(undone, StepOutcome::Permanent { code: "undo_failed", .. }), "{undone:?}");
    }
}
