//! What only the in-memory ledger has: a clock that tests set, faults that tests plan, and all rows to look at.

use countersign_audit::Pseudonym;
use countersign_kernel::{Actor, Millis};
use countersign_testkit::clock::START;
use countersign_testkit::{CommitFault, MemoryStore, SeededEntropy, TestClock, build};
use countersign_usecases::commit::{Commit, Draft, DraftContext};
use countersign_usecases::port::{Due, Ids, Ledger, Queries, StoreError, WorkKind, WorkQueue, WorkSubject};
use countersign_waitstate::{RunLinks, register};

fn registering(store: &MemoryStore, entropy: &SeededEntropy, run: &str) -> Commit {
    let now = store.clock().now();
    let actor = Actor::system("test");
    let pseudonym = Pseudonym::of_role(&actor).expect("a role has a pseudonym");
    let ids = Ids::new(entropy, now);
    let mut draft =
        Draft::new(DraftContext { ids, now, actor, pseudonym, policy: None, new_principal: None });
    draft
        .record_run(register(build::run_facts(run), RunLinks::default(), now))
        .expect("a run's event has an entry");
    draft.finish()
}

#[tokio::test]
async fn planned_faults_come_one_after_the_other() {
    let (store, entropy) = (MemoryStore::default(), SeededEntropy::new(1));
    let faults = [
        (CommitFault::Stale, false),
        (CommitFault::Unavailable, false),
        (CommitFault::UnknownNotWritten, false),
        (CommitFault::UnknownWritten, true),
    ];
    for (fault, _) in faults {
        store.fail_next_commit(fault);
    }
    for (number, (fault, written)) in faults.into_iter().enumerate() {
        let before = store.rows();
        let commit = registering(&store, &entropy, &format!("run-{number}"));
        let id = commit.id();
        let error = store.commit(commit).await.unwrap_err();
        let as_planned = match fault {
            CommitFault::Stale => matches!(error, StoreError::Stale { .. }),
            CommitFault::Unavailable => matches!(error, StoreError::Unavailable { .. }),
            CommitFault::UnknownWritten | CommitFault::UnknownNotWritten => {
                matches!(error, StoreError::Unknown { .. })
            }
        };
        assert!(as_planned, "{fault:?}: {error}");
        assert_eq!(store.find_commit(id).await.unwrap(), written, "{fault:?}");
        assert_eq!(store.rows() != before, written, "{fault:?}");
    }
    store.commit(registering(&store, &entropy, "run-9")).await.unwrap();
}

#[tokio::test]
async fn an_unknown_commit_that_could_not_be_written_says_why() {
    let (store, entropy) = (MemoryStore::default(), SeededEntropy::new(1));
    store.commit(registering(&store, &entropy, "run-1")).await.unwrap();
    store.fail_next_commit(CommitFault::UnknownWritten);
    let error = store.commit(registering(&store, &entropy, "run-1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Stale { what: "agent_sessions", .. }), "{error}");
}

#[tokio::test]
async fn an_unreachable_store_does_nothing_at_all() {
    let (store, entropy) = (MemoryStore::default(), SeededEntropy::new(1));
    let commit = registering(&store, &entropy, "run-1");
    store.set_unreachable(true);
    let before = store.rows();
    assert!(matches!(store.commit(commit.clone()).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.load_run(&build::run_id("run-1")).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(store.rows(), before);
    store.set_unreachable(false);
    store.commit(commit).await.unwrap();
}

#[tokio::test]
async fn leases_follow_the_clock_of_the_test() {
    let clock = TestClock::default();
    let (store, entropy) = (MemoryStore::new(clock.clone()), SeededEntropy::new(1));
    store.commit(registering(&store, &entropy, "run-1")).await.unwrap();
    let subject = WorkSubject::run(&build::run_id("run-1"));
    let due_at = store.rows().work_of(WorkKind::EndRun, &subject).unwrap().due_at;
    assert_eq!(due_at, START.plus(build::run_facts("run-1").budget));
    let worker = Ids::new(&entropy, START).worker();
    assert!(store.claim(worker, &WorkKind::ALL, 10).await.unwrap().is_empty());
    clock.set(due_at);
    let lease = store.claim(worker, &WorkKind::ALL, 10).await.unwrap().remove(0);
    assert_eq!(lease.until, due_at.plus(lease.lasts));
    clock.advance(Millis(lease.lasts.0 - 1));
    store.release(&lease, Due::After(Millis(5))).await.unwrap();
    let row = store.rows().work_of(WorkKind::EndRun, &subject).unwrap().clone();
    assert_eq!((row.due_at, row.lease, row.attempts), (clock.now().plus(Millis(5)), None, 1));
}

#[tokio::test]
async fn a_sign_of_life_never_goes_back_with_the_clock() {
    let clock = TestClock::default();
    let (store, entropy) = (MemoryStore::new(clock.clone()), SeededEntropy::new(1));
    store.commit(registering(&store, &entropy, "run-1")).await.unwrap();
    let run = build::run_id("run-1");
    clock.advance(Millis(1_000));
    assert!(store.heartbeat(&run).await.unwrap());
    clock.set(START);
    assert!(store.heartbeat(&run).await.unwrap());
    let run = store.load_run(&run).await.unwrap().run.unwrap();
    assert_eq!(run.last_heartbeat_at, Some(START.plus(Millis(1_000))));
}

#[tokio::test]
async fn rows_show_events_with_their_entries() {
    let (store, entropy) = (MemoryStore::default(), SeededEntropy::new(1));
    store.commit(registering(&store, &entropy, "run-1")).await.unwrap();
    let rows = store.rows();
    assert_eq!(rows.event_types(), ["run.registered"]);
    assert_eq!(rows.inbox[0].0, rows.events[0].event_id);
    let entry: serde_json::Value = serde_json::from_str(&rows.inbox[0].1).unwrap();
    assert!(entry.is_object(), "the inbox has the final entry: {entry}");
}
