//! Database files as targets.

use std::path::Path;

use countersign_kernel::{DatabaseName, Environment, RequestId};
use countersign_mcp_tools::ports::{
    Access, DatabaseServer, DatabaseServers, MarkedDatabase, TargetErrorKind,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use super::support::request_id;
use crate::databases::MARKER_TABLE;
use crate::{SqliteDatabaseServer, SqliteDatabases};

fn server() -> (TempDir, SqliteDatabaseServer) {
    let folder = TempDir::new().unwrap();
    let server = SqliteDatabaseServer::new("files", folder.path());
    (folder, server)
}

fn name(text: &str) -> DatabaseName {
    DatabaseName::parse(text).unwrap()
}

fn asked(number: u64) -> RequestId {
    request_id(number).parse().unwrap()
}

fn files(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// An application's connection.
async fn connect(path: &Path, mode: SqliteJournalMode) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).journal_mode(mode);
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_database_is_created_whole_and_carries_its_request() {
    let (folder, server) = server();
    assert_eq!(server.look(&name("orders")).await.unwrap(), None);
    let receipt = server.create(&name("orders"), asked(1)).await.unwrap();
    let seen = server.look(&name("orders")).await.unwrap().unwrap();
    assert_eq!((&seen.id, seen.created_by), (&receipt.id, Some(asked(1))));
    assert!(seen.size_bytes > 0);
    assert_eq!(files(&folder), ["orders.db"], "nothing half-made is left");
    let mut application = connect(&folder.path().join("orders.db"), SqliteJournalMode::Wal).await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema").fetch_all(&mut application).await.unwrap();
    assert_eq!(tables, [MARKER_TABLE]);
    sqlx::query("CREATE TABLE mine (id INTEGER)").execute(&mut application).await.unwrap();
}

#[tokio::test]
async fn a_database_that_exists_is_never_overwritten() {
    let (folder, server) = server();
    let before = server.create(&name("orders"), asked(1)).await.unwrap();
    for request in [asked(1), asked(2)] {
        let error = server.create(&name("orders"), request).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::Conflict, "{error}");
    }
    assert_eq!(server.look(&name("orders")).await.unwrap().unwrap().id, before.id);

    std::fs::write(folder.path().join("notes.db"), "somebody's own").unwrap();
    let seen = server.look(&name("notes")).await.unwrap().unwrap();
    assert_eq!(seen.created_by, None);
    assert_eq!(server.create(&name("notes"), asked(3)).await.unwrap_err().kind, TargetErrorKind::Conflict);
    assert_eq!(std::fs::read_to_string(folder.path().join("notes.db")).unwrap(), "somebody's own");
    assert_eq!(files(&folder), ["notes.db", "orders.db"]);
}

#[tokio::test]
async fn of_many_creations_at_once_one_wins() {
    let (folder, server) = server();
    // As two processes have it: servers that don't share a lock.
    let other = SqliteDatabaseServer::new("files", folder.path());
    let orders = name("orders");
    let (mine, theirs) = tokio::join!(server.create(&orders, asked(1)), other.create(&orders, asked(2)));
    assert_ne!(mine.is_ok(), theirs.is_ok(), "{mine:?} {theirs:?}");
    let winner = if mine.is_ok() { asked(1) } else { asked(2) };
    assert_eq!(server.look(&orders).await.unwrap().unwrap().created_by, Some(winner));
    assert_eq!(files(&folder), ["orders.db"]);
}

#[tokio::test]
async fn what_a_killed_creation_left_behind_does_not_matter() {
    let (folder, server) = server();
    let request = asked(1);
    std::fs::write(folder.path().join(format!(".orders.{request}.making")), "half").unwrap();
    std::fs::write(folder.path().join("orders.db-wal"), "the log of one that is long gone").unwrap();
    server.create(&name("orders"), request).await.unwrap();
    assert_eq!(files(&folder), ["orders.db"]);
    assert_eq!(server.look(&name("orders")).await.unwrap().unwrap().created_by, Some(request));
}

#[tokio::test]
async fn a_quarantined_database_keeps_its_content_and_identity_under_another_name() {
    let (folder, server) = server();
    let receipt = server.create(&name("orders"), asked(1)).await.unwrap();
    let path = folder.path().join("orders.db");
    let mut application = connect(&path, SqliteJournalMode::Wal).await;
    sqlx::query("CREATE TABLE mine AS SELECT 7 AS id").execute(&mut application).await.unwrap();

    let in_use = server.quarantine(&name("orders"), &name("orders_kept"), &receipt.id).await.unwrap_err();
    assert_eq!(in_use.kind, TargetErrorKind::Conflict, "{in_use}");
    application.close().await.unwrap();

    let moved = server.quarantine(&name("orders"), &name("orders_kept"), &receipt.id).await.unwrap();
    assert_eq!(moved.id, receipt.id);
    assert_eq!(server.look(&name("orders")).await.unwrap(), None);
    assert_eq!(server.look(&name("orders_kept")).await.unwrap().unwrap().id, receipt.id);
    assert_eq!(files(&folder), ["orders_kept.db"]);
    let mut kept = connect(&folder.path().join("orders_kept.db"), SqliteJournalMode::Delete).await;
    let id: i64 = sqlx::query_scalar("SELECT id FROM mine").fetch_one(&mut kept).await.unwrap();
    assert_eq!(id, 7);
}

#[tokio::test]
async fn a_quarantine_never_overwrites_and_goes_on_where_it_was_killed() {
    let (folder, server) = server();
    let receipt = server.create(&name("orders"), asked(1)).await.unwrap();
    server.create(&name("taken"), asked(2)).await.unwrap();
    let refused = server.quarantine(&name("orders"), &name("taken"), &receipt.id).await.unwrap_err();
    assert_eq!(refused.kind, TargetErrorKind::Conflict);
    assert_eq!(server.look(&name("taken")).await.unwrap().unwrap().created_by, Some(asked(2)));

    std::fs::hard_link(folder.path().join("orders.db"), folder.path().join("kept.db")).unwrap();
    server.quarantine(&name("orders"), &name("kept"), &receipt.id).await.unwrap();
    assert_eq!(files(&folder), ["kept.db", "taken.db"]);
}

#[tokio::test]
async fn a_quarantined_database_gets_its_name_back_with_its_content() {
    let (folder, server) = server();
    let receipt = server.create(&name("orders"), asked(1)).await.unwrap();
    let mut application = connect(&folder.path().join("orders.db"), SqliteJournalMode::Wal).await;
    sqlx::query("CREATE TABLE mine AS SELECT 7 AS id").execute(&mut application).await.unwrap();
    application.close().await.unwrap();
    server.quarantine(&name("orders"), &name("_q_orders"), &receipt.id).await.unwrap();

    let wrong = server.restore(&name("_q_orders"), &name("orders"), "7:unmarked").await.unwrap_err();
    assert_eq!(wrong.kind, TargetErrorKind::Conflict, "{wrong}");
    server.create(&name("taken"), asked(2)).await.unwrap();
    let taken = server.restore(&name("_q_orders"), &name("taken"), &receipt.id).await.unwrap_err();
    assert_eq!(taken.kind, TargetErrorKind::Conflict, "{taken}");
    assert_eq!(server.look(&name("taken")).await.unwrap().unwrap().created_by, Some(asked(2)));

    let restored = server.restore(&name("_q_orders"), &name("orders"), &receipt.id).await.unwrap();
    assert_eq!(
        (restored.id, files(&folder)),
        (receipt.id, vec!["orders.db".to_owned(), "taken.db".to_owned()])
    );
    let mut again = connect(&folder.path().join("orders.db"), SqliteJournalMode::Delete).await;
    let id: i64 = sqlx::query_scalar("SELECT id FROM mine").fetch_one(&mut again).await.unwrap();
    assert_eq!(id, 7);
}

/// Somebody renames a file by hand: it is found by its mark, and everything goes on under the name it has.
#[tokio::test]
async fn a_renamed_database_is_listed_by_its_mark_kept_and_given_its_name_back() {
    let (folder, server) = server();
    let id = server.create(&name("orders"), asked(1)).await.unwrap().id;
    let called = |name: &str| MarkedDatabase { name: name.to_owned(), id: id.clone(), created_by: asked(1) };
    let rename = |from: &str, to: &str| {
        std::fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
    };
    for (other, text) in [("notes.db", "somebody's own"), ("empty.db", ""), (".orders.x.making", "")] {
        std::fs::write(folder.path().join(other), text).unwrap();
    }
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    assert_eq!(server.list_marked().await.unwrap(), [called("orders")]);

    rename("orders.db", "Orders (old).db");
    assert_eq!(server.list_marked().await.unwrap(), [called("Orders (old)")]);
    rename("Orders (old).db", "orders_old.db");
    server.quarantine(&name("orders_old"), &name("_q_orders"), &id).await.unwrap();
    assert_eq!(server.list_marked().await.unwrap(), [called("_q_orders")]);
    server.restore(&name("_q_orders"), &name("orders"), &id).await.unwrap();
    assert_eq!(server.list_marked().await.unwrap(), [called("orders")]);

    let copied = std::fs::copy(folder.path().join("orders.db"), folder.path().join("copy.db")).unwrap();
    assert!(copied > 0);
    let marked = server.list_marked().await.unwrap();
    let names: Vec<_> = marked.iter().map(|marked| marked.name.as_str()).collect();
    assert_eq!(names, ["copy", "orders"]);
    assert_ne!(marked[0].id, marked[1].id, "a copy carries the mark and is another one");
    rename("orders.db", "orders_old.db");
    server.drop_database(&name("orders_old"), &id).await.unwrap();
    assert_eq!(server.list_marked().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_restore_goes_on_where_it_was_killed() {
    let (folder, server) = server();
    let receipt = server.create(&name("_q_orders"), asked(1)).await.unwrap();
    std::fs::hard_link(folder.path().join("_q_orders.db"), folder.path().join("orders.db")).unwrap();
    server.restore(&name("_q_orders"), &name("orders"), &receipt.id).await.unwrap();
    assert_eq!(files(&folder), ["orders.db"]);
}

#[test]
fn how_long_a_database_is_kept_is_a_matter_of_its_server() {
    let (folder, server) = server();
    assert_eq!(server.quarantine_days(), 7);
    assert_eq!(SqliteDatabaseServer::new("files", folder.path()).keeping_for_days(30).quarantine_days(), 30);
}

#[tokio::test]
async fn a_database_is_dropped_only_while_it_is_the_one_that_was_looked_at() {
    let (folder, server) = server();
    let first = server.create(&name("orders"), asked(1)).await.unwrap();
    server.drop_database(&name("orders"), &first.id).await.unwrap();
    let missing = server.drop_database(&name("orders"), &first.id).await.unwrap_err();
    assert_eq!(missing.kind, TargetErrorKind::NotFound);

    let second = server.create(&name("orders"), asked(2)).await.unwrap();
    assert_ne!(
        first.id, second.id,
        "another database, though the name and perhaps the file's number are the same"
    );
    let wrong = server.drop_database(&name("orders"), &first.id).await.unwrap_err();
    assert_eq!(wrong.kind, TargetErrorKind::Conflict);
    assert!(server.look(&name("orders")).await.unwrap().is_some());

    let mut application = connect(&folder.path().join("orders.db"), SqliteJournalMode::Wal).await;
    sqlx::query("CREATE TABLE mine (id INTEGER)").execute(&mut application).await.unwrap();
    let in_use = server.drop_database(&name("orders"), &second.id).await.unwrap_err();
    assert_eq!(in_use.kind, TargetErrorKind::Conflict, "{in_use}");
    application.close().await.unwrap();
    server.drop_database(&name("orders"), &second.id).await.unwrap();
    assert!(files(&folder).is_empty(), "{:?}", files(&folder));
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_no_access_and_unreachable() {
    let (folder, server) = server();
    assert_eq!(server.access().await.unwrap(), Access::Allowed);
    assert!(files(&folder).is_empty());
    let gone = SqliteDatabaseServer::new("files", folder.path().join("gone"));
    assert!(matches!(gone.access().await.unwrap(), Access::Refused { .. }));
    assert_eq!(gone.look(&name("orders")).await.unwrap_err().kind, TargetErrorKind::Unreachable);
    assert_eq!(gone.list_marked().await.unwrap_err().kind, TargetErrorKind::Unreachable);
    assert_eq!(gone.create(&name("orders"), asked(1)).await.unwrap_err().kind, TargetErrorKind::Unreachable);
}

#[test]
fn each_environment_has_its_own_server() {
    let (_folder, server) = server();
    let dev = Environment::parse("dev").unwrap();
    let databases = SqliteDatabases::new([(dev.clone(), server)]);
    assert_eq!(databases.find_server(&dev).unwrap().name(), "files");
    assert_eq!(databases.list_servers().len(), 1);
    assert!(databases.find_server(&Environment::parse("production").unwrap()).is_none());
}
