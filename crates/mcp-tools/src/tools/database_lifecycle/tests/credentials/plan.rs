//! What is planned of what is there.

use countersign_kernel::Language;

use super::*;
use crate::plan::{OwnershipChange, SecretSpec};
use crate::tools::samples::{ALL_KINDS, assert_worded, codes, error, settles};

fn steps(plan: &Plan) -> Vec<(u32, &str, &str)> {
    plan.steps.iter().map(|step| (step.number, step.kind.as_str(), step.target.as_str())).collect()
}

fn refusal(result: Result<Plan, PlanRefusal>) -> (&'static str, String) {
    let refusal = result.unwrap_err();
    (refusal.code, refusal.message)
}

#[tokio::test]
async fn what_can_be_taken_back_comes_first_and_the_database_last() {
    let plan = planned(&create(), There::default()).await.unwrap();
    assert_eq!(
        codes(&plan),
        [
            "database_created",
            "database_marked",
            "credentials_checked",
            "database_role_created",
            "kubernetes_secret_created",
            "database_password_generated",
            "database_credentials_taken_back",
            "database_role_credentials_checked",
        ]
    );
    assert_eq!(
        steps(&plan),
        [
            (1, "kubernetes.apply_key", "kubernetes:shop-dev/orders-db#password"),
            (2, "database.create_role", "role:main/orders"),
            (3, "database.create", "database:main/orders"),
        ]
    );
    assert_eq!(
        plan.steps[0].params,
        json!({
            "namespace": "shop-dev", "name": "orders-db", "key": "password", "resource_version": {"seen": null},
            "key_existed": false,
        })
    );
    assert_eq!(plan.steps[1].params, json!({"server": "main", "role": "orders"}));
    assert_eq!(plan.steps[2].params, json!({"server": "main", "database": "orders", "private": true}));
    assert_eq!(plan.secret, Some(SecretSpec { length: 32 }));
    assert_eq!(plan.ownership.as_ref().unwrap().change, OwnershipChange::Reserve);
    let undone: Vec<_> = plan.steps.iter().map(|step| untouched().undoes(step)).collect();
    assert_eq!(undone, [true, true, false]);
    assert_worded(&untouched(), &plan);
    let words = untouched().word(&plan.facts[5], Language::English);
    assert!(words.contains("put into `shop-dev/orders-db#password`; nobody sees it"), "{words}");
}

#[tokio::test]
async fn a_key_that_is_replaced_and_those_that_stay_are_told() {
    let there = There {
        secret: Some(secret(&[("password", "countersign"), ("user", "kubectl")])),
        ..There::default()
    };
    let plan = planned(&create(), there).await.unwrap();
    assert_eq!(codes(&plan)[4..6], ["kubernetes_key_replaced", "kubernetes_other_keys_stay"]);
    assert_eq!(plan.steps[0].params["resource_version"], json!({"seen": "41"}));
    assert_eq!(plan.steps[0].params["key_existed"], json!(true));
}

#[tokio::test]
async fn what_stands_in_the_way_is_refused_before_anyone_is_asked() {
    for mark in [None, Some(1), Some(5)] {
        let there = There { role: Some(role(mark)), ..There::default() };
        let (code, message) = refusal(planned(&create(), there).await);
        assert_eq!(code, "target_conflict");
        assert_eq!(message, "role `orders` on server `main` exists already; it is never adopted");
    }
    let there = There { secret: Some(secret(&[("password", "helm")])), ..There::default() };
    let (code, message) = refusal(planned(&create(), there).await);
    assert_eq!(code, "target_conflict");
    assert_eq!(
        message,
        "kubernetes secret `shop-dev/orders-db#password` belongs to another field manager, `helm`"
    );
    let immutable = SecretSeen { immutable: true, ..secret(&[]) };
    let there = There { secret: Some(immutable), ..There::default() };
    assert_eq!(refusal(planned(&create(), there).await).0, "target_immutable");
    let there = There { database: Some(database("1", None)), ..There::default() };
    assert_eq!(refusal(planned(&create(), there).await).0, "database_not_ours");
}

#[tokio::test]
async fn a_database_that_exists_gets_no_role_any_more() {
    let plan = planned(&create(), in_use()).await.unwrap();
    assert_eq!((codes(&plan), plan.steps.len()), (vec!["database_already_there"], 0));
    assert_eq!((plan.secret, plan.ownership), (None, None));
    let others =
        SecretSeen { written_by: Some(request(6).to_string()), ..secret(&[("password", "countersign")]) };
    for there in [
        There { role: None, ..in_use() },
        There { role: Some(role(Some(6))), ..in_use() },
        There { secret: None, ..in_use() },
        There { secret: Some(others), ..in_use() },
    ] {
        let (code, message) = refusal(planned(&create(), there).await);
        assert_eq!(code, "target_conflict");
        assert!(message.starts_with("database `orders` on server `main` exists already"), "{message}");
    }
}

#[tokio::test]
async fn deleting_tells_what_becomes_of_the_role() {
    let elsewhere = || RoleSeen { used_elsewhere: true, ..role(Some(5)) };
    let table = [
        ("quarantine", Some(role(Some(5))), Some("database_role_kept_out"), 1),
        ("quarantine", Some(elsewhere()), Some("database_role_kept_out"), 1),
        ("quarantine", Some(role(None)), None, 1),
        ("drop", Some(role(Some(5))), Some("database_role_dropped"), 2),
        ("drop", Some(elsewhere()), Some("database_role_stays"), 1),
        ("drop", Some(role(Some(6))), None, 1),
        ("drop", Some(role(None)), None, 1),
        ("drop", None, None, 1),
    ];
    for (mode, role, fact, count) in table {
        let case = format!("{mode} {role:?}");
        let plan = planned(&delete(mode), There { role, ..in_use() }).await.unwrap();
        let stated = codes(&plan).into_iter().find(|code| code.starts_with("database_role_"));
        assert_eq!((stated, plan.steps.len()), (fact, count), "{case}");
        assert_worded(&untouched(), &plan);
        if count == 2 {
            assert_eq!(steps(&plan)[1], (2, "database.drop_role", "role:main/orders"));
            let created_by = request(5).to_string();
            let params = json!({"server": "main", "role": "orders", "created_by": created_by});
            assert_eq!(plan.steps[1].params, params);
        }
    }
}

/// Rights on roles are asked for where a role is made or dropped, and nowhere else.
#[tokio::test]
async fn missing_rights_are_a_refusal() {
    let mine = || Some(role(Some(5)));
    let table = [
        (create(), None, true),
        (super::super::create(), None, false),
        (delete("drop"), mine(), true),
        (delete("drop"), Some(role(None)), false),
        (delete("quarantine"), mine(), false),
        (describe(), None, false),
    ];
    for (call, seen, asked) in table {
        let mut roles = MockLoginRoles::new();
        roles
            .expect_role_access()
            .times(usize::from(asked))
            .returning(|| Ok(Access::Refused { why: "role `app` has no CREATEROLE".to_owned() }));
        roles.expect_look_at_role().returning(move |_| Ok(seen.clone()));
        let mut server = server_with(roles);
        server.expect_access().returning(|| Ok(Access::Allowed));
        let there = call.action.as_str() != "create";
        server.expect_look().returning(move |_| Ok(there.then(|| database("16384", Some(5)))));
        let mut register = MockDatabaseRegister::new();
        let row = there.then(|| owner(OwnedState::Active, 5));
        register.expect_find_owner().returning(move |_, _| Ok(row.clone()));
        let tool = tool_with(server, register, MockKubernetesSecrets::new());
        let observed = tool.observe(&caller(), &call).await;
        let result = tool.plan(&caller(), &call, &observed);
        if asked {
            let (code, message) = refusal(result);
            assert_eq!(code, "target_forbidden", "{}", call.action);
            assert_eq!(message, "login roles of database server `main`: role `app` has no CREATEROLE");
        } else {
            result.unwrap();
        }
    }
}

#[tokio::test]
async fn every_error_while_looking_is_a_refusal_or_a_plan_that_never_runs() {
    for kind in ALL_KINDS {
        for failing in ["role access", "role", "secret access", "secret"] {
            let fails = |what: &str| (what == failing).then(|| error(kind, "it said so"));
            let mut roles = MockLoginRoles::new();
            let (access, look) = (fails("role access"), fails("role"));
            roles.expect_role_access().return_once(move || access.map_or(Ok(Access::Allowed), Err));
            roles.expect_look_at_role().return_once(move |_| look.map_or(Ok(None), Err));
            let mut kubernetes = MockKubernetesSecrets::new();
            let (access, look) = (fails("secret access"), fails("secret"));
            kubernetes.expect_access().return_once(move |_, _| access.map_or(Ok(Access::Allowed), Err));
            kubernetes.expect_look().return_once(move |_, _| look.map_or(Ok(None), Err));
            let mut server = server_with(roles);
            server.expect_access().returning(|| Ok(Access::Allowed));
            server.expect_look().returning(|_| Ok(None));
            let mut register = MockDatabaseRegister::new();
            register.expect_find_owner().returning(|_, _| Ok(None));
            let tool = tool_with(server, register, kubernetes);
            let observed = tool.observe(&caller(), &create()).await;
            let planned = tool.plan(&caller(), &create(), &observed);
            if settles(kind) {
                assert_eq!(refusal(planned), (kind.code(), "the target: it said so".to_owned()), "{failing}");
                continue;
            }
            let plan = planned.unwrap();
            assert_eq!((codes(&plan)[0], plan.steps.len()), ("could_not_look", 3), "{failing}");
            assert!(
                codes(&plan)[1].starts_with("unseen_") && plan.facts.len() == 2,
                "{failing}: {:?}",
                codes(&plan)
            );
            assert_eq!((plan.secret, plan.ownership.as_ref()), (Some(SecretSpec { length: 32 }), None));
            assert_eq!(plan.steps[0].params["resource_version"], json!("not_looked_at"));
            assert_eq!(plan.steps[1].params["server"], json!(null));
            assert_eq!(plan.steps[2].params["server"], json!(null));
        }
    }
}

#[tokio::test]
async fn configuration_that_became_stricter_is_obeyed() {
    let looked = async |tool: &DatabaseLifecycle| tool.observe(&caller(), &create()).await;
    let world = || {
        let mut roles = MockLoginRoles::new();
        roles.expect_role_access().returning(|| Ok(Access::Allowed));
        roles.expect_look_at_role().returning(|_| Ok(None));
        let mut server = server_with(roles);
        server.expect_access().returning(|| Ok(Access::Allowed));
        server.expect_look().returning(|_| Ok(None));
        let mut register = MockDatabaseRegister::new();
        register.expect_find_owner().returning(|_, _| Ok(None));
        (server, register)
    };
    let (server, register) = world();
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes.expect_access().returning(|_, _| Ok(Access::Allowed));
    kubernetes.expect_look().returning(|_, _| Ok(None));
    let nowhere = CredentialsConfig { namespaces: NamespaceRules::default(), ..config() };
    let strict = tool_over(server, register).with_credentials(nowhere, Arc::new(kubernetes));
    let (code, message) = refusal(strict.plan(&caller(), &create(), &looked(&strict).await));
    assert_eq!(code, "target_forbidden");
    assert!(message.starts_with("kubernetes namespace `shop-dev` "), "{message}");

    let (server, register) = world();
    let without = tool_over(server, register);
    let (code, message) = refusal(without.plan(&caller(), &create(), &looked(&without).await));
    assert_eq!((code, message.as_str()), ("target_not_found", "kubernetes is not configured"));
}
