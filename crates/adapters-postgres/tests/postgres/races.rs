//! Two replicas, each with its own pool, on one database.

use std::sync::Arc;
use std::time::Duration;

use countersign_approvals::Choice;
use countersign_kernel::Millis;
use countersign_usecases::commit::{Draft, Guard};
use countersign_usecases::port::{Ledger, Queries, StoreError, WorkKind, WorkQueue, WorkSubject};
use countersign_usecases::record::Stamp;

use crate::story::{Story, assert_stale};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_that_open_on_one_run_state_one_is_stale() {
    let story = Story::new().await;
    let other = story.replica().await;
    let run = story.register("run-1").await;
    let (_, first) = story.opening(&run, "a").await;
    let (_, second) = story.opening(&run, "b").await;
    let (one, two) = tokio::join!(story.store.commit(first), other.commit(second));
    assert!(one.is_ok() != two.is_ok(), "one and only one is written: {one:?} {two:?}");
    assert_stale(one.and(two), "agent_sessions");
    assert_eq!(story.count("SELECT count(*) FROM mcp_action_requests").await, 1);
    assert_eq!(story.count("SELECT count(*) FROM commits").await, 2, "nothing of the loser stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_decisions_at_once_one_is_written() {
    let story = Story::new().await;
    let other = story.replica().await;
    let run = story.register("run-1").await;
    let id = story.open(&run, "a").await;
    let snapshot = story.snapshot(id).await;
    let mut tasks = Vec::new();
    for (index, by) in (0..8).map(|index| (index, format!("user:github:u{index}"))) {
        let commit = story.decision(&snapshot, &by, Choice::Approve);
        let store = if index % 2 == 0 { story.store.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move { store.commit(commit).await }));
    }
    let mut written = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => written += 1,
            // A decision ends the run's wait, so that the run's row is the first to be found moved.
            lost => assert_stale(lost, "agent_sessions"),
        }
    }
    assert_eq!(written, 1);
    assert_eq!(
        story.count("SELECT count(*) FROM flow_events WHERE event_type = 'approval.approved'").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_between_load_and_commit_moves_no_version_and_is_kept() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    let (_, commit) = story.opening(&run, "a").await;
    // The heartbeat's transaction holds the row while the commit waits for it, so that the commit meets a newer row than it saw.
    let pool = story.database.pool().await;
    let mut beat = pool.begin().await.unwrap();
    sqlx::query("UPDATE agent_sessions SET last_heartbeat_at = '2099-01-01Z'")
        .execute(&mut *beat)
        .await
        .unwrap();
    let store = story.store.clone();
    let waiting = tokio::spawn(async move { store.commit(commit).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "the commit waits for the row");
    beat.commit().await.unwrap();
    waiting.await.unwrap().unwrap();
    let run = story.store.load_run(&run).await.unwrap().run.unwrap();
    assert_eq!(run.last_heartbeat_at.unwrap().to_string(), "2099-01-01T00:00:00.000000Z");
    assert!(story.store.heartbeat(&run.facts.id).await.unwrap());
    let again = story.store.load_run(&run.facts.id).await.unwrap().run.unwrap();
    assert_eq!(again.last_heartbeat_at, run.last_heartbeat_at, "a sign of life never goes back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_after_is_judged_when_the_locks_are_held() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    let snapshot = story.store.load_run(&run).await.unwrap();
    let mut draft = Draft::about(story.context(snapshot.now), &snapshot.run.unwrap());
    draft.guard(Guard::RunLive { run_id: run.to_string() });
    draft.guard(Guard::NotAfter { deadline: snapshot.now.plus(Millis(600)) });
    let links = countersign_waitstate::RunLinks { issue: Some(7), pull_request: None };
    let linked = draft.run().unwrap().link(&links).unwrap().unwrap();
    draft.record_run(linked).unwrap();
    let commit = draft.finish();
    // In time when it was sent, too late when the row was free.
    let pool = story.database.pool().await;
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM agent_sessions FOR UPDATE").execute(&mut *holder).await.unwrap();
    let store = story.store.clone();
    let waiting = tokio::spawn(async move { store.commit(commit).await });
    tokio::time::sleep(Duration::from_millis(900)).await;
    holder.commit().await.unwrap();
    assert_stale(waiting.await.unwrap(), "not_after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_held_for_too_long_is_unavailable() {
    let options =
        countersign_adapters_postgres::StoreOptions { lock_timeout: Millis(200), ..Default::default() };
    let story = Story::with(options).await;
    let run = story.register("run-1").await;
    let (_, commit) = story.opening(&run, "a").await;
    let pool = story.database.pool().await;
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM agent_sessions FOR UPDATE").execute(&mut *holder).await.unwrap();
    let refused = story.store.commit(commit.clone()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    holder.rollback().await.unwrap();
    story.store.commit(commit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_of_one_run_at_once_all_get_through_two_replicas() {
    let story = Arc::new(Story::new().await);
    let other = story.replica().await;
    let run = story.register("run-1").await;
    let mut tasks = Vec::new();
    for index in 0..16 {
        let (story, run) = (story.clone(), run.clone());
        let store = if index % 2 == 0 { story.store.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move {
            loop {
                let (_, commit) = story.opening(&run, &format!("call {index}")).await;
                match store.commit(commit).await {
                    Ok(()) => break,
                    moved => assert_stale(moved, "agent_sessions"),
                }
            }
        }));
    }
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(30), task).await.unwrap().unwrap();
    }
    let run = story.store.load_run(&run).await.unwrap().run.unwrap();
    assert_eq!((run.waits.len(), run.version), (16, 17));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_two_replicas_never_hold_one_row() {
    let story = Story::new().await;
    let other = story.replica().await;
    let now = story.now().await;
    let mut draft = Draft::new(story.context(now));
    for index in 0..60 {
        let subject = WorkSubject::from_storage(format!("s{index}"));
        draft.schedule(WorkKind::Remind, subject, now);
    }
    story.store.commit(draft.finish()).await.unwrap();
    let (one, two) = (story.ids(now).worker(), story.ids(now).worker());
    let kinds = [WorkKind::Remind];
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        let (a, b) = tokio::join!(story.store.claim(one, &kinds, 5), other.claim(two, &kinds, 5));
        mine.extend(a.unwrap());
        theirs.extend(b.unwrap());
    }
    let mut subjects: Vec<_> = mine.iter().chain(&theirs).map(|lease| lease.subject.clone()).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), mine.len() + theirs.len(), "no row twice");
    assert_eq!(subjects.len(), 60, "no row forgotten");
    assert!(Stamp(now) <= Stamp(mine[0].until));
    assert!(story.store.claim(one, &kinds, 5).await.unwrap().is_empty());
    assert!(story.store.audit_backlog().await.unwrap().is_none(), "work alone writes no events");
}

/// Rows are locked in the order of their keys, whatever order a commit names them in: nobody waits in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_name_the_same_runs_in_opposite_orders_never_deadlock() {
    let story = Story::new().await;
    let other = story.replica().await;
    for run in ["run-1", "run-2", "run-3"] {
        story.register(run).await;
    }
    // While the one in the middle is held, each commit has locked what it names first.
    let pool = story.database.pool().await;
    let mut holder = pool.begin().await.unwrap();
    let middle = "SELECT 1 FROM agent_sessions WHERE run_id = 'run-2' FOR UPDATE";
    sqlx::query(middle).execute(&mut *holder).await.unwrap();
    let (forth, back) = (["run-1", "run-2", "run-3"], ["run-3", "run-2", "run-1"]);
    let mut tasks = Vec::new();
    for (store, order) in [(story.store.clone(), forth), (other, back)] {
        let mut draft = Draft::new(story.context(story.now().await));
        let due = draft.now();
        for run in order {
            draft.guard(Guard::RunLive { run_id: run.to_owned() });
            draft.schedule(WorkKind::Remind, WorkSubject::from_storage(run.to_owned()), due);
        }
        let commit = draft.finish();
        tasks.push(tokio::spawn(async move { store.commit(commit).await }));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    holder.commit().await.unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(story.count("SELECT count(*) FROM work_items WHERE kind = 'remind'").await, 3);
}
