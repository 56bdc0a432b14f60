//! Staff has a quarantined database back.

use countersign_kernel::Fault as _;
use countersign_mcp_tools::ports::TargetErrorKind;

use super::*;
use crate::support::BOB;
use crate::support::databases::Answer;

/// What somebody does to the server by hand.
type Spoil = fn(&Stage);

#[tokio::test]
async fn a_restored_database_has_its_name_and_its_owner_back() {
    let stage = Stage::quarantined().await;
    let restoring = stage.restore().await.unwrap();
    assert_eq!((restoring.name.as_str(), restoring.state.as_str()), ("orders", "restoring"));
    assert_eq!(stage.owned(), owned(&[("orders", "restoring")]), "intended before anything is written");
    assert_eq!(stage.server.names(), [KEPT]);
    stage.world.work_off().await;
    assert_eq!(stage.server.names(), ["orders"]);
    assert_eq!(stage.owned(), owned(&[("orders", "active")]));
    assert_eq!(stage.events(), ["database.restoring", "database.restored"]);
    let events = stage.world.rows().events;
    let asked = events.iter().find(|event| event.event_type == "database.restoring").unwrap();
    assert_eq!(
        (asked.actor_id.as_str(), &asked.detail["reason"]),
        (CAROL, &json!("the team still needs it"))
    );
    stage.world.pass(RETENTION * 2).await;
    assert_eq!(stage.server.names(), ["orders"], "it is not purged any more");
}

#[tokio::test]
async fn a_restored_database_can_be_deleted_again() {
    let stage = Stage::quarantined().await;
    stage.restore().await.unwrap();
    stage.world.work_off().await;
    stage.done("delete", "orders").await;
    assert_eq!(stage.server.names(), [KEPT]);
    assert_eq!(stage.owned(), owned(&[(KEPT, "quarantined")]));
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_looked_for_first() {
    for (answer, evidence) in [
        (Answer::DoneUnanswered, json!({"found": "orders"})),
        (Answer::Unanswered, json!({"renamed": "16385"})),
    ] {
        let stage = Stage::quarantined().await;
        stage.restore().await.unwrap();
        stage.server.script(answer);
        stage.world.work_off().await;
        assert_eq!(stage.owned(), owned(&[("orders", "restoring")]));
        stage.world.pass(60).await;
        assert_eq!(stage.owned(), owned(&[("orders", "active")]));
        assert_eq!(stage.server.names(), ["orders"]);
        assert_eq!(stage.world.last_detail("database.restored")["evidence"], evidence);
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_a_refusal_that_changes_nothing() {
    let cases: [(&str, Spoil); 4] = [
        ("database_name_taken", |stage| stage.server.make_by_hand("orders")),
        ("database_not_ours", |stage| stage.server.make_by_hand(KEPT)),
        ("database_not_ours", |stage| stage.server.unmark_by_hand(KEPT)),
        ("database_not_ours", |stage| stage.server.rename_by_hand(KEPT, "elsewhere")),
    ];
    for (code, spoil) in cases {
        let stage = Stage::quarantined().await;
        spoil(&stage);
        let before = stage.world.rows();
        assert_eq!(stage.restore().await.unwrap_err().code(), code);
        assert_eq!(stage.world.rows(), before);
    }
}

#[tokio::test]
async fn the_name_can_be_taken_only_once() {
    let stage = Stage::quarantined().await;
    // A new one of the name is approved and reserved, and not made yet.
    let id = stage.asked("create", "orders").await;
    stage.world.approve(id, ALICE).await.unwrap();
    stage.server.script(Answer::Unanswered);
    stage.world.work_off().await;
    assert_eq!(stage.restore().await.unwrap_err().code(), "database_name_taken");

    let stage = Stage::quarantined().await;
    stage.restore().await.unwrap();
    let refused = json!({
        "action": "create", "environment": "dev", "database_name": "orders",
        "justification": "the new service needs it so",
    });
    let error = stage.world.try_call("database.lifecycle", refused).await.unwrap_err();
    assert_eq!(error.code(), "database_reserved");
    assert_eq!(
        stage.restore().await.unwrap_err().code(),
        "database_not_kept",
        "it is being restored already"
    );
}

#[tokio::test]
async fn a_restore_is_refused_when_the_retention_is_over() {
    let stage = Stage::quarantined().await;
    // No worker has come to it yet.
    stage.world.clock.advance(countersign_kernel::Millis::from_secs(RETENTION));
    assert_eq!(stage.restore().await.unwrap_err().code(), "retention_over");
    stage.world.work_off().await;
    assert_eq!(stage.restore().await.unwrap_err().code(), "database_not_kept");
}

#[tokio::test]
async fn a_restore_that_the_server_refuses_leaves_the_database_in_quarantine_for_its_time() {
    let stage = Stage::quarantined().await;
    let until = stage.rows()[0].keep_until;
    stage.restore().await.unwrap();
    stage.server.script(Answer::Refused(TargetErrorKind::Forbidden));
    stage.world.work_off().await;
    assert_eq!(stage.owned(), owned(&[(KEPT, "quarantined")]));
    assert_eq!(stage.rows()[0].keep_until, until);
    assert_eq!(stage.world.last_detail("database.kept")["code"], "target_forbidden");
    stage.restore().await.unwrap();
    stage.world.work_off().await;
    assert_eq!(stage.server.names(), ["orders"]);
}

#[tokio::test]
async fn what_takes_the_name_behind_our_back_keeps_it() {
    let stage = Stage::quarantined().await;
    stage.restore().await.unwrap();
    stage.server.make_by_hand("orders");
    stage.world.work_off().await;
    assert_eq!(stage.owned(), owned(&[(KEPT, "quarantined")]));
    assert_eq!(stage.world.last_detail("database.kept")["code"], "database_name_taken");
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.server.names(), ["orders"], "and ours is purged in its time");
}

#[tokio::test]
async fn staff_and_time_exclude_each_other() {
    // The purge commits its intention between the look at the row and the commit of the restore.
    let stage = Arc::new(Stage::quarantined().await);
    let (racing, deadline) = (stage.clone(), RETENTION);
    stage.world.ledger.before_next_commit(move || {
        racing.world.clock.advance(countersign_kernel::Millis::from_secs(deadline + 1));
        crate::support::on_another_thread(async move { racing.world.work_off().await });
    });
    assert_eq!(stage.restore().await.unwrap_err().code(), "database_not_kept");
    assert_eq!(stage.events(), ["database.purging", "database.purged"]);
}

#[tokio::test]
async fn a_restore_counts_only_for_the_row_it_was_decided_on() {
    // Between the look at the row and the commit somebody else restores the database, and an agent has it dropped.
    let stage = Arc::new(Stage::quarantined().await);
    let racing = stage.clone();
    stage.world.ledger.before_next_commit(move || {
        crate::support::on_another_thread(async move {
            // Another person: two commits that bring the same name's pseudonym would be stale for that alone.
            racing.restore_by(BOB).await.unwrap();
            racing.world.work_off().await;
            racing.done("drop", "orders").await;
        });
    });
    assert_eq!(stage.restore().await.unwrap_err().code(), "database_not_kept");
    assert!(stage.owned().is_empty(), "no name is reserved for a database that is gone");
}
