//! What each step asks of the server, and how its traces are read afterwards.

use super::*;
use crate::ports::{DatabaseReceipt, TargetErrorKind};
use crate::tool::UnseenReason;
use crate::tools::samples::{ALL_KINDS, error, work};

fn kept_as() -> DatabaseName {
    DatabaseName::parse("_q_orders_16384").unwrap()
}

async fn plan_of(call: &Call) -> Plan {
    let (there, row) = match call.action.as_str() {
        "create" => (None, None),
        _ => (Some(database("16384", Some(5))), Some(owner(OwnedState::Active, 5))),
    };
    planned(call, there, row).await.unwrap()
}

fn done(id: &str) -> Result<DatabaseReceipt, crate::ports::TargetError> {
    Ok(DatabaseReceipt { id: id.to_owned() })
}

#[tokio::test]
async fn each_action_asks_one_thing_of_the_server() {
    let mut server = server();
    server
        .expect_create()
        .withf(|database, by| *database == orders() && *by == request(1))
        .times(1)
        .returning(|_, _| done("16390"));
    server
        .expect_quarantine()
        .withf(|database, kept, id| *database == orders() && *kept == kept_as() && id == "16384")
        .times(1)
        .returning(|_, _, _| done("16384"));
    server
        .expect_drop_database()
        .withf(|database, id| *database == orders() && id == "16384")
        .times(1)
        .returning(|_, _| done("16384"));
    let tool = tool_over(server, MockDatabaseRegister::new());
    let table = [
        (create(), json!({"server": "main", "database": "orders", "id": "16390"})),
        (
            delete("quarantine"),
            json!({"server": "main", "database": "orders", "id": "16384", "kept_as": "_q_orders_16384"}),
        ),
        (delete("drop"), json!({"server": "main", "database": "orders", "id": "16384"})),
    ];
    for (call, receipt) in table {
        let plan = plan_of(&call).await;
        assert_eq!(tool.perform(work(&call, &plan, 0, None)).await, StepOutcome::Done { receipt });
    }
}

#[tokio::test]
async fn describing_tells_the_owner_all_and_others_that_the_name_is_taken() {
    use OwnedState::{Active, Quarantined};
    let there = || Some(database("16384", Some(5)));
    let table = [
        (there(), Some(owner(Active, 5)), json!([true, true, "active", 7_500_000, 3])),
        (None, Some(owner(Quarantined, 5)), json!([false, true, "quarantined", null, null])),
        (there(), Some(owner(Active, 6)), json!([true, false, "active", null, null])),
        (there(), Some(foreign_owner()), json!([true, false, null, null, null])),
        (there(), None, json!([true, false, null, null, null])),
        (None, None, json!([false, false, null, null, null])),
    ];
    let call = describe();
    let plan = plan_of(&call).await;
    for (there, row, expected) in table {
        let tool = world(there, row);
        let StepOutcome::Done { receipt } = tool.perform(work(&call, &plan, 0, None)).await else {
            panic!("{expected}")
        };
        let told = ["exists", "owned", "state", "size_bytes", "connections"].map(|field| &receipt[field]);
        assert_eq!(json!(told), expected);
        assert_eq!((&receipt["server"], &receipt["database"]), (&json!("main"), &json!("orders")));
    }
}

#[tokio::test]
async fn every_error_keeps_its_kind() {
    for kind in ALL_KINDS {
        let said = move || error(kind, "it said so");
        let mut server = server();
        server.expect_create().returning(move |_, _| Err(said()));
        server.expect_quarantine().returning(move |_, _, _| Err(said()));
        server.expect_drop_database().returning(move |_, _| Err(said()));
        server.expect_look().returning(move |_| Err(said()));
        server.expect_list_marked().returning(move || Err(said()));
        let mut register = MockDatabaseRegister::new();
        register.expect_find_owner().returning(|_, _| Ok(None));
        let tool = tool_over(server, register);
        for call in [create(), delete("quarantine"), delete("drop")] {
            let plan = plan_of(&call).await;
            assert_eq!(tool.perform(work(&call, &plan, 0, None)).await, said().into_step_outcome());
            let probed = tool.probe(work(&call, &plan, 0, None)).await;
            assert!(matches!(probed, ProbeOutcome::CannotTell { .. }), "{kind:?} {probed:?}");
        }
        let call = describe();
        let plan = plan_of(&call).await;
        let outcome = tool.perform(work(&call, &plan, 0, None)).await;
        assert!(!matches!(outcome, StepOutcome::Unclear { .. } | StepOutcome::Done { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_step_is_not_begun_on_another_server_or_blind_or_damaged() {
    let other = tool_over(server_named("replacement"), MockDatabaseRegister::new());
    let (call, unseen) = (create(), Observation::could_not_look(UnseenReason::Broken, "it is down"));
    let good = plan_of(&call).await;
    let blind = tool().plan(&caller(), &call, &unseen).unwrap();
    let mut damaged = good.clone();
    damaged.steps[0].kind = "database.quarantine".to_owned();
    for (tool, plan, expected, probe_says_not_done) in [
        (&other, &good, TargetErrorKind::NotFound.code(), false),
        (&tool(), &blind, "target_not_looked_at", true),
        (&tool(), &damaged, "step_unreadable", false),
    ] {
        let outcome = tool.perform(work(&call, plan, 0, None)).await;
        assert!(
            matches!(outcome, StepOutcome::Permanent { code, .. } if code == expected),
            "{expected}: {outcome:?}"
        );
        let probed = tool.probe(work(&call, plan, 0, None)).await;
        assert_eq!(probed == ProbeOutcome::NotDone, probe_says_not_done, "{probed:?}");
        assert!(!matches!(probed, ProbeOutcome::Done { .. }));
    }
}

/// What is found under the database's own name and under the quarantined one, and what that proves. The request is number 1 and the
/// database that was planned on is 16384.
#[tokio::test]
async fn traces_are_read_for_what_they_prove() {
    let planned_on = || Some(database("16384", Some(5)));
    let another = || Some(database("999", None));
    let table = [
        (create(), None, None, "not done"),
        (create(), Some(database("16390", Some(1))), None, "done"),
        (create(), Some(database("16390", Some(2))), None, "cannot tell"),
        (create(), Some(database("16390", None)), None, "cannot tell"),
        (delete("quarantine"), None, planned_on(), "done"),
        (delete("quarantine"), another(), planned_on(), "done"),
        (delete("quarantine"), planned_on(), None, "not done"),
        (delete("quarantine"), planned_on(), another(), "not done"),
        (delete("quarantine"), planned_on(), planned_on(), "not done"),
        (delete("quarantine"), None, None, "cannot tell"),
        (delete("quarantine"), another(), another(), "cannot tell"),
        (delete("drop"), None, None, "done"),
        (delete("drop"), another(), None, "done"),
        (delete("drop"), planned_on(), None, "not done"),
        (describe(), planned_on(), None, "not done"),
    ];
    for (call, at_name, at_kept, expected) in table {
        let plan = plan_of(&call).await;
        let mut server = server();
        let (name, kept) = (at_name.clone(), at_kept.clone());
        server.expect_look().withf(|database| *database == orders()).returning(move |_| Ok(name.clone()));
        server.expect_look().withf(|database| *database == kept_as()).returning(move |_| Ok(kept.clone()));
        server.expect_list_marked().returning(|| Ok(Vec::new()));
        let tool = tool_over(server, MockDatabaseRegister::new());
        let got = match tool.probe(work(&call, &plan, 0, None)).await {
            ProbeOutcome::Done { receipt } => {
                assert!(receipt["evidence"].is_string() && receipt["id"].is_string(), "{receipt}");
                "done"
            }
            ProbeOutcome::NotDone => "not done",
            ProbeOutcome::CannotTell { retry, .. } => {
                assert!(!retry);
                "cannot tell"
            }
        };
        assert_eq!(got, expected, "{} {at_name:?} {at_kept:?}", call.action);
    }
}
