//! How rows of a commit meet the rows that are there.

use countersign_kernel::Digest;
use countersign_usecases::commit::{DatabaseWrite, Draft};
use countersign_usecases::port::{Ledger, WorkKind, WorkQueue, WorkSubject};
use countersign_usecases::record::{DatabaseRecord, PolicyRecord, Stamp};

use crate::story::{Story, assert_stale};

#[tokio::test]
async fn work_that_is_removed_and_scheduled_again_keeps_no_lease() {
    let story = Story::new().await;
    let now = story.now().await;
    let subject = || WorkSubject::from_storage("s".to_owned());
    let mut draft = Draft::new(story.context(now));
    draft.schedule(WorkKind::Probe, subject(), now);
    story.store.commit(draft.finish()).await.unwrap();
    let worker = story.ids(now).worker();
    let kinds = [WorkKind::Probe];
    assert_eq!(story.store.claim(worker, &kinds, 9).await.unwrap().len(), 1);

    let mut draft = Draft::new(story.context(now));
    draft.schedule(WorkKind::Probe, subject(), now);
    story.store.commit(draft.finish()).await.unwrap();
    assert!(story.store.claim(worker, &kinds, 9).await.unwrap().is_empty(), "scheduling keeps the lease");

    let mut draft = Draft::new(story.context(now));
    draft.unschedule(WorkKind::Probe, subject());
    draft.schedule(WorkKind::Probe, subject(), now);
    story.store.commit(draft.finish()).await.unwrap();
    let leases = story.store.claim(worker, &kinds, 9).await.unwrap();
    assert_eq!(leases.iter().map(|lease| lease.attempts).collect::<Vec<_>>(), [1], "a new row");

    let mut draft = Draft::new(story.context(now));
    draft.schedule(WorkKind::Probe, subject(), now);
    draft.unschedule(WorkKind::Probe, subject());
    story.store.commit(draft.finish()).await.unwrap();
    assert_eq!(story.count("SELECT count(*) FROM work_items").await, 0);
}

#[tokio::test]
async fn several_writes_of_one_owner_row_come_to_the_last() {
    let story = Story::new().await;
    let now = story.now().await;
    let row = |state: &str| DatabaseRecord {
        server: "main".to_owned(),
        database_name: "orders".to_owned(),
        project: "shop".to_owned(),
        environment: "dev".to_owned(),
        state: state.to_owned(),
        request_id: story.ids(now).request().to_string(),
        kept_as: None,
        original_name: None,
        database_id: None,
        keep_until: None,
        changed_at: Stamp(now),
    };
    let remove = || DatabaseWrite::Remove { server: "main".to_owned(), database_name: "orders".to_owned() };
    let write = async |writes: Vec<DatabaseWrite>| {
        let mut draft = Draft::new(story.context(now));
        writes.into_iter().for_each(|write| draft.write_database(write));
        story.store.commit(draft.finish()).await
    };
    let states = "SELECT COALESCE(string_agg(state, ','), 'none') FROM project_databases";
    let state = async || {
        let pool = story.database.pool().await;
        sqlx::query_scalar::<_, String>(states).fetch_one(&pool).await.unwrap()
    };
    write(vec![DatabaseWrite::Update(row("active"))]).await.unwrap();
    assert_eq!(state().await, "none", "there was nothing to replace");
    write(vec![DatabaseWrite::Insert(row("reserved")), DatabaseWrite::Update(row("active"))]).await.unwrap();
    assert_eq!(state().await, "active");
    assert_stale(write(vec![DatabaseWrite::Insert(row("reserved"))]).await, "project_databases");
    write(vec![DatabaseWrite::Update(row("reserved")), DatabaseWrite::Update(row("quarantined"))])
        .await
        .unwrap();
    assert_eq!(state().await, "quarantined");
    write(vec![DatabaseWrite::Update(row("active")), remove()]).await.unwrap();
    assert_eq!(state().await, "none");
}

#[tokio::test]
async fn a_text_of_the_history_is_found_by_its_digest_and_the_latest_is_active() {
    let story = Story::new().await;
    let now = story.now().await;
    for (number, text) in [(1, "a"), (2, "b"), (3, "a")] {
        let mut draft = Draft::new(story.context(now));
        draft.put_policy(PolicyRecord {
            number,
            digest: Digest::of_bytes(text.as_bytes()).to_string(),
            text: text.to_owned(),
            activated_at: Stamp(now),
            activated_by: "user:github:alice".to_owned(),
        });
        story.store.commit(draft.finish()).await.unwrap();
    }
    let active = story.store.load_policy(None).await.unwrap().unwrap();
    assert_eq!((active.stamp.number, active.text.as_str()), (3, "a"));
    let digest = Digest::of_bytes(b"b");
    let older = story.store.load_policy(Some(digest)).await.unwrap().unwrap();
    assert_eq!((older.stamp.number, older.stamp.digest), (2, digest));
    let twice = story.store.load_policy(Some(Digest::of_bytes(b"a"))).await.unwrap().unwrap();
    assert_eq!(twice.stamp.number, 3, "the latest activation first");
    assert!(story.store.load_policy(Some(Digest::of_bytes(b"c"))).await.unwrap().is_none());
}
