//! The login role of a database: it goes when its database goes for good, whatever is cut off in between, and only if it is its own.

use countersign_mcp_tools::ports::TargetErrorKind;

use super::*;
use crate::support::databases::Answer;

impl Stage {
    /// One where `orders` was created by an approved request, and has a login role with that request's mark.
    async fn with_role() -> Self {
        let stage = Self::new().await;
        stage.done("create", "orders").await;
        stage.server.give_role("orders", stage.server.mark_of("orders"));
        stage
    }

    async fn quarantined_with_role() -> Self {
        let stage = Self::with_role().await;
        stage.done("delete", "orders").await;
        assert_eq!(stage.server.roles_there(), ["orders"], "it stays while the database is kept");
        stage
    }

    fn drops(&self) -> Vec<String> {
        self.server.writes().into_iter().filter(|write| write.starts_with("drop")).collect()
    }
}

#[tokio::test]
async fn a_role_is_dropped_after_its_database() {
    let stage = Stage::with_role().await;
    stage.done("drop", "orders").await;
    assert_eq!(stage.drops(), ["drop orders", "drop role orders"]);
    assert!(stage.server.names().is_empty() && stage.server.roles_there().is_empty());
}

/// The database is dropped and the role is not: the answer about either was lost.
#[tokio::test]
async fn a_drop_that_was_cut_off_goes_on_with_the_role() {
    for cut in [
        [Answer::DoneUnanswered].as_slice(),
        &[Answer::Done, Answer::Unanswered],
        &[Answer::Done, Answer::DoneUnanswered],
    ] {
        let stage = Stage::with_role().await;
        let id = stage.asked("drop", "orders").await;
        for answer in cut {
            stage.server.script(*answer);
        }
        stage.world.approve(id, ALICE).await.unwrap();
        stage.world.work_off().await;
        stage.world.pass(60).await;
        assert_eq!(stage.world.state(id).await, "applied", "{cut:?}");
        assert!(stage.server.names().is_empty() && stage.server.roles_there().is_empty(), "{cut:?}");
    }
}

#[tokio::test]
async fn a_purge_takes_the_role_along() {
    let stage = Stage::quarantined_with_role().await;
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.drops(), [format!("drop {KEPT}"), "drop role orders".to_owned()]);
    assert!(stage.server.roles_there().is_empty() && stage.owned().is_empty());
    let evidence = &stage.world.last_detail("database.purged")["evidence"];
    assert_eq!(*evidence, json!({"dropped": "16385", "role": "dropped"}));
}

#[tokio::test]
async fn a_purge_that_was_cut_off_before_the_role_goes_on_with_it() {
    let stage = Stage::quarantined_with_role().await;
    stage.server.script(Answer::Done);
    stage.server.script(Answer::Unanswered);
    stage.world.pass(RETENTION + 1).await;
    assert_eq!(stage.owned(), owned(&[(KEPT, "purging")]), "the database is gone and the role is not");
    stage.world.pass(60).await;
    assert!(stage.server.roles_there().is_empty() && stage.owned().is_empty());
    let evidence = &stage.world.last_detail("database.purged")["evidence"];
    assert_eq!(*evidence, json!({"found": "gone", "role": "dropped"}));
}

#[tokio::test]
async fn a_role_that_something_else_depends_on_stays_and_holds_nothing_up() {
    let stage = Stage::quarantined_with_role().await;
    stage.server.script(Answer::Done);
    stage.server.script(Answer::Refused(TargetErrorKind::Conflict));
    stage.world.pass(RETENTION + 1).await;
    assert_eq!((stage.server.roles_there().len(), stage.owned().len()), (1, 0));
    assert_eq!(stage.world.last_detail("database.purged")["evidence"]["role"], "stays");
}

#[tokio::test]
async fn a_role_with_another_mark_is_never_dropped() {
    let stage = Stage::quarantined_with_role().await;
    stage.server.give_role("orders", None);
    stage.world.pass(RETENTION + 1).await;
    assert_eq!((stage.drops().len(), stage.server.roles_there().len()), (1, 1));
    assert_eq!(stage.world.last_detail("database.purged")["evidence"], json!({"dropped": "16385"}));
}
