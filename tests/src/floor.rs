//! The floor of a benchmark: the rows that one call left, written again with new ids in one prepared statement and transaction, without
//! anything Countersign does besides.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::store::Store;

/// The tables that a call inserts into, and the column by which its rows are found.
const INSERTED: [(&str, &str); 8] = [
    ("mcp_action_requests", "request_id"),
    ("request_search", "request_id"),
    ("run_waits", "request_id"),
    ("flow_events", "request_id"),
    ("audit_inbox", "event_id"),
    ("links", "to_id"),
    ("work_items", "subject"),
    ("commits", "commit_id"),
];

/// The rows of one call as texts in which ids can be replaced.
pub struct Floor {
    pool: PgPool,
    statement: String,
    run: String,
    request: String,
    documents: Vec<String>,
    /// Apart from other floors of the same store, so that ids stay new.
    first_number: usize,
}

impl Floor {
    /// Reads the rows that the call of `run` left, and registers `calls` runs to write them for.
    ///
    /// # Errors
    /// The run made no call, or the store can't be read.
    pub async fn prepare(
        store: &Store,
        pool_size: u32,
        run: &str,
        calls: usize,
        first_number: usize,
    ) -> Result<Self> {
        let Store::Postgres { url } = store else { anyhow::bail!("the floor is PostgreSQL's") };
        let pool = PgPoolOptions::new().max_connections(pool_size).connect(url).await?;
        let request: String =
            sqlx::query_scalar("SELECT request_id FROM mcp_action_requests WHERE run_id = $1")
                .bind(run)
                .fetch_one(&pool)
                .await?;
        let mut documents = vec![rows(&pool, "agent_sessions", "run_id", &[run.to_owned()]).await?];
        let mut parts = vec![run_part(&pool).await?];
        for (place, (table, column)) in INSERTED.iter().enumerate() {
            let keys = keys(&pool, table, run, &request).await?;
            documents.push(rows(&pool, table, column, &keys).await?);
            parts.push(insert_part(&pool, table, place + 2).await?);
        }
        let statement = format!("WITH {} SELECT 1", parts.join(", "));
        register(&pool, run, calls).await?;
        Ok(Self { pool, statement, run: run.to_owned(), request, documents, first_number })
    }

    /// Writes the rows for run number `number`.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn write(&self, number: usize) -> Result<()> {
        // Ids of events and commits are drawn apart from the request's; a prefix of our own makes all of them new.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(self.statement.clone()));
        let id = self.first_number + number;
        for document in &self.documents {
            let document = document
                .replace(&self.request, &format!("{id:08}{}", &self.request[8..]))
                .replace(&format!("\"{}\"", self.run), &format!("\"floor-{}-{number}\"", self.run))
                .replace("@new@", &format!("{id:08}"));
            query = query.bind(document);
        }
        query.execute(&self.pool).await?;
        Ok(())
    }
}

async fn keys(pool: &PgPool, table: &str, run: &str, request: &str) -> Result<Vec<String>> {
    Ok(match table {
        "audit_inbox" => {
            sqlx::query_scalar("SELECT event_id FROM flow_events WHERE request_id = $1")
                .bind(request)
                .fetch_all(pool)
                .await?
        }
        "commits" => {
            // Commits aren't linked to what they wrote; any of them has the form.
            sqlx::query_scalar("SELECT commit_id::text FROM commits LIMIT 1").fetch_all(pool).await?
        }
        "agent_sessions" => vec![run.to_owned()],
        _ => vec![request.to_owned()],
    })
}

/// The rows of a table as one JSON text, ids of events and commits made replaceable.
async fn rows(pool: &PgPool, table: &str, column: &str, keys: &[String]) -> Result<String> {
    let query = format!("SELECT to_jsonb(t) FROM {table} t WHERE t.{column}::text = ANY($1)");
    let found: Vec<Value> = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(keys).fetch_all(pool).await?;
    anyhow::ensure!(!found.is_empty(), "a call left no row in {table}");
    let replaceable = |mut row: Map<String, Value>| {
        for id in ["event_id", "commit_id"] {
            if let Some(Value::String(text)) = row.get_mut(id) {
                *text = format!("@new@{}", &text[8..]);
            }
        }
        Value::Object(row)
    };
    let members = found.into_iter().filter_map(|row| row.as_object().cloned()).map(replaceable);
    Ok(Value::Array(members.collect()).to_string())
}

/// The columns that a row brings itself: the others are the database's.
async fn columns(pool: &PgPool, table: &str) -> Result<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(column_name) FROM information_schema.columns WHERE table_schema = 'public' \
         AND table_name = $1 AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER' \
         ORDER BY ordinal_position",
    )
    .bind(table)
    .fetch_all(pool)
    .await?;
    Ok(names.join(", "))
}

async fn insert_part(pool: &PgPool, table: &str, parameter: usize) -> Result<String> {
    let columns = columns(pool, table).await?;
    Ok(format!(
        "w{parameter} AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM \
         jsonb_populate_recordset(NULL::{table}, ${parameter}::text::jsonb))"
    ))
}

/// The run is updated to waiting, as a call does.
async fn run_part(pool: &PgPool) -> Result<String> {
    let columns = columns(pool, "agent_sessions").await?;
    Ok(format!(
        "w1 AS (UPDATE agent_sessions s SET ({columns}) = (SELECT {columns} FROM \
         jsonb_populate_recordset(NULL::agent_sessions, $1::text::jsonb)) \
         WHERE s.run_id = ($1::text::jsonb)->0->>'run_id')"
    ))
}

async fn register(pool: &PgPool, run: &str, calls: usize) -> Result<()> {
    let columns = columns(pool, "agent_sessions").await?;
    let changed = columns.replacen("run_id", "'floor-' || run_id || '-' || n", 1);
    let query = format!(
        "INSERT INTO agent_sessions ({columns}) SELECT {changed} FROM agent_sessions, generate_series(0, $2) n \
         WHERE run_id = $1"
    );
    sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(run)
        .bind(i64::try_from(calls)?)
        .execute(pool)
        .await
        .context("runs for the floor")?;
    Ok(())
}
