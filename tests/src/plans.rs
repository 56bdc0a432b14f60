//! What PostgreSQL did to answer: the plans that its module `auto_explain` writes to the server's log, as they were carried out, those
//! inside of functions too.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

/// Has a database explain every statement of the connections that are made from now on.
///
/// # Errors
/// The server refuses: one needs to be its superuser.
pub async fn explain(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let database: String =
        sqlx::query_scalar("SELECT quote_ident(current_database())").fetch_one(&mut connection).await?;
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
        "auto_explain.log_analyze = on",
        "auto_explain.log_timing = off",
        "auto_explain.log_format = 'json'",
    ] {
        raw_sql(AssertSqlSafe(format!("ALTER DATABASE {database} SET {setting}")))
            .execute(&mut connection)
            .await?;
    }
    Ok(connection.close().await?)
}

/// The tables of a store with more rows than this, by what `ANALYZE` counted.
///
/// # Errors
/// The store can't be read.
pub async fn large_tables(url: &str, rows: u32) -> Result<BTreeSet<String>> {
    let mut connection = PgConnection::connect(url).await?;
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND reltuples > $1",
    )
    .bind(f64::from(rows))
    .fetch_all(&mut connection)
    .await
    .context("the sizes of tables")?;
    connection.close().await?;
    Ok(names.into_iter().collect())
}

/// One statement as it was carried out.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The statement.
    pub text: String,
    plan: Value,
}

impl Explained {
    /// All of them in a log. What the log's writer cut in two is passed over; the same statement comes again.
    pub fn all(log: &str) -> Vec<Self> {
        let mut lines = log.lines();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            if !line.trim_end().ends_with(" plan:") {
                continue;
            }
            // Lines of one message after the first begin with a tab.
            let document: String =
                lines.clone().map_while(|line| line.strip_prefix('\t')).collect::<Vec<_>>().join("\n");
            let Ok(document) = serde_json::from_str::<Value>(&document) else { continue };
            if let Some(text) = document["Query Text"].as_str() {
                found.push(Self { text: text.to_owned(), plan: document["Plan"].clone() });
            }
        }
        found
    }

    /// The tables that were read from one end to the other.
    pub fn scanned(&self) -> BTreeSet<String> {
        let mut tables = BTreeSet::new();
        visit(&self.plan, &mut |node| {
            let scan = matches!(node["Node Type"].as_str(), Some("Seq Scan" | "Parallel Seq Scan"));
            // A branch that was never begun read nothing, and a plan for other words may yet begin it.
            if scan && let Some(table) = node["Relation Name"].as_str() {
                tables.insert(table.to_owned());
            }
        });
        tables
    }

    /// The most rows that one part of the plan read and threw away.
    pub fn most_discarded(&self) -> f64 {
        let mut most: f64 = 0.0;
        visit(&self.plan, &mut |node| {
            let loops = node["Actual Loops"].as_f64().unwrap_or(1.0);
            let discarded = ["Rows Removed by Filter", "Rows Removed by Join Filter"];
            let discarded: f64 = discarded.iter().filter_map(|what| node[*what].as_f64()).sum();
            most = most.max(discarded * loops);
        });
        most
    }
}

fn visit(node: &Value, see: &mut impl FnMut(&Value)) {
    see(node);
    for below in node["Plans"].as_array().into_iter().flatten() {
        visit(below, see);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-11-26 06:00:00 UTC [7] LOG:  duration: 0.1 ms  plan:\n\t{\n\t  \"Query Text\": \"SELECT 1\",\n\t  \"Plan\": {\n\t    \"Node Type\": \"Limit\",\n\t    \"Plans\": [\n\t      {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"links\", \"Rows Removed by Filter\": 7, \"Actual Loops\": 3}\n\t    ]\n\t  }\n\t}\nsomething else\nLOG:  duration: 0.1 ms  plan:\n\t{ cut\n";

    #[test]
    fn plans_are_read_out_of_a_log() {
        let all = Explained::all(LOG);
        assert_eq!(all.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["SELECT 1"]);
        assert_eq!(all[0].scanned(), BTreeSet::from(["links".to_owned()]));
        assert!((all[0].most_discarded() - 21.0).abs() < 0.1);
    }
}
