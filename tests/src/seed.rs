//! Filling a PostgreSQL store with very much, for looking at it: a million requests and five million events, in minutes.
//!
//! No document is written by hand. A real server plays one request of each kind, with all that belongs to it: call, plan, votes, steps,
//! outcome, events (`prototypes`). Its rows are then repeated inside the database, each time with other ids, names, times, projects and
//! agents (`repeat`), so that every page of what was filled in can be opened.
//!
//! What is filled in is decided by the seed, the sizes and the moment it ends at. Two things are not as in a store that grew: `audit_inbox`
//! is empty, as if the log had taken everything over, and of a request's events only the most telling are kept, as many as asked for.

mod prototypes;
mod repeat;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

use crate::process::Site;
use crate::store::Store;

pub use prototypes::KINDS;

/// How much, and which.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Requests.
    pub requests: u32,
    /// Events, roughly: each request has the same number at most, and each run two or three.
    pub events: u32,
    /// Decides who asked for what, when, and what came of it.
    pub seed: i64,
}

/// Fills the store at this URL, which has to be empty or not yet made, with requests of the year before now. `say` is told how far it is.
///
/// # Errors
/// The store holds requests already, or can't be written; or the server that plays the prototypes is not built.
pub async fn fill(url: &str, size: Size, say: &mut dyn FnMut(&str)) -> Result<()> {
    let store = Store::Postgres { url: url.to_owned() };
    let site = Site::prepare(store).await.context("a server for the prototypes")?;
    let mut connection = PgConnection::connect(url).await?;
    let there: i64 =
        sqlx::query_scalar("SELECT count(*) FROM mcp_action_requests").fetch_one(&mut connection).await?;
    ensure!(there == 0, "the store holds {there} requests already");
    // A run's requests come in tens.
    let size = Size { requests: size.requests.div_ceil(10) * 10, ..size };
    say("playing a prototype of each kind");
    let prototypes = prototypes::play(&site).await?;
    for database in prototypes.requests.iter().filter_map(|played| played.database()) {
        // A name of our own making, and its database as well: the server it is on may be filled again.
        raw_sql(AssertSqlSafe(format!("DROP DATABASE {database}"))).execute(&mut connection).await?;
    }
    repeat::all(&mut connection, &prototypes, size, say).await?;
    Ok(connection.close().await?)
}
