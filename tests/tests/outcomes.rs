//! The suites deny, approve and timeout, over gRPC against real server processes on SQLite and on PostgreSQL (R10). Each ends with its
//! table.

use std::io::Write as _;

use anyhow::Result;
use countersign_suites::process::Site;
use countersign_suites::store::{PgServer, Store};
use countersign_suites::suites::{self, Suite};
use countersign_suites::table::Table;

async fn everywhere(suite: Suite) -> Result<()> {
    let server = PgServer::start().await?;
    let stores = [Store::Sqlite, server.store(suite.name()).await?];
    let mut table = Table::on(&["sqlite", "postgres"]);
    for store in stores {
        let name = store.name();
        let site = Site::prepare(store).await?;
        let process = site.start("server").await?;
        suites::run(suite, &site.deployment(&process), name, name, &mut table).await?;
    }
    // Written past the test runner's capture: the table is what a suite ends with, passed or not.
    writeln!(std::io::stdout(), "\n{}:\n{table}\n", suite.name())?;
    table.check(|cell| suite.expected(cell))
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_deny() -> Result<()> {
    everywhere(Suite::Deny).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_approve() -> Result<()> {
    everywhere(Suite::Approve).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_timeout() -> Result<()> {
    everywhere(Suite::Timeout).await
}
