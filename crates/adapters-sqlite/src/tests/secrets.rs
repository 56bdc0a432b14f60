//! Erased values are gone from the disk, not only from the tables.

use countersign_usecases::commit::CommitRecords;
use countersign_usecases::port::Ledger;
use sqlx::SqliteConnection;

use super::support::{Bench, new, records, request, request_id, run, sealed};

const VALUE: &str = "c2VhbGVkIHZhbHVlIHRoYXQgbXVzdCBiZSBmb3VuZCBub3doZXJl";

/// The files of the store that hold the value.
fn holders(bench: &Bench) -> Vec<String> {
    let files = std::fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        std::fs::read(path).unwrap().windows(VALUE.len()).any(|window| window == VALUE.as_bytes())
    };
    let names = files.filter(holds).map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    names.collect()
}

async fn seal(bench: &Bench) {
    let mut commit = records(1);
    commit.runs = new(run("run-1"));
    commit.requests = new(request(1, "run-1", "a"));
    commit.sealed = vec![sealed(1, VALUE)];
    bench.store.write(&commit).await.unwrap();
}

fn erasing(number: u64) -> CommitRecords {
    CommitRecords { erased_requests: vec![request_id(1)], ..records(number) }
}

/// Sealed values, as this reader sees them. From then on its snapshot is taken.
async fn count_sealed(reader: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM sealed_values").fetch_one(reader).await.unwrap()
}

/// The log is emptied after the answer, when nobody waits.
async fn wait_until_gone(bench: &Bench) {
    for _ in 0..500 {
        if holders(bench).is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("still in {:?}", holders(bench));
}

#[tokio::test]
async fn an_erased_value_leaves_the_log_and_the_file() {
    let bench = Bench::new().await;
    // Whoever reads from before keeps the log from being copied into the file, as the writer does once soon after its start.
    let mut reader = bench.vandal().await;
    sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
    assert_eq!(count_sealed(&mut reader).await, 0);
    seal(&bench).await;
    assert_eq!(holders(&bench), ["ledger.db-wal"], "the search finds what is there");
    sqlx::query("COMMIT").execute(&mut reader).await.unwrap();
    bench.store.write(&erasing(2)).await.unwrap();
    wait_until_gone(&bench).await;
}

#[tokio::test]
async fn a_value_that_had_reached_the_file_itself_is_overwritten() {
    let bench = Bench::new().await;
    seal(&bench).await;
    let bench = bench.reopen().await;
    assert_eq!(holders(&bench), ["ledger.db"], "closing moved it from the log into the file");
    bench.store.write(&erasing(2)).await.unwrap();
    wait_until_gone(&bench).await;
}

#[tokio::test]
async fn a_reader_of_an_old_snapshot_only_puts_it_off() {
    let bench = Bench::new().await;
    seal(&bench).await;
    let mut reader = bench.vandal().await;
    sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
    assert_eq!(count_sealed(&mut reader).await, 1);
    bench.store.write(&erasing(2)).await.unwrap();
    sqlx::query("COMMIT").execute(&mut reader).await.unwrap();
    // Without another commit: the writer tries again by itself.
    wait_until_gone(&bench).await;
}

#[tokio::test]
async fn what_a_killed_process_left_in_the_log_is_gone_once_the_file_is_opened() {
    let bench = Bench::new().await;
    seal(&bench).await;
    let bench = bench.reopen().await;
    let mut reader = bench.vandal().await;
    sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
    assert_eq!(count_sealed(&mut reader).await, 1);
    bench.store.write(&erasing(2)).await.unwrap();
    // The files as they are now are what a kill leaves behind: the erasure is in the log, the value still in the file.
    let after = Bench::new().await;
    after.store.close().await;
    for name in ["ledger.db", "ledger.db-wal"] {
        std::fs::copy(bench.folder.path().join(name), after.folder.path().join(name)).unwrap();
    }
    assert_eq!(holders(&after), ["ledger.db"]);
    let after = after.reopen().await;
    assert!(after.store.find_commit(erasing(2).id).await.unwrap(), "the log was played in");
    wait_until_gone(&after).await;
}
