//! A real PostgreSQL for tests: one container for each test program, one database for each test, cloned from a migrated template.
//!
//! Other crates include this file by `#[path]`. The container is removed when the program ends, however it ends: a shell that holds its
//! standard input open notices.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use countersign_adapters_postgres::migrate;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::ImageExt;
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use tokio::sync::OnceCell;

/// The image's tag: the oldest PostgreSQL that is supported.
const TAG: &str = "15-bookworm";
const TEMPLATE: &str = "countersign_template";

static SERVER: OnceCell<Server> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Server {
    authority: String,
    _reaper: Child,
}

/// One database of the shared server.
pub(crate) struct Database {
    /// How to connect, as the superuser that owns the tables.
    pub(crate) url: String,
    /// The server's host and port.
    pub(crate) authority: String,
    /// The database's name.
    pub(crate) name: String,
}

impl Database {
    /// A new database with all migrations applied.
    pub(crate) async fn migrated() -> Self {
        Self::from_template(TEMPLATE).await
    }

    /// A new database with nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::from_template("template1").await
    }

    async fn from_template(template: &str) -> Self {
        let server = SERVER.get_or_init(start).await;
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&url(&server.authority, "postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
        Self { url: url(&server.authority, &name), authority: server.authority.clone(), name }
    }

    /// A pool of the superuser, for looking behind the ports.
    pub(crate) async fn pool(&self) -> PgPool {
        PgPoolOptions::new().max_connections(4).connect(&self.url).await.unwrap()
    }

    /// The maintenance database of the same server, as the superuser.
    pub(crate) fn admin_url(&self) -> String {
        url(&self.authority, "postgres")
    }
}

fn url(authority: &str, database: &str) -> String {
    format!("postgres://postgres:postgres@{authority}/{database}")
}

async fn start() -> Server {
    // A vacuum in the background is a transaction like others: it would hold back events now and then.
    let settings = ["-c", "fsync=off", "-c", "max_connections=300", "-c", "autovacuum=off"];
    let image = Postgres::default().with_tag(TAG).with_cmd(settings);
    let container = image.with_label("countersign", "test").start().await.expect("Docker starts a container");
    let reaper = reap(container.id());
    let host = container.get_host().await.unwrap();
    let port = container.get_host_port_ipv4(5432).await.unwrap();
    // From here on the reaper is in charge: this handle would remove the container with the runtime of whichever test came first.
    std::mem::forget(container);
    let authority = format!("{host}:{port}");
    let mut admin = PgConnection::connect(&url(&authority, "postgres")).await.unwrap();
    let create = format!("CREATE DATABASE {TEMPLATE}");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
    let pool = PgPoolOptions::new().max_connections(1).connect(&url(&authority, TEMPLATE)).await.unwrap();
    migrate(&pool).await.unwrap();
    pool.close().await;
    Server { authority, _reaper: reaper }
}

fn reap(container: &str) -> Child {
    let script = "trap '' INT TERM HUP; cat; docker rm --force --volumes \"$0\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, container]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell starts")
}
