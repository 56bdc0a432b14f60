//! Shared transactions: many callers, one transaction, everybody's own answer.

use std::collections::HashSet;

use countersign_usecases::commit::{CommitRecords, Guard, Versioned};
use countersign_usecases::port::StoreError;
use tokio::task::JoinSet;

use super::support::{Bench, event, new, records, run};
use crate::prepared::Prepared;

/// Writes all at once; the answers by the commit's number.
async fn all_at_once(bench: &Bench, commits: Vec<CommitRecords>) -> Vec<Result<(), StoreError>> {
    let mut tasks = JoinSet::new();
    for (number, commit) in commits.into_iter().enumerate() {
        let store = bench.store.clone();
        tasks.spawn(async move { (number, store.write(&commit).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The clock is read once in each transaction and never stands still, so commits of one time shared one.
async fn transactions(bench: &Bench) -> i64 {
    bench.count("SELECT count(DISTINCT committed_at) FROM commits").await
}

fn register(number: u64, run_id: &str) -> CommitRecords {
    CommitRecords { runs: new(run(run_id)), events: vec![event(number)], ..records(number) }
}

#[tokio::test]
async fn commits_that_wait_together_share_a_transaction() {
    let bench = Bench::new().await;
    let commits = (0..64).map(|number| register(number, &format!("run-{number}"))).collect();
    let answers = all_at_once(&bench, commits).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(bench.count("SELECT count(*) FROM agent_sessions").await, 64);
    assert_eq!(bench.count("SELECT count(*) FROM flow_events").await, 64);
    let transactions = transactions(&bench).await;
    assert!((1..=32).contains(&transactions), "{transactions} transactions");
}

#[tokio::test]
async fn of_commits_that_touch_one_row_each_gets_the_answer_of_its_own() {
    let bench = Bench::new().await;
    // Four callers for each of sixteen runs: one of each four is first.
    let commits = (0..64).map(|number| register(number, &format!("run-{}", number % 16))).collect();
    let answers = all_at_once(&bench, commits).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 16);
    for (number, answer) in answers.iter().enumerate() {
        let taken = StoreError::Stale { what: "agent_sessions", id: format!("run-{}", number % 16) };
        assert!(answer.is_ok() || *answer == Err(taken), "{answer:?}");
        let number = u64::try_from(number).unwrap();
        let wrote = bench.store.find(number).await;
        assert_eq!(wrote, answer.is_ok(), "a refused commit left something, or a written one is missing");
    }
    assert_eq!(bench.count("SELECT count(*) FROM flow_events").await, 16);
    assert_eq!(bench.count("SELECT count(*) FROM commits").await, 16);
}

#[tokio::test]
async fn a_bad_commit_does_not_spoil_those_beside_it() {
    let bench = Bench::new().await;
    let mut commits: Vec<_> = (0..64).map(|number| register(number, &format!("run-{number}"))).collect();
    commits[20].runs[0].row.status = "dancing".to_owned();
    commits[40].guards = vec![Guard::RunLive { run_id: "nobody".to_owned() }];
    commits[50].runs[0].expected = Some(3);
    let answers = all_at_once(&bench, commits).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match number {
            20 => assert!(matches!(answer, Err(StoreError::Refused { .. })), "{answer:?}"),
            40 => assert!(matches!(answer, Err(StoreError::Stale { what: "run_live", .. })), "{answer:?}"),
            50 => {
                assert!(matches!(answer, Err(StoreError::Stale { what: "agent_sessions", .. })), "{answer:?}")
            }
            _ => answer.unwrap(),
        }
    }
    assert_eq!(bench.count("SELECT count(*) FROM agent_sessions").await, 61);
    assert_eq!(bench.count("SELECT count(*) FROM flow_events").await, 61);
}

#[tokio::test]
async fn sixty_four_updates_of_one_row_are_one_after_another() {
    let bench = Bench::new().await;
    bench.store.write(&register(1000, "run-1")).await.unwrap();
    let update = |number: u64| {
        let row = countersign_usecases::record::RunRecord { version: 2, ..run("run-1") };
        CommitRecords {
            runs: vec![Versioned { expected: Some(1), row }],
            events: vec![event(number)],
            ..records(number)
        }
    };
    let answers = all_at_once(&bench, (0..64).map(update).collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(bench.count("SELECT count(*) FROM flow_events").await, 2);
}

#[tokio::test]
async fn a_repeated_commit_is_written_once_and_is_a_success_each_time() {
    let bench = Bench::new().await;
    let answers = all_at_once(&bench, (0..8).map(|_| register(1, "run-1")).collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // Even where its guards would not hold any more, and beside others.
    let mut again = register(1, "run-1");
    again.guards = vec![Guard::RunLive { run_id: "nobody".to_owned() }];
    let answers = all_at_once(&bench, vec![register(2, "run-2"), again, register(3, "run-3")]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(bench.count("SELECT count(*) FROM flow_events").await, 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_undo_its_commit() {
    let bench = Bench::new().await;
    let store = bench.store.clone();
    let commit = register(1, "run-1");
    let gone = tokio::spawn(async move { store.write(&commit).await });
    tokio::task::yield_now().await;
    gone.abort();
    // Jobs are done in their order, so this one comes after it.
    bench.store.write(&register(2, "run-2")).await.unwrap();
    assert!(bench.store.find(1).await);
}

#[test]
fn commits_collide_where_one_writes_what_the_other_reads_or_writes() {
    let prepared = |records: CommitRecords| Prepared::of(&records).unwrap();
    let guarded = |number: u64, run_id: &str| CommitRecords {
        guards: vec![Guard::RunLive { run_id: run_id.to_owned() }],
        ..records(number)
    };
    let writes_a = prepared(register(1, "a"));
    let also_writes_a = prepared(register(2, "a"));
    let writes_b = prepared(register(3, "b"));
    let reads_a = prepared(guarded(4, "a"));
    let also_reads_a = prepared(guarded(5, "a"));
    assert!(writes_a.collides(&also_writes_a));
    assert!(!writes_a.collides(&writes_b));
    assert!(writes_a.collides(&reads_a) && reads_a.collides(&writes_a));
    assert!(!reads_a.collides(&also_reads_a) && !reads_a.collides(&writes_b));
    let mut both = writes_b.clone();
    both.absorb(&reads_a);
    assert!(both.collides(&writes_a), "what was taken in counts, too");
    let ids: HashSet<String> = serde_json::from_str(&both.ids.array()).unwrap();
    assert_eq!(ids.len(), 2);
}

impl crate::SqliteStore {
    /// Whether this commit was written.
    async fn find(&self, number: u64) -> bool {
        use countersign_usecases::port::Ledger;
        self.find_commit(records(number).id).await.unwrap()
    }
}
