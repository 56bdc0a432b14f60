//! Connections that are lost: while a commit is written, and before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use countersign_adapters_postgres::{PgStore, StoreOptions};
use countersign_usecases::port::{Ledger, Queries, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::story::Story;

const PASS: u8 = 0;
/// The client is cut off when it sends COMMIT; the server gets it.
const CUT_AFTER_COMMIT: u8 = 1;
/// The client is cut off when it sends COMMIT, and the server never gets it.
const CUT_BEFORE_COMMIT: u8 = 2;
/// The server gets COMMIT half a second after the client was cut off.
const LATE_COMMIT: u8 = 3;

/// Passes bytes between a client and the server until a COMMIT comes by.
struct Proxy {
    authority: SocketAddr,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap();
        let mode = Arc::new(AtomicU8::new(PASS));
        let (server, shared) = (server.to_owned(), mode.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), shared.clone()));
            }
        });
        Self { authority, mode }
    }

    fn cut(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: String, mode: Arc<AtomicU8>) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let bytes = &buffer[..read];
        let cut = mode.load(Ordering::SeqCst);
        if cut != PASS && bytes.windows(6).any(|window| window == b"COMMIT") {
            mode.store(PASS, Ordering::SeqCst);
            // Dropping both halves towards the client cuts it off.
            answers.abort();
            drop(from_client);
            match cut {
                CUT_AFTER_COMMIT => to_server.write_all(bytes).await.unwrap(),
                LATE_COMMIT => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    to_server.write_all(bytes).await.unwrap();
                }
                _ => {}
            }
            // The server hangs up when it has read what there is and finds the end.
            let _ = to_server.shutdown().await;
            return;
        }
        if to_server.write_all(bytes).await.is_err() {
            return;
        }
    }
    let _ = to_server.shutdown().await;
}

async fn behind_proxy(story: &Story) -> (Proxy, PgStore) {
    let proxy = Proxy::to(&story.database.authority).await;
    let url = format!("postgres://postgres:postgres@{}/{}", proxy.authority, story.database.name);
    let options = StoreOptions { max_connections: 1, ..StoreOptions::default() };
    (proxy, PgStore::connect(&url, &options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_then_found() {
    let story = Story::new().await;
    let (proxy, store) = behind_proxy(&story).await;
    let commit = story.registration("run-1").await;
    proxy.cut(CUT_AFTER_COMMIT);
    let lost = store.commit(commit.clone()).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    assert!(store.find_commit(commit.id()).await.unwrap(), "on a fresh connection");
    store.commit(commit).await.unwrap();
    assert_eq!(story.count("SELECT count(*) FROM flow_events").await, 1, "sent again, written once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_unknown_and_then_not_found() {
    let story = Story::new().await;
    let (proxy, store) = behind_proxy(&story).await;
    let commit = story.registration("run-1").await;
    proxy.cut(CUT_BEFORE_COMMIT);
    let lost = store.commit(commit.clone()).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    assert!(!store.find_commit(commit.id()).await.unwrap());
    assert!(!store.find_commit(commit.id()).await.unwrap(), "asking leaves nothing behind");
    assert_eq!(story.count("SELECT count(*) FROM agent_sessions").await, 0);
    store.commit(commit).await.unwrap();
    assert_eq!(story.count("SELECT count(*) FROM agent_sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_still_on_its_way_is_waited_for() {
    let story = Story::new().await;
    let (proxy, store) = behind_proxy(&story).await;
    let commit = story.registration("run-1").await;
    proxy.cut(LATE_COMMIT);
    let lost = store.commit(commit.clone()).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    assert_eq!(story.count("SELECT count(*) FROM commits").await, 0, "the server has not got it yet");
    assert!(store.find_commit(commit.id()).await.unwrap(), "the answer is that of the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_dies_before_commit_leaves_nothing_and_is_unavailable() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    let (_, commit) = story.opening(&run, "a").await;
    let pool = story.database.pool().await;
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM agent_sessions FOR UPDATE").execute(&mut *holder).await.unwrap();
    let store = story.store.clone();
    let (waiting, again) = (commit.clone(), commit);
    let waiting = tokio::spawn(async move { store.commit(waiting).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'countersign' AND wait_event_type = 'Lock'";
    assert_eq!(story.count(ended).await, 1);
    let lost = waiting.await.unwrap();
    assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    holder.rollback().await.unwrap();
    assert!(!story.store.find_commit(again.id()).await.unwrap());
    story.store.commit(again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_in_the_pool_are_replaced() {
    let story = Story::new().await;
    story.register("run-1").await;
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'countersign'";
    assert!(story.count(ended).await > 0);
    // Longer than an idle connection is trusted.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    story.store.ping().await.unwrap();
    story.register("run-2").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap();
    drop(listener);
    let options =
        StoreOptions { acquire_timeout: countersign_kernel::Millis(300), ..StoreOptions::default() };
    let url = format!("postgres://postgres:postgres@{authority}/none");
    let refused = PgStore::connect(&url, &options).await.err();
    assert!(matches!(refused, Some(StoreError::Unavailable { .. })), "{refused:?}");
    let refused = PgStore::connect("not a url", &options).await.err();
    assert!(matches!(refused, Some(StoreError::Refused { .. })), "{refused:?}");
}
