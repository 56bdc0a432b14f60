//! Looking past the server: into its store, and at the databases that really exist.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::process::Site;
use crate::store::Store;

/// A database on the server that stories make them on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The request its mark names, if it is marked.
    pub made_for: Option<String>,
}

/// The first column of every row, as text. Queries are literals of the harness around ids and tags of its own.
///
/// # Errors
/// The store can't be read.
pub async fn texts(site: &Site, query: String) -> Result<Vec<String>> {
    match site.store() {
        Store::Sqlite => texts_of_file(&site.folder().join("store.db"), query).await,
        Store::Postgres { url } => {
            patiently(async || {
                let mut connection = PgConnection::connect(url).await?;
                let query = AssertSqlSafe(query.clone());
                sqlx::query_scalar(query).fetch_all(&mut connection).await
            })
            .await
        }
    }
}

/// PostgreSQL may just have been killed: asks until it is back.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, sqlx::Error>) -> Result<T> {
    let mut left = 300;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if left == 0 => return Err(error.into()),
            Err(_) => {
                left -= 1;
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

/// One number.
///
/// # Errors
/// The store can't be read, or the query doesn't give one row with a number.
pub async fn number(site: &Site, query: String) -> Result<u64> {
    let rows = texts(site, query.clone()).await?;
    let row = rows.first().with_context(|| format!("no row: {query}"))?;
    row.parse().with_context(|| format!("`{row}` is no number: {query}"))
}

/// Every database there is, whoever made it.
///
/// # Errors
/// The server or the folder can't be read.
pub async fn databases(site: &Site) -> Result<Vec<Database>> {
    match site.store() {
        Store::Sqlite => files(&site.folder().join("databases")).await,
        Store::Postgres { url } => {
            let server = url.rsplit_once('/').map_or(url.as_str(), |(server, _)| server);
            let query = "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database";
            let rows: Vec<(String, Option<String>)> = patiently(async || {
                let mut connection = PgConnection::connect(&format!("{server}/postgres")).await?;
                sqlx::query_as(query).fetch_all(&mut connection).await
            })
            .await?;
            let database = |(name, comment): (String, Option<String>)| {
                let made_for = comment.and_then(|text| text.split_whitespace().last().map(str::to_owned));
                Database { name, made_for }
            };
            Ok(rows.into_iter().map(database).collect())
        }
    }
}

/// Whether there is a login role of this name with somebody's mark; never where databases are files.
///
/// # Errors
/// The server can't be read.
pub async fn has_role(site: &Site, name: &str) -> Result<bool> {
    match site.store() {
        Store::Sqlite => Ok(false),
        Store::Postgres { .. } => {
            let count = format!(
                "SELECT count(*)::text FROM pg_roles WHERE rolname = '{name}' AND rolcanlogin
                 AND shobj_description(oid, 'pg_authid') IS NOT NULL"
            );
            Ok(number(site, count).await? > 0)
        }
    }
}

/// Makes a database by hand, without anybody's mark. On SQLite.
///
/// # Errors
/// The file can't be made.
pub async fn make_foreign_database(site: &Site, name: &str) -> Result<()> {
    let path = site.folder().join("databases").join(format!("{name}.db"));
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE somebodys (id INTEGER) STRICT").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Writes another name into a stored plan, past the server. On SQLite, while no server lives.
///
/// # Errors
/// The store can't be written.
pub async fn tamper(site: &Site, request_id: &str, name: &str, other: &str) -> Result<()> {
    // The names are the harness's own.
    let update = format!(
        "UPDATE mcp_action_requests SET payload_snapshot = replace(payload_snapshot, '{name}', '{other}'),
             target_snapshot = replace(target_snapshot, '{name}', '{other}') WHERE request_id = '{request_id}'"
    );
    ensure!(change(site, update).await? == 1, "request {request_id} is not stored");
    Ok(())
}

/// Has the retention of a kept database end now, as if its days had passed.
///
/// # Errors
/// The store can't be written.
pub async fn let_retention_end(site: &Site, kept_as: &str) -> Result<()> {
    let past = long_ago(site);
    let update = format!("UPDATE project_databases SET keep_until = {past} WHERE kept_as = '{kept_as}'");
    ensure!(change(site, update).await? == 1, "database {kept_as} is not kept");
    Ok(())
}

/// Makes work due, unless somebody is at it; whether there is any.
///
/// # Errors
/// The store can't be written.
pub async fn bring_forward(site: &Site, kind: &str, subject: &str) -> Result<bool> {
    let (past, worker) = (long_ago(site), worker(site));
    let update = format!(
        "UPDATE work_items SET due_at = {past}
         WHERE kind = '{kind}' AND subject = '{subject}' AND {worker} IS NULL"
    );
    Ok(change(site, update).await? > 0)
}

/// Whether work of a kind is due that was brought forward, or somebody is at it.
///
/// # Errors
/// The store can't be read.
pub async fn is_due(site: &Site, kind: &str) -> Result<bool> {
    let (past, worker) = (long_ago(site), worker(site));
    let count = format!(
        "SELECT CAST(count(*) AS TEXT) FROM work_items
         WHERE kind = '{kind}' AND (due_at <= {past} OR {worker} IS NOT NULL)"
    );
    Ok(number(site, count).await? > 0)
}

/// The column that names who is at it.
fn worker(site: &Site) -> &'static str {
    match site.store() {
        Store::Sqlite => "worker_id",
        Store::Postgres { .. } => "leased_by",
    }
}

fn long_ago(site: &Site) -> &'static str {
    match site.store() {
        Store::Sqlite => "'2000-01-01T00:00:00.000000Z'",
        Store::Postgres { .. } => "timestamptz '2000-01-01T00:00:00Z'",
    }
}

/// Changes rows past the server; how many.
async fn change(site: &Site, update: String) -> Result<u64> {
    match site.store() {
        Store::Sqlite => {
            let options = SqliteConnectOptions::new()
                .filename(site.folder().join("store.db"))
                .busy_timeout(std::time::Duration::from_secs(5));
            let mut connection = SqliteConnection::connect_with(&options).await?;
            let changed = sqlx::query(AssertSqlSafe(update)).execute(&mut connection).await?.rows_affected();
            connection.close().await?;
            Ok(changed)
        }
        Store::Postgres { url } => {
            let mut connection = PgConnection::connect(url).await?;
            let changed = sqlx::query(AssertSqlSafe(update)).execute(&mut connection).await?.rows_affected();
            connection.close().await?;
            Ok(changed)
        }
    }
}

async fn files(folder: &Path) -> Result<Vec<Database>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".db")) else {
            continue;
        };
        // A file that is being made has no mark yet.
        let query = "SELECT request_id FROM countersign_marker".to_owned();
        let made_for = texts_of_file(&path, query).await.unwrap_or_default().pop();
        found.push(Database { name: name.to_owned(), made_for });
    }
    Ok(found)
}

async fn texts_of_file(path: &Path, query: String) -> Result<Vec<String>> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(std::time::Duration::from_secs(5));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let texts = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await;
    connection.close().await?;
    Ok(texts?)
}
