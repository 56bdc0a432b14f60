//! PostgreSQL databases as targets, on a real server.

mod login_roles;

use std::sync::Arc;

use countersign_adapters_postgres::{DatabaseServerOptions, PgDatabaseServer, PgDatabases};
use countersign_kernel::{DatabaseName, RequestId};
use countersign_mcp_tools::ports::{
    Access, DatabaseServer, DatabaseServers, MarkedDatabase, TargetErrorKind,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::postgres_server::Database;

const REQUEST: &str = "018f5a3c-1111-7000-8000-000000000001";

struct Target {
    database: Database,
    server: PgDatabaseServer,
}

impl Target {
    async fn new() -> Self {
        let database = Database::empty().await;
        let server = server(&database.admin_url());
        Self { database, server }
    }

    /// A name that no other test uses.
    fn named(&self, suffix: &str) -> DatabaseName {
        format!("{}_{suffix}", self.database.name).parse().unwrap()
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.database.admin_url()).await.unwrap()
    }

    async fn run(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin().await).await.unwrap();
    }
}

fn server(url: &str) -> PgDatabaseServer {
    PgDatabaseServer::new("main", url, DatabaseServerOptions::default()).unwrap()
}

/// A request id of its own for each test: the name a database is prepared under comes from it.
fn request(last: u8) -> RequestId {
    format!("{}{last:02x}", &REQUEST[..34]).parse().unwrap()
}

#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T, countersign_mcp_tools::ports::TargetError>) -> TargetErrorKind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn a_database_is_created_with_its_mark_and_dropped() {
    let target = Target::new().await;
    let (name, request) = (target.named("orders"), request(1));
    assert_eq!(target.server.look(&name).await.unwrap(), None);
    let receipt = target.server.create(&name, request).await.unwrap();
    let seen = target.server.look(&name).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.created_by), (receipt.id.as_str(), Some(request)));
    assert!(seen.size_bytes > 1_000_000, "{seen:?}");
    assert_eq!(seen.connections, 0);
    let url = format!("postgres://postgres:postgres@{}/{name}", target.database.authority);
    let _client = PgConnection::connect(&url).await.unwrap();
    assert_eq!(kind(target.server.drop_database(&name, "1").await), TargetErrorKind::Conflict);
    // Somebody is connected: a drop doesn't wait for that.
    target.server.drop_database(&name, &receipt.id).await.unwrap();
    assert_eq!(target.server.look(&name).await.unwrap(), None);
    assert_eq!(kind(target.server.drop_database(&name, &receipt.id).await), TargetErrorKind::NotFound);
}

#[tokio::test]
async fn a_database_that_is_there_is_never_taken_over() {
    let target = Target::new().await;
    let (name, request) = (target.named("theirs"), request(2));
    target.run(format!("CREATE DATABASE {name}")).await;
    let seen = target.server.look(&name).await.unwrap().unwrap();
    assert_eq!(seen.created_by, None, "it is not ours");
    assert_eq!(kind(target.server.create(&name, request).await), TargetErrorKind::Conflict);
    let again = target.server.create(&target.named("mine"), request).await;
    again.unwrap();
    assert_eq!(kind(target.server.create(&target.named("mine"), request).await), TargetErrorKind::Conflict);
    assert_eq!(target.server.look(&name).await.unwrap().unwrap(), seen, "and stays as it was");
}

/// What a crash leaves between the three steps of a creation.
#[tokio::test]
async fn a_creation_goes_on_from_where_a_crash_left_it() {
    let target = Target::new().await;
    for (last, marked) in [(3, false), (4, true)] {
        let (name, request) = (target.named(&format!("crashed{last}")), request(last));
        let prepared = format!("countersign_new_{}", request.as_uuid().simple());
        target.run(format!("CREATE DATABASE {prepared}")).await;
        if marked {
            target.run(format!("COMMENT ON DATABASE {prepared} IS 'countersign request {request}'")).await;
        }
        assert_eq!(
            target.server.look(&name).await.unwrap(),
            None,
            "nothing has the name before it is marked"
        );
        let receipt = target.server.create(&name, request).await.unwrap();
        let seen = target.server.look(&name).await.unwrap().unwrap();
        assert_eq!((seen.id, seen.created_by), (receipt.id, Some(request)));
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
            .bind(&prepared)
            .fetch_one(&mut target.admin().await)
            .await
            .unwrap();
        assert_eq!(left, 0, "nothing is left under the name it was prepared under");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_executors_of_one_request_make_one_database() {
    let target = Target::new().await;
    let (name, request) = (target.named("raced"), request(5));
    let (one, two) = tokio::join!(target.server.create(&name, request), target.server.create(&name, request));
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    let seen = target.server.look(&name).await.unwrap().unwrap();
    assert_eq!(seen.created_by, Some(request));
    for receipt in [one, two].into_iter().flatten() {
        assert_eq!(receipt.id, seen.id);
    }
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname LIKE 'countersign_new_%05'")
            .fetch_one(&mut target.admin().await)
            .await
            .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_quarantined_database_is_kept_and_closed() {
    let target = Target::new().await;
    let (name, kept_as, request) = (target.named("old"), target.named("kept"), request(6));
    let receipt = target.server.create(&name, request).await.unwrap();
    let url = format!("postgres://postgres:postgres@{}/{name}", target.database.authority);
    let mut client = PgConnection::connect(&url).await.unwrap();
    assert_eq!(target.server.look(&name).await.unwrap().unwrap().connections, 1);
    assert_eq!(kind(target.server.quarantine(&name, &kept_as, "1").await), TargetErrorKind::Conflict);
    client.ping().await.expect("a refused quarantine ends no connection");
    target.server.quarantine(&name, &kept_as, &receipt.id).await.unwrap();
    assert!(client.ping().await.is_err(), "its connections are ended");
    assert_eq!(target.server.look(&name).await.unwrap(), None);
    let seen = target.server.look(&kept_as).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.created_by), (receipt.id.as_str(), Some(request)));
    let url = format!("postgres://postgres:postgres@{}/{kept_as}", target.database.authority);
    assert!(PgConnection::connect(&url).await.is_err(), "nobody gets in, not even a superuser");
    assert_eq!(kind(target.server.quarantine(&name, &kept_as, &receipt.id).await), TargetErrorKind::NotFound);
    target.server.drop_database(&kept_as, &receipt.id).await.unwrap();
}

#[tokio::test]
async fn a_restored_database_has_its_name_and_is_open_to_everybody_again() {
    let target = Target::new().await;
    let (name, kept_as) = (target.named("back"), target.named("kept_back"));
    target.run(format!("CREATE ROLE reader_{name} LOGIN PASSWORD 'reader'")).await;
    let authority = &target.database.authority;
    let url = format!("postgres://reader_{name}:reader@{authority}/{name}");
    let receipt = target.server.create(&name, request(10)).await.unwrap();
    target.server.quarantine(&name, &kept_as, &receipt.id).await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err());

    assert_eq!(kind(target.server.restore(&kept_as, &name, "1").await), TargetErrorKind::Conflict);
    target.run(format!("CREATE DATABASE {name}")).await;
    assert_eq!(kind(target.server.restore(&kept_as, &name, &receipt.id).await), TargetErrorKind::Conflict);
    assert!(target.server.look(&kept_as).await.unwrap().is_some(), "it stays in quarantine");
    let closed = format!("postgres://postgres:postgres@{authority}/{kept_as}");
    assert!(PgConnection::connect(&closed).await.is_err(), "and closed");
    target.run(format!("DROP DATABASE {name}")).await;

    let restored = target.server.restore(&kept_as, &name, &receipt.id).await.unwrap();
    assert_eq!(restored.id, receipt.id);
    let seen = target.server.look(&name).await.unwrap().unwrap();
    assert_eq!((seen.id, seen.created_by), (receipt.id.clone(), Some(request(10))));
    PgConnection::connect(&url).await.expect("everybody gets in again");
    assert_eq!(kind(target.server.restore(&kept_as, &name, &receipt.id).await), TargetErrorKind::NotFound);
    target.server.drop_database(&name, &receipt.id).await.unwrap();
}

/// What only its own role may connect to says so in its mark, and is not opened to everybody by being restored.
#[tokio::test]
async fn a_private_database_stays_private() {
    let target = Target::new().await;
    let (name, kept_as, request) = (target.named("private"), target.named("kept_private"), request(11));
    target.run(format!("CREATE ROLE stranger_{name} LOGIN PASSWORD 'stranger'")).await;
    let receipt = target.server.create(&name, request).await.unwrap();
    target.run(format!("COMMENT ON DATABASE {name} IS 'countersign request {request} private'")).await;
    target.run(format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")).await;
    target.server.quarantine(&name, &kept_as, &receipt.id).await.unwrap();
    target.server.restore(&kept_as, &name, &receipt.id).await.unwrap();
    assert_eq!(target.server.look(&name).await.unwrap().unwrap().created_by, Some(request));
    let authority = &target.database.authority;
    let url = format!("postgres://stranger_{name}:stranger@{authority}/{name}");
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn a_quarantine_under_a_taken_name_changes_nothing() {
    let target = Target::new().await;
    let (name, kept_as) = (target.named("stays"), target.named("taken"));
    let receipt = target.server.create(&name, request(7)).await.unwrap();
    target.run(format!("CREATE DATABASE {kept_as}")).await;
    assert_eq!(kind(target.server.quarantine(&name, &kept_as, &receipt.id).await), TargetErrorKind::Conflict);
    let url = format!("postgres://postgres:postgres@{}/{name}", target.database.authority);
    PgConnection::connect(&url).await.expect("it is open as before");
}

/// Somebody renames a database by hand: it is found by its mark, and everything goes on under the name it has.
#[tokio::test]
async fn a_renamed_database_is_listed_by_its_mark_kept_and_given_its_name_back() {
    let target = Target::new().await;
    let (name, now, kept_as) = (target.named("before"), target.named("after"), target.named("kept_after"));
    let request = request(12);
    let listed = async || {
        let all = target.server.list_marked().await.unwrap();
        all.into_iter().filter(|marked| marked.created_by == request).collect::<Vec<_>>()
    };
    let prepared = format!("countersign_new_{}", request.as_uuid().simple());
    target.run(format!("CREATE DATABASE {prepared}")).await;
    target.run(format!("COMMENT ON DATABASE {prepared} IS 'countersign request {request}'")).await;
    assert_eq!(listed().await, [], "one in the making has no name yet");
    let id = target.server.create(&name, request).await.unwrap().id;
    let called = |name: &str| MarkedDatabase { name: name.to_owned(), id: id.clone(), created_by: request };
    assert_eq!(listed().await, [called(name.as_str())]);

    let odd = format!("{now} \"Old\"");
    target.run(format!(r#"ALTER DATABASE {name} RENAME TO "{now} ""Old""""#)).await;
    target.run(format!("CREATE DATABASE {name}")).await;
    target.run(format!("COMMENT ON DATABASE {name} IS 'countersign request of mine'")).await;
    assert_eq!(listed().await, [called(&odd)], "as it is called, and nothing else");
    target.run(format!(r#"ALTER DATABASE "{now} ""Old""" RENAME TO {now}"#)).await;
    target.run(format!("COMMENT ON DATABASE {now} IS 'countersign request {request} private'")).await;
    assert_eq!(listed().await, [called(now.as_str())], "a private one, too");

    target.server.quarantine(&now, &kept_as, &id).await.unwrap();
    assert_eq!(listed().await, [called(kept_as.as_str())]);
    let taken = target.server.restore(&kept_as, &name, &id).await;
    assert_eq!(kind(taken), TargetErrorKind::Conflict, "the other one stays as it is");
    target.run(format!("DROP DATABASE {name}")).await;
    target.server.restore(&kept_as, &name, &id).await.unwrap();
    assert_eq!(listed().await, [called(name.as_str())]);
    target.run(format!("ALTER DATABASE {name} RENAME TO {now}")).await;
    target.server.drop_database(&now, &id).await.unwrap();
    assert_eq!(listed().await, []);
}

#[tokio::test]
async fn credentials_and_rights_are_told_apart() {
    let target = Target::new().await;
    let (name, authority) = (&target.database.name, &target.database.authority);
    target.run(format!("CREATE ROLE weak_{name} LOGIN PASSWORD 'weak'")).await;
    assert_eq!(target.server.access().await.unwrap(), Access::Allowed);

    let weak = server(&format!("postgres://weak_{name}:weak@{authority}/postgres"));
    let why = format!("role `weak_{name}` of server `main` has no CREATEDB");
    assert_eq!(weak.access().await.unwrap(), Access::Refused { why });
    assert_eq!(kind(weak.create(&target.named("no"), request(8)).await), TargetErrorKind::Forbidden);
    let owned = target.server.create(&target.named("owned"), request(9)).await.unwrap();
    assert_eq!(kind(weak.drop_database(&target.named("owned"), &owned.id).await), TargetErrorKind::Forbidden);

    let wrong = server(&format!("postgres://weak_{name}:wrong@{authority}/postgres"));
    assert_eq!(kind(wrong.access().await), TargetErrorKind::Unauthorized);
    let missing = server(&format!("postgres://postgres:postgres@{authority}/no_such_database"));
    assert_eq!(kind(missing.access().await), TargetErrorKind::NotFound);
    let down = server("postgres://postgres:postgres@127.0.0.1:1/postgres");
    assert_eq!(kind(down.look(&target.named("any")).await), TargetErrorKind::Unreachable);
    assert_eq!(kind(down.list_marked().await), TargetErrorKind::Unreachable);
    assert!(weak.list_marked().await.is_ok(), "names and marks are anybody's to see");
}

#[tokio::test]
async fn an_environment_has_its_server_or_none() {
    let server = Arc::new(server("postgres://postgres@127.0.0.1:1/postgres"));
    let servers =
        PgDatabases::new(["dev", "staging"].map(|name| (name.parse().unwrap(), Arc::clone(&server))));
    assert_eq!(servers.list_servers().len(), 1, "once, however many environments it serves");
    assert_eq!(
        servers.find_server(&"dev".parse().unwrap()).map(|server| server.name().to_owned()).as_deref(),
        Some("main")
    );
    assert!(servers.find_server(&"production".parse().unwrap()).is_none());
}
