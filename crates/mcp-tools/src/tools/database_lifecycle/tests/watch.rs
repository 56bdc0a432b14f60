//! What is noticed about databases that somebody renames, removes, makes or marks by hand.

use super::*;
use crate::ports::TargetErrorKind;
use crate::tools::samples::{done, error};
use crate::watch::{Deviation, Inspection};

fn kept() -> DatabaseName {
    DatabaseName::parse("_q_orders_16384").unwrap()
}

/// Inspects what this call left: what is there, by name, and what the register says, by name.
async fn inspected(
    call: &Call,
    there: &[(DatabaseName, DatabaseSeen)],
    rows: &[(DatabaseName, OwnedState)],
) -> Inspection {
    let (before, row) = match call.action.as_str() {
        "create" => (None, None),
        _ => (Some(database("16384", Some(5))), Some(owner(OwnedState::Active, 5))),
    };
    let plan = planned(call, before, row).await.unwrap();
    let mut server = server();
    let (there, rows) = (there.to_vec(), rows.to_vec());
    server.expect_look().returning(move |name| {
        Ok(there.iter().find(|(known, _)| known == name).map(|(_, seen)| seen.clone()))
    });
    let receipt = json!({"server": "main", "database": "orders", "id": "16384"});
    let mut register = MockDatabaseRegister::new();
    register.expect_find_owner().returning(move |_, name| {
        Ok(rows.iter().find(|(known, _)| known == name).map(|(_, state)| owner(*state, 1)))
    });
    tool_over(server, register).inspect(done(call, &plan, 0, &receipt)).await
}

fn deviation(inspection: &Inspection) -> Option<Deviation> {
    match inspection {
        Inspection::AsLeft | Inspection::NotWatched => None,
        Inspection::Changed { finding, .. } => Some(finding.deviation),
        Inspection::CouldNotLook { why } => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_created_database_stays_itself_under_its_name_and_mark() {
    let table = [
        (vec![(orders(), database("16384", Some(1)))], None),
        (vec![], Some(Deviation::Removed)),
        (vec![(kept(), database("16384", Some(1)))], Some(Deviation::Removed)),
        (vec![(orders(), database("17000", Some(1)))], Some(Deviation::Replaced)),
        (vec![(orders(), database("16384", None))], Some(Deviation::Unmarked)),
        (vec![(orders(), database("16384", Some(9)))], Some(Deviation::Unmarked)),
    ];
    for (there, expected) in table {
        assert_eq!(
            deviation(&inspected(&create(), &there, &[(orders(), OwnedState::Active)]).await),
            expected,
            "{there:?}"
        );
    }
}

#[tokio::test]
async fn a_quarantined_database_stays_kept_and_its_name_free() {
    let (kept_one, new_one) = ((kept(), database("16384", Some(5))), (orders(), database("17000", None)));
    let table = [
        (vec![kept_one.clone()], None),
        (vec![], Some(Deviation::Removed)),
        (vec![(orders(), database("16384", Some(5)))], Some(Deviation::Removed)),
        (vec![(kept(), database("17000", None))], Some(Deviation::Replaced)),
        (vec![kept_one, new_one], Some(Deviation::Unowned)),
    ];
    for (there, expected) in table {
        assert_eq!(
            deviation(&inspected(&delete("quarantine"), &there, &[(kept(), OwnedState::Quarantined)]).await),
            expected,
            "{there:?}"
        );
    }
}

#[tokio::test]
async fn a_dropped_database_is_not_made_anew_by_hand() {
    assert_eq!(inspected(&delete("drop"), &[], &[]).await, Inspection::AsLeft);
    let anew = [(orders(), database("17000", None))];
    assert_eq!(deviation(&inspected(&delete("drop"), &anew, &[]).await), Some(Deviation::Unowned));
}

#[tokio::test]
async fn what_left_the_register_by_another_way_is_not_compared_any_more() {
    let back = [(orders(), database("16384", Some(5)))];
    let active = [(orders(), OwnedState::Active)];
    let restored = inspected(&delete("quarantine"), &back, &active).await;
    assert_eq!(restored, Inspection::NotWatched, "brought back under its name");
    let let_go = inspected(&delete("quarantine"), &[], &[]).await;
    assert_eq!(let_go, Inspection::AsLeft, "kept for its time, and gone");
    let elsewhere = inspected(&create(), &[], &[]).await;
    assert_eq!(elsewhere, Inspection::NotWatched, "no longer in the register");
    let made_again = inspected(&delete("drop"), &back, &active).await;
    assert_eq!(made_again, Inspection::NotWatched, "the name is ours again");
}

#[tokio::test]
async fn a_server_that_is_away_or_another_gives_no_finding() {
    let call = create();
    let plan = planned(&call, None, None).await.unwrap();
    let receipt = json!({"id": "16384"});
    let mut away = server();
    away.expect_look().returning(|_| Err(error(TargetErrorKind::Unreachable, "refused")));
    let tool = tool_over(away, MockDatabaseRegister::new());
    let why = "the target: refused".to_owned();
    assert_eq!(tool.inspect(done(&call, &plan, 0, &receipt)).await, Inspection::CouldNotLook { why });
    let tool = tool_over(server_named("other"), MockDatabaseRegister::new());
    assert_eq!(tool.inspect(done(&call, &plan, 0, &receipt)).await, Inspection::NotWatched);
    let tool = tool_over(server(), MockDatabaseRegister::new());
    assert_eq!(tool.inspect(done(&call, &plan, 0, &json!({}))).await, Inspection::NotWatched);
}
