//! Whose database it is decides everything: the whole table of what is there against what the register says.

use super::*;
use crate::plan::{Ownership, OwnershipChange, Quarantine, Reversibility};
use crate::ports::TargetErrorKind;
use crate::tool::Unseen;
use crate::tools::samples::{
    ALL_KINDS, assert_foreign_facts_are_printed, assert_worded, codes, error, settles,
};

fn code(result: &Result<Plan, PlanRefusal>) -> &'static str {
    match result {
        Err(refusal) => refusal.code,
        Ok(plan) if plan.steps.is_empty() => "nothing to do",
        Ok(_) => "steps",
    }
}

#[tokio::test]
async fn whose_it_is_decides() {
    use OwnedState::{Active, Purging, Quarantined, Reserved, Restoring};
    let elsewhere = OwnedDatabase { environment: Environment::parse("staging").unwrap(), ..owner(Active, 5) };
    let ours = |state| Some(owner(state, 5));
    let marked = || Some(database("16384", Some(5)));
    // What is there, what the register says, what creating it means, what deleting it means.
    let table = [
        (None, None, "steps", "database_not_found"),
        (Some(database("1", None)), None, "database_not_ours", "database_not_ours"),
        (Some(database("1", Some(5))), None, "database_not_ours", "database_not_ours"),
        (marked(), Some(foreign_owner()), "database_not_ours", "database_not_ours"),
        (None, Some(foreign_owner()), "database_not_ours", "database_not_ours"),
        (marked(), Some(elsewhere), "database_not_ours", "database_not_ours"),
        (marked(), ours(Active), "nothing to do", "steps"),
        (Some(database("1", Some(6))), ours(Active), "database_not_ours", "database_not_ours"),
        (Some(database("1", None)), ours(Active), "database_not_ours", "database_not_ours"),
        (None, ours(Active), "database_not_found", "database_not_found"),
        (None, ours(Reserved), "database_reserved", "database_reserved"),
        (marked(), ours(Reserved), "database_reserved", "database_reserved"),
        (None, ours(Quarantined), "database_quarantined", "database_not_found"),
        (marked(), ours(Quarantined), "database_quarantined", "database_not_found"),
        (None, ours(Restoring), "database_reserved", "database_reserved"),
        (marked(), ours(Restoring), "database_reserved", "database_reserved"),
        (marked(), ours(Purging), "database_quarantined", "database_not_found"),
    ];
    for (there, row, creating, deleting) in table {
        let case = format!("{there:?} {row:?}");
        for (call, expected) in
            [(create(), creating), (delete("quarantine"), deleting), (delete("drop"), deleting)]
        {
            let result = planned(&call, there.clone(), row.clone()).await;
            assert_eq!(code(&result), expected, "{} {case}", call.action);
            if let Err(refusal) = &result {
                assert!(refusal.message.starts_with("database `orders` on server `main` "), "{refusal}");
                assert!(!refusal.message.contains("billing"), "another project is not named: {refusal}");
            }
        }
        let described = planned(&describe(), there, row).await;
        assert_eq!(code(&described), "steps", "describe {case}");
    }
}

#[tokio::test]
async fn creating_reserves_the_name() {
    let plan = planned(&create(), None, None).await.unwrap();
    assert_eq!(codes(&plan), ["database_created", "database_marked", "credentials_checked"]);
    assert_eq!(plan.secret, None);
    assert_eq!(plan.steps.len(), 1);
    let step = &plan.steps[0];
    assert_eq!((step.number, step.kind.as_str()), (1, "database.create"));
    assert_eq!((step.target.as_str(), step.reversibility), ("database:main/orders", Reversibility::ReadBack));
    assert_eq!(step.params, json!({"server": "main", "database": "orders"}));
    assert_eq!(
        plan.ownership,
        Some(Ownership {
            server: "main".to_owned(),
            database: orders(),
            environment: dev(),
            change: OwnershipChange::Reserve,
        })
    );
}

#[tokio::test]
async fn what_is_ours_already_is_left_as_it_is() {
    let plan = planned(&create(), Some(database("16384", Some(5))), Some(owner(OwnedState::Active, 5)))
        .await
        .unwrap();
    assert_eq!(codes(&plan), ["database_already_there"]);
    assert_eq!((plan.steps.len(), plan.ownership), (0, None));
}

#[tokio::test]
async fn deleting_says_what_is_lost_and_names_the_very_database() {
    let there = || Some(database("16384", Some(5)));
    let row = || Some(owner(OwnedState::Active, 5));

    let plan = planned(&delete("quarantine"), there(), row()).await.unwrap();
    assert_eq!(
        codes(&plan),
        [
            "database_quarantined",
            "database_owned",
            "database_size",
            "database_connections",
            "database_connections_end",
            "database_stays_owned",
            "credentials_checked"
        ]
    );
    assert_eq!(plan.steps[0].kind, "database.quarantine");
    assert_eq!(
        plan.steps[0].params,
        json!({"server": "main", "database": "orders", "expected_id": "16384", "kept_as": "_q_orders_16384"})
    );
    let kept_as = DatabaseName::parse("_q_orders_16384").unwrap();
    let quarantine = Quarantine { kept_as, database_id: "16384".to_owned(), created_by: request(5), days: 7 };
    assert_eq!(plan.ownership.unwrap().change, OwnershipChange::Quarantine(quarantine));

    let plan = planned(&delete("drop"), there(), row()).await.unwrap();
    assert_eq!(
        codes(&plan),
        [
            "database_dropped",
            "database_owned",
            "database_size",
            "database_connections",
            "database_connections_end",
            "database_name_freed"
        ]
    );
    assert_eq!(plan.steps[0].kind, "database.drop");
    assert_eq!(plan.steps[0].params, json!({"server": "main", "database": "orders", "expected_id": "16384"}));
    assert_eq!(plan.ownership.unwrap().change, OwnershipChange::Release);
}

#[tokio::test]
async fn what_changes_by_itself_changes_no_plan_and_what_matters_does() {
    let row = || Some(owner(OwnedState::Active, 5));
    let plan = async |seen: DatabaseSeen| planned(&delete("drop"), Some(seen), row()).await.unwrap();
    let seen = || database("16384", Some(5));
    let before = plan(seen()).await;
    assert_eq!(before, plan(DatabaseSeen { connections: 9, size_bytes: 7_600_000, ..seen() }).await);
    assert_ne!(before, plan(DatabaseSeen { size_bytes: 75_000_000, ..seen() }).await);
    assert_ne!(before, plan(DatabaseSeen { connections: 10, ..seen() }).await);
    assert_ne!(before, plan(DatabaseSeen { id: "16385".to_owned(), ..seen() }).await);
    let described = planned(&describe(), None, None).await.unwrap();
    assert_eq!(described, planned(&describe(), Some(seen()), row()).await.unwrap());
}

#[tokio::test]
async fn refused_credentials_are_a_refusal() {
    for (call, asked) in
        [(create(), true), (delete("quarantine"), true), (delete("drop"), false), (describe(), false)]
    {
        let mut server = server();
        server
            .expect_access()
            .times(usize::from(asked))
            .returning(|| Ok(Access::Refused { why: "role `app` may not create databases".to_owned() }));
        server.expect_look().times(usize::from(!asked)).returning(|_| Ok(None));
        let mut register = MockDatabaseRegister::new();
        register.expect_find_owner().times(usize::from(!asked)).returning(|_, _| Ok(None));
        let tool = tool_over(server, register);
        let observed = tool.observe(&caller(), &call).await;
        let result = tool.plan(&caller(), &call, &observed);
        if asked {
            let refusal = result.unwrap_err();
            assert_eq!(refusal.code, "target_forbidden");
            assert_eq!(refusal.message, "database server `main`: role `app` may not create databases");
        } else {
            assert_ne!(code(&result), "target_forbidden");
        }
    }
}

#[tokio::test]
async fn every_error_while_looking_is_a_refusal_or_a_plan_that_never_runs() {
    for kind in ALL_KINDS {
        for failing in ["access", "register", "look"] {
            let fails = |what: &str| (what == failing).then(|| error(kind, "it said so"));
            let mut server = server();
            let (access, look, find) = (fails("access"), fails("look"), fails("register"));
            server.expect_access().return_once(move || access.map_or(Ok(Access::Allowed), Err));
            server.expect_look().return_once(move |_| look.map_or(Ok(None), Err));
            let mut register = MockDatabaseRegister::new();
            register.expect_find_owner().return_once(move |_, _| find.map_or(Ok(None), Err));
            let tool = tool_over(server, register);
            let observed = tool.observe(&caller(), &create()).await;
            let planned = tool.plan(&caller(), &create(), &observed);
            if settles(kind) {
                let refusal = planned.unwrap_err();
                assert_eq!((refusal.code, refusal.message.as_str()), (kind.code(), "the target: it said so"));
            } else {
                let reason = Unseen::from(&error(kind, "it said so")).reason;
                assert_eq!(observed, Observation::could_not_look(reason, "the target: it said so"));
                let plan = planned.unwrap();
                assert_eq!((codes(&plan)[0], plan.steps.len()), ("could_not_look", 1));
                assert!(
                    codes(&plan)[1].starts_with("unseen_") && plan.facts.len() == 2,
                    "{:?}",
                    codes(&plan)
                );
                assert_eq!(plan.ownership, None);
                assert_eq!(plan.steps[0].params, json!({"server": null, "database": "orders"}));
                assert_worded(&tool, &plan);
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_was_taken_out_of_the_configuration_is_not_found() {
    let mut call = create();
    call.environment = Some(Environment::parse("production").unwrap());
    let observed = tool().observe(&caller(), &call).await;
    let refusal = tool().plan(&caller(), &call, &observed).unwrap_err();
    assert_eq!(refusal.code, TargetErrorKind::NotFound.code());
    assert!(refusal.message.contains("environment `production`"), "{refusal}");
}

#[test]
fn an_observation_of_another_version_is_refused() {
    let observed = Observation::Seen(json!({"version": 2}));
    let refusal = tool().plan(&caller(), &create(), &observed).unwrap_err();
    assert_eq!(refusal.code, "observation_unreadable");
}

#[tokio::test]
async fn every_fact_is_worded() {
    let mut stated = vec!["could_not_look".to_owned()];
    let ours = || (Some(database("16384", Some(5))), Some(owner(OwnedState::Active, 5)));
    for (call, (there, row)) in [
        (create(), (None, None)),
        (create(), ours()),
        (delete("quarantine"), ours()),
        (delete("drop"), ours()),
        (describe(), ours()),
    ] {
        let plan = planned(&call, there, row).await.unwrap();
        assert_worded(&tool(), &plan);
        stated.extend(plan.facts.into_iter().map(|fact| fact.code));
    }
    let (tool_that_finds, call) = (super::renamed::moved(Some(database("1", None))), delete("drop"));
    let observed = tool_that_finds.observe(&caller(), &call).await;
    let plan = tool_that_finds.plan(&caller(), &call, &observed).unwrap();
    assert_worded(&tool(), &plan);
    stated.extend(plan.facts.into_iter().map(|fact| fact.code));
    // The one at the top is worded in a test of its own, above, and so are those about login roles.
    for fact in DatabaseFact::ALL.iter().filter(|fact| !credentials::ABOUT_ROLES.contains(fact)) {
        assert!(stated.iter().any(|code| code == fact.code()), "no plan states {}", fact.code());
    }
    assert_foreign_facts_are_printed(&tool());
}
