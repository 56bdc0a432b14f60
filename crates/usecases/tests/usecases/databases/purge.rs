//! Dropping for good when the retention is over: once, whatever is cut off, and only what was quarantined.

use countersign_mcp_tools::ports::TargetErrorKind;
use countersign_usecases::port::WorkKind;

use super::*;
use crate::support::databases::Answer;

#[tokio::test]
async fn a_quarantined_database_is_kept_for_its_time_and_then_dropped_once() {
    let stage = Stage::quarantined().await;
    let row = stage.rows().remove(0);
    assert_eq!((row.state.as_str(), row.original_name.as_deref()), ("quarantined", Some("orders")));
    assert_eq!(row.database_id.as_deref(), Some("16385"));
    let kept_for = row.keep_until.unwrap().0.since(row.changed_at.0);
    assert_eq!(kept_for.0, RETENTION * 1000);
    stage.world.pass(RETENTION - 1).await;
    assert_eq!(stage.server.names(), [KEPT], "not a second early");
    stage.world.pass(2).await;
    assert!(stage.server.names().is_empty() && stage.owned().is_empty());
    assert_eq!(stage.events(), ["database.purging", "database.purged"]);
    let detail = stage.world.last_detail("database.purged");
    assert_eq!((&detail["database"], &detail["kept_as"]), (&json!("orders"), &json!(KEPT)));
    let purged = stage.world.rows().events.pop().unwrap();
    assert_eq!((purged.project.as_deref(), purged.actor_id.as_str()), (Some("shop"), "keeper"));
    stage.world.pass(RETENTION).await;
    assert_eq!(stage.server.writes().iter().filter(|write| write.starts_with("drop")).count(), 1);
    assert!(stage.world.rows().work.iter().all(|row| row.kind != WorkKind::Purge));
}

#[tokio::test]
async fn the_intention_is_on_the_record_before_the_server_is_written_to() {
    let stage = Stage::quarantined().await;
    stage.server.script(Answer::Unanswered);
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.owned(), owned(&[(KEPT, "purging")]));
    assert_eq!(stage.events(), ["database.purging"]);
    let error = stage.restore().await.unwrap_err();
    assert!(matches!(error, DatabaseError::RetentionOver { .. }), "{error}");
    stage.world.pass(60).await;
    assert!(stage.server.names().is_empty() && stage.owned().is_empty());
    assert_eq!(stage.events(), ["database.purging", "database.purged"]);
}

#[tokio::test]
async fn a_drop_whose_answer_was_lost_is_not_done_again() {
    let stage = Stage::quarantined().await;
    stage.server.script(Answer::DoneUnanswered);
    stage.world.pass(RETENTION + 1).await;
    stage.world.pass(60).await;
    assert_eq!(stage.events(), ["database.purging", "database.purged"]);
    assert_eq!(stage.world.last_detail("database.purged")["evidence"], json!({"found": "gone"}));
    assert_eq!(stage.server.writes().iter().filter(|write| write.starts_with("drop")).count(), 1);
}

/// A worker that died had sent the drop; the server was still at it when its successor looked.
#[tokio::test]
async fn a_drop_that_is_overtaken_by_an_earlier_one_is_looked_for_soon() {
    for kind in [TargetErrorKind::NotFound, TargetErrorKind::Conflict] {
        let stage = Stage::quarantined().await;
        stage.server.script(Answer::Overtaken(kind));
        stage.world.pass(RETENTION + 1).await;
        assert_eq!(stage.events(), ["database.purging"]);
        stage.world.pass(30).await;
        assert_eq!(stage.events(), ["database.purging", "database.purged"]);
        assert!(stage.owned().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_the_quarantined_database_is_never_dropped() {
    let stage = Stage::quarantined().await;
    stage.server.make_by_hand(KEPT);
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.server.names(), [KEPT]);
    assert_eq!(stage.events(), ["database.purging", "database.kept"]);
    assert_eq!(stage.world.last_detail("database.kept")["code"], "database_not_ours");
    assert_eq!(stage.owned(), owned(&[(KEPT, "quarantined")]));
    stage.world.pass(RETENTION).await;
    assert_eq!(stage.server.names(), [KEPT], "nothing tries again");
}

/// The number of a file or an oid alone is not enough: the mark has to be that of the request in the row.
#[tokio::test]
async fn a_database_that_lost_its_mark_is_never_dropped() {
    let stage = Stage::quarantined().await;
    stage.server.unmark_by_hand(KEPT);
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.server.names(), [KEPT]);
    assert_eq!(stage.events(), ["database.purging", "database.kept"]);
}

#[tokio::test]
async fn a_refused_drop_is_tried_again_when_our_rights_are_back() {
    let stage = Stage::quarantined().await;
    stage.server.script(Answer::Refused(TargetErrorKind::Forbidden));
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.owned(), owned(&[(KEPT, "purging")]));
    stage.world.pass(600).await;
    assert!(stage.owned().is_empty());
}

#[tokio::test]
async fn a_server_without_the_database_server_leaves_it_to_others() {
    let stage = Stage::quarantined().await;
    let replica = stage.world.replica(7);
    stage.world.pass_with(&replica, RETENTION + 1).await;
    assert_eq!(stage.owned(), owned(&[(KEPT, "quarantined")]));
    stage.world.pass(60).await;
    assert!(stage.owned().is_empty());
}
