//! Paging of events while transactions commit in another order than they write.

use countersign_usecases::port::{EventCursor, EventFilter, Ledger, Queries, StoreError};
use countersign_usecases::record::EventRecord;

use crate::story::Story;

/// Writes an event the way a commit does, in a transaction that stays open until it is committed.
const LATE: &str = "INSERT INTO flow_events (event_id, at, event_type, actor_kind, actor_id, actor_proof, actor_pseudonym, detail, salt)
    VALUES ('late', now(), 'run.linked', 'system', 'test', 'internal', 'system:test', '{}', '00')";

async fn read_on(story: &Story, cursor: &mut Option<EventCursor>) -> Vec<EventRecord> {
    let page = story.store.list_events(&EventFilter::default(), cursor.as_ref(), 1000).await.unwrap();
    *cursor = page.next;
    page.events
}

#[tokio::test]
async fn an_event_that_commits_late_is_not_skipped() {
    let story = Story::new().await;
    story.register("run-1").await;
    let mut cursor = None;
    assert_eq!(read_on(&story, &mut cursor).await.len(), 1);

    let pool = story.database.pool().await;
    let mut late = pool.begin().await.unwrap();
    sqlx::query(LATE).execute(&mut *late).await.unwrap();
    // Written after the late one and committed before it.
    story.register("run-2").await;
    let before = cursor.clone();
    assert!(read_on(&story, &mut cursor).await.is_empty(), "nothing is shown above a transaction in flight");
    assert_eq!(cursor, before, "an empty page ends where it began");
    let newest = story.store.newest_event().await.unwrap();
    assert_eq!(Some(&newest), cursor.as_ref(), "following from now on skips nothing either");

    late.commit().await.unwrap();
    let events = read_on(&story, &mut cursor).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].event_id, "late", "in the order of their transactions");
    assert_eq!(events[1].run_id.as_deref(), Some("run-2"));
    assert!(read_on(&story, &mut cursor).await.is_empty());
}

#[tokio::test]
async fn an_event_of_a_transaction_that_was_rolled_back_holds_nothing_up() {
    let story = Story::new().await;
    let pool = story.database.pool().await;
    let mut gone = pool.begin().await.unwrap();
    sqlx::query(LATE).execute(&mut *gone).await.unwrap();
    story.register("run-1").await;
    gone.rollback().await.unwrap();
    let mut cursor = None;
    assert_eq!(read_on(&story, &mut cursor).await.len(), 1);
}

#[tokio::test]
async fn a_transaction_of_another_database_holds_nothing_up() {
    let (story, other) = (Story::new().await, Story::new().await);
    let pool = other.database.pool().await;
    let mut open = pool.begin().await.unwrap();
    sqlx::query(LATE).execute(&mut *open).await.unwrap();
    story.register("run-1").await;
    let mut cursor = None;
    assert_eq!(read_on(&story, &mut cursor).await.len(), 1);
    assert!(read_on(&other, &mut None).await.is_empty());
    open.rollback().await.unwrap();
}

#[tokio::test]
async fn pages_and_filters_meet_each_event_once() {
    let story = Story::new().await;
    for run in ["run-1", "run-2", "run-3"] {
        let run = story.register(run).await;
        story.open(&run, "a").await;
    }
    let all = story.store.list_events(&EventFilter::default(), None, 1000).await.unwrap().events;
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let page = story.store.list_events(&EventFilter::default(), cursor.as_ref(), 2).await.unwrap();
        if page.events.is_empty() {
            break;
        }
        paged.extend(page.events);
        cursor = page.next;
    }
    assert_eq!(paged, all);
    assert!(all.len() >= 9, "{}", all.len());
    let filter = EventFilter {
        run: Some(countersign_testkit::build::run_id("run-2")),
        type_prefix: Some("approval.".to_owned()),
        ..EventFilter::default()
    };
    let some = story.store.list_events(&filter, None, 1000).await.unwrap().events;
    let expected: Vec<_> = all
        .iter()
        .filter(|event| event.run_id.as_deref() == Some("run-2") && event.event_type.starts_with("approval."))
        .cloned()
        .collect();
    assert_eq!(some, expected);
    assert!(!some.is_empty());
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let story = Story::new().await;
    let cursor = EventCursor("17".to_owned());
    let refused = story.store.list_events(&EventFilter::default(), Some(&cursor), 10).await;
    assert!(matches!(refused, Err(StoreError::ForeignCursor { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_approval_counts_as_recorded_for_its_own_plan_only() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    let id = story.open(&run, "a").await;
    let snapshot = story.snapshot(id).await;
    let plan = snapshot.request.proposal.plan_digest;
    assert!(!story.store.approval_on_record(id, plan).await.unwrap());
    let approval = story.decision(&snapshot, "user:github:alice", countersign_approvals::Choice::Approve);
    story.store.commit(approval).await.unwrap();
    assert!(story.store.approval_on_record(id, plan).await.unwrap());
    assert!(
        !story.store.approval_on_record(id, countersign_kernel::Digest::of_bytes(b"other")).await.unwrap()
    );
}
