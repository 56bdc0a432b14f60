//! The file: kept, had by one, brought up to date.

use std::sync::Arc;

use countersign_kernel::{Millis, RunId, Timestamp};
use countersign_usecases::commit::{CommitRecords, WorkWrite};
use countersign_usecases::port::{
    Due, EventFilter, Ledger, Queries, StoreError, WorkKind, WorkQueue, WorkSubject,
};
use countersign_usecases::record::Stamp;

use super::support::{Bench, START, event, new, records, request, request_id, run, worker};
use crate::{OpenError, SqliteOptions, SqliteStore};

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let bench = Bench::new().await;
    let mut commit = records(1);
    commit.runs = new(run("run-1"));
    commit.requests = new(request(1, "run-1", "a"));
    commit.events = vec![event(1)];
    let subject = WorkSubject::from_storage(request_id(1));
    let kind = WorkKind::ExpireDecision;
    commit.work = vec![WorkWrite::Schedule { kind, subject, due_at: Stamp(START) }];
    bench.store.write(&commit).await.unwrap();
    assert!(bench.store.heartbeat(&RunId::parse("run-1").unwrap()).await.unwrap());
    let lease = bench.store.claim(worker(1), &[kind], 1).await.unwrap().remove(0);
    bench.store.release(&lease, Due::After(Millis(0))).await.unwrap();
    let before = bench.dump().await;

    let bench = bench.reopen().await;
    assert_eq!(bench.dump().await, before);
    assert!(bench.store.find_commit(commit.id).await.unwrap());
    let read = bench.store.load_request(request_id(1).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(read.request.proposal.call, request(1, "run-1", "a").payload_snapshot);
    assert_eq!(read.request.proposal.plan, request(1, "run-1", "a").target_snapshot);
    let page = bench.store.list_events(&EventFilter::default(), None, 10).await.unwrap();
    assert_eq!(page.events.len(), 1);
    assert_eq!(bench.store.claim(worker(1), &[kind], 1).await.unwrap()[0].fence, lease.fence + 1);
}

#[tokio::test]
async fn a_second_store_on_the_file_is_refused_until_the_first_is_closed() {
    let bench = Bench::new().await;
    let second = || SqliteStore::open(bench.path(), SqliteOptions::default(), || START);
    let Err(error) = second().await else { panic!("two stores on one file") };
    assert!(matches!(&error, OpenError::Held { path, .. } if *path == bench.path()), "{error}");
    assert!(error.to_string().contains("is in use by another server"), "{error}");

    let clone = bench.store.clone();
    bench.store.close().await;
    assert!(matches!(clone.find_commit(records(1).id).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(clone.write(&records(1)).await, Err(StoreError::Unavailable { .. })));
    drop(clone);
    drop(bench.store);
    let again =
        SqliteStore::open(bench.folder.path().join("ledger.db"), SqliteOptions::default(), || START).await;
    again.unwrap().close().await;
}

#[tokio::test]
async fn a_store_that_is_dropped_lets_go_of_the_file() {
    let bench = Bench::new().await;
    let path = bench.path();
    drop(bench.store);
    // The writer ends on its own once nobody can ask it anything.
    let mut waited_ms = 0;
    loop {
        match SqliteStore::open(&path, SqliteOptions::default(), || START).await {
            Ok(store) => return store.close().await,
            Err(OpenError::Held { .. }) if waited_ms < 5000 => {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                waited_ms += 10;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn tables_of_a_newer_version_are_not_touched() {
    let bench = Bench::new().await;
    bench.store.close().await;
    bench
        .vandalize(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9999, 'from the future', TRUE, x'00', 0)",
        )
        .await
        .unwrap();
    drop(bench.store);
    let opened =
        SqliteStore::open(bench.folder.path().join("ledger.db"), SqliteOptions::default(), || START).await;
    assert!(matches!(opened.map(|_| ()), Err(OpenError::Migrate { .. })));
}

#[tokio::test]
async fn a_file_that_is_no_database_and_a_folder_that_is_not_there_are_said_so() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "not a database, but long enough to look at".repeat(50)).unwrap();
    let opened = SqliteStore::open(&path, SqliteOptions::default(), || START).await;
    assert!(matches!(opened.map(|_| ()), Err(OpenError::Database { .. })));
    let nowhere = folder.path().join("no/such/ledger.db");
    let opened = SqliteStore::open(nowhere, SqliteOptions::default(), || START).await;
    assert!(matches!(opened.map(|_| ()), Err(OpenError::Lock { .. })));
}

#[tokio::test]
async fn events_and_log_entries_are_append_only() {
    let bench = Bench::new().await;
    let mut commit = records(1);
    commit.events = vec![event(1)];
    bench.store.write(&commit).await.unwrap();
    let before = bench.dump().await;
    for statement in [
        "UPDATE flow_events SET actor_id = 'somebody else'",
        "DELETE FROM flow_events",
        "UPDATE audit_inbox SET entry = '[]'",
        "DELETE FROM audit_inbox",
        "UPDATE work_fence SET highest = -1",
    ] {
        assert!(bench.vandalize(statement).await.is_err(), "{statement}");
    }
    assert_eq!(bench.dump().await, before);
}

#[tokio::test]
async fn the_time_never_goes_back_within_a_process() {
    let folder = tempfile::TempDir::new().unwrap();
    let times = Arc::new(std::sync::Mutex::new(vec![START, START.plus(Millis(5)), START.plus(Millis(1))]));
    let next = move || times.lock().unwrap().pop().unwrap_or(START);
    let store =
        SqliteStore::open(folder.path().join("ledger.db"), SqliteOptions::default(), next).await.unwrap();
    let mut seen: Vec<Timestamp> = Vec::new();
    for _ in 0..4 {
        seen.push(store.ping().await.unwrap());
    }
    assert!(seen.is_sorted() && seen[3] == START.plus(Millis(5)), "{seen:?}");
    store.close().await;
}

#[tokio::test]
async fn a_file_that_somebody_else_locks_is_unavailable_and_nothing_is_written() {
    let options = SqliteOptions { busy_timeout: Millis(50), ..SqliteOptions::default() };
    let bench = Bench::with(options).await;
    let mut backup = bench.vandal().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut backup).await.unwrap();
    let commit = || CommitRecords { runs: new(run("run-1")), ..records(1) };
    let subject = WorkSubject::from_storage("run-1".to_owned());
    let kind = WorkKind::EndRun;
    let refused = bench.store.write(&commit()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    let beating = bench.store.heartbeat(&RunId::parse("run-1").unwrap()).await;
    assert!(matches!(beating, Err(StoreError::Unavailable { .. })), "{beating:?}");
    // Readers see what was there before.
    assert!(!bench.store.find_commit(commit().id).await.unwrap());

    sqlx::query("ROLLBACK").execute(&mut backup).await.unwrap();
    let work = vec![WorkWrite::Schedule { kind, subject, due_at: Stamp(START) }];
    bench.store.write(&CommitRecords { work, ..commit() }).await.unwrap();
    assert_eq!(bench.store.claim(worker(1), &[kind], 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn closing_can_be_left_to_another_task_and_writes_what_was_asked_before() {
    let bench = Bench::new().await;
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..16 {
        let store = bench.store.clone();
        let commit = CommitRecords { runs: new(run(&format!("run-{number}"))), ..records(number) };
        writes.spawn(async move { store.write(&commit).await });
    }
    tokio::task::yield_now().await;
    let store = bench.store.clone();
    tokio::spawn(async move { store.close().await }).await.unwrap();
    let answers = writes.join_all().await;
    let written = i64::try_from(answers.iter().filter(|answer| answer.is_ok()).count()).unwrap();
    let refused = |answer: &Result<(), StoreError>| matches!(answer, Err(StoreError::Unavailable { .. }));
    assert!(answers.iter().all(|answer| answer.is_ok() || refused(answer)), "{answers:?}");
    assert!(written > 0 && !bench.folder.path().join("ledger.db-wal").exists(), "closed cleanly");
    assert_eq!(bench.count("SELECT count(*) FROM agent_sessions").await, written);
}

#[tokio::test]
async fn the_file_and_its_log_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    bench.store.write(&records(1)).await.unwrap();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let metadata = std::fs::metadata(bench.folder.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}
