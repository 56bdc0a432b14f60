//! A database that somebody renamed by hand: found by mark and owner row, acted on under its new name, or left alone.

use super::*;
use crate::ports::{DatabaseReceipt, MarkedDatabase, TargetErrorKind};
use crate::tools::samples::{codes, error, work};

fn now() -> DatabaseName {
    DatabaseName::parse("orders_old").unwrap()
}

fn marked(name: &str, id: &str, created_by: u8) -> MarkedDatabase {
    MarkedDatabase { name: name.to_owned(), id: id.to_owned(), created_by: request(created_by) }
}

/// What the server and the register say.
struct Found {
    at_name: Option<DatabaseSeen>,
    row: OwnedDatabase,
    marked: Vec<MarkedDatabase>,
    at_new_name: Option<DatabaseSeen>,
    row_of_new_name: Option<OwnedDatabase>,
}

/// `orders` of the caller's project, of request 5, is called `orders_old` now.
fn found() -> Found {
    Found {
        at_name: None,
        row: owner(OwnedState::Active, 5),
        marked: vec![marked("billing", "7", 6), marked("orders_old", "16384", 5)],
        at_new_name: Some(database("16384", Some(5))),
        row_of_new_name: None,
    }
}

fn server_of(found: &Found) -> MockDatabaseServer {
    let mut server = server();
    server.expect_access().returning(|| Ok(Access::Allowed));
    let (at_name, at_new_name, marked) =
        (found.at_name.clone(), found.at_new_name.clone(), found.marked.clone());
    server.expect_look().withf(|name| *name == orders()).returning(move |_| Ok(at_name.clone()));
    server.expect_look().withf(|name| *name == now()).returning(move |_| Ok(at_new_name.clone()));
    server.expect_list_marked().returning(move || Ok(marked.clone()));
    server
}

fn register_of(found: &Found) -> MockDatabaseRegister {
    let mut register = MockDatabaseRegister::new();
    let (row, other) = (found.row.clone(), found.row_of_new_name.clone());
    register
        .expect_find_owner()
        .withf(|_, name| *name == orders())
        .returning(move |_, _| Ok(Some(row.clone())));
    register.expect_find_owner().withf(|_, name| *name == now()).returning(move |_, _| Ok(other.clone()));
    register
}

fn tool_for(found: &Found) -> DatabaseLifecycle {
    tool_over(server_of(found), register_of(found))
}

/// A tool whose server has that database under another name, and this one under its own.
pub(super) fn moved(at_name: Option<DatabaseSeen>) -> DatabaseLifecycle {
    tool_for(&Found { at_name, ..found() })
}

async fn plan_for(found: &Found, call: &Call) -> Result<Plan, PlanRefusal> {
    let tool = tool_for(found);
    let observed = tool.observe(&caller(), call).await;
    tool.plan(&caller(), call, &observed)
}

#[tokio::test]
async fn deleting_acts_on_the_very_database_under_its_new_name() {
    let plan = plan_for(&found(), &delete("quarantine")).await.unwrap();
    assert_eq!(codes(&plan)[..2], ["database_renamed", "database_quarantined"]);
    assert_eq!(
        json!(plan.facts[0].params),
        json!({"database": "orders", "server": "main", "now": "orders_old"})
    );
    assert_eq!(plan.steps[0].target, "database:main/orders", "the register's name is what is locked");
    assert_eq!(
        plan.steps[0].params,
        json!({
            "server": "main", "database": "orders", "found_as": "orders_old", "expected_id": "16384",
            "kept_as": "_q_orders_16384",
        })
    );
    let ownership = plan.ownership.unwrap();
    assert_eq!(ownership.database, orders(), "and the one that it gets back");

    let other = Found { at_name: Some(database("1", None)), ..found() };
    let plan = plan_for(&other, &delete("drop")).await.unwrap();
    assert_eq!(codes(&plan)[..3], ["database_renamed", "database_name_used", "database_dropped"]);
    assert_eq!(plan.steps[0].params["found_as"], "orders_old");
}

#[tokio::test]
async fn the_steps_name_it_as_it_is_called_now() {
    let done = || Ok(DatabaseReceipt { id: "16384".to_owned() });
    let mut server = server_of(&found());
    server
        .expect_quarantine()
        .withf(|name, kept, id| *name == now() && kept.as_str() == "_q_orders_16384" && id == "16384")
        .times(1)
        .returning(move |_, _, _| done());
    server
        .expect_drop_database()
        .withf(|name, id| *name == now() && id == "16384")
        .times(1)
        .returning(move |_, _| done());
    let tool = tool_over(server, register_of(&found()));
    for mode in ["quarantine", "drop"] {
        let call = delete(mode);
        let plan = plan_for(&found(), &call).await.unwrap();
        let StepOutcome::Done { receipt } = tool.perform(work(&call, &plan, 0, None)).await else {
            panic!("{mode} was not done")
        };
        assert_eq!(
            (&receipt["database"], &receipt["found_as"]),
            (&json!("orders"), &json!("orders_old")),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn what_is_not_it_beyond_doubt_is_left_alone() {
    use OwnedState::{Active, Quarantined};
    let with_marks = |marked: Vec<MarkedDatabase>| Found { marked, ..found() };
    let table = [
        ("nothing carries the mark", with_marks(vec![marked("billing", "7", 6)]), "database_not_found"),
        (
            "two carry the mark",
            with_marks(vec![marked("orders_old", "16384", 5), marked("copy", "2", 5)]),
            "database_not_ours",
        ),
        ("a name that no step can use", with_marks(vec![marked("Orders", "16384", 5)]), "database_not_ours"),
        ("a name for what is kept", with_marks(vec![marked("_q_x", "16384", 5)]), "database_not_ours"),
        (
            "the new name belongs to another request",
            Found { row_of_new_name: Some(owner(Active, 9)), ..found() },
            "database_not_ours",
        ),
        (
            "the new name belongs to another project",
            Found { row_of_new_name: Some(foreign_owner()), ..found() },
            "database_not_ours",
        ),
        ("the row is another project's", Found { row: foreign_owner(), ..found() }, "database_not_ours"),
        ("it is kept", Found { row: owner(Quarantined, 5), ..found() }, "database_not_found"),
    ];
    for (case, found, expected) in table {
        for mode in ["quarantine", "drop"] {
            let refusal = plan_for(&found, &delete(mode)).await.unwrap_err();
            assert_eq!(refusal.code, expected, "{case}: {refusal}");
            assert!(!refusal.message.contains("billing"), "{case}: {refusal}");
        }
    }
    let impostor = Found { at_name: Some(database("1", Some(7))), marked: Vec::new(), ..found() };
    let refusal = plan_for(&impostor, &delete("drop")).await.unwrap_err();
    assert!(refusal.message.contains("was replaced by somebody else"), "{refusal}");
    assert_eq!(plan_for(&found(), &create()).await.unwrap_err().code, "database_not_found");
}

#[tokio::test]
async fn one_that_moves_while_it_is_looked_at_is_looked_at_later() {
    for at_new_name in [None, Some(database("2", Some(5))), Some(database("16384", None))] {
        let tool = tool_for(&Found { at_new_name, ..found() });
        let observed = tool.observe(&caller(), &delete("drop")).await;
        assert!(
            matches!(&observed, Observation::CouldNotLook { why } if why[0].said.contains("was renamed"))
        );
    }
    let mut server = server();
    server.expect_look().returning(|_| Ok(None));
    server.expect_list_marked().returning(|| Err(error(TargetErrorKind::Unreachable, "it is down")));
    let tool = tool_over(server, register_of(&found()));
    let observed = tool.observe(&caller(), &delete("drop")).await;
    assert!(matches!(observed, Observation::CouldNotLook { .. }), "{observed:?}");
}

#[tokio::test]
async fn describing_tells_the_owner_what_it_is_called_now() {
    let call = describe();
    let told = async |found: Found| {
        let tool = tool_for(&found);
        let observed = tool.observe(&caller(), &call).await;
        let plan = tool.plan(&caller(), &call, &observed).unwrap();
        match tool.perform(work(&call, &plan, 0, None)).await {
            StepOutcome::Done { receipt } => {
                json!(["exists", "owned", "renamed_to", "size_bytes"].map(|field| &receipt[field]))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(found()).await, json!([false, true, "orders_old", 7_500_000]));
    let other = Found { at_name: Some(database("1", None)), ..found() };
    assert_eq!(told(other).await, json!([true, true, "orders_old", 7_500_000]));
    let foreign = Found { row: foreign_owner(), ..found() };
    assert_eq!(told(foreign).await, json!([false, false, null, null]), "others are told nothing");
}

/// A drop whose answer never came, and somebody renamed the database meanwhile: it is not gone.
#[tokio::test]
async fn a_database_that_was_renamed_is_not_taken_for_dropped() {
    let call = delete("drop");
    let there = Found { at_name: Some(database("16384", Some(5))), ..found() };
    let plan = plan_for(&there, &call).await.unwrap();
    for at_name in [None, Some(database("1", None))] {
        let probed = moved(at_name).probe(work(&call, &plan, 0, None)).await;
        assert_eq!(probed, ProbeOutcome::NotDone);
    }
}
