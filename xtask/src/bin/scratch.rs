//! Applies a folder of migrations to a scratch database: `xtask-scratch URL FOLDER`.
//!
//! It is apart from `xtask` so that the tool itself compiles without a database driver, and apart from the adapters because their
//! checked queries don't compile before the database that this program prepares exists.

use std::path::Path;

use anyhow::{Context, Result, bail};
use sqlx::{Connection, migrate::Migrator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, folder] = arguments.as_slice() else {
        bail!("usage: xtask-scratch URL FOLDER");
    };
    let migrator = Migrator::new(Path::new(folder)).await.with_context(|| format!("reading `{folder}`"))?;
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(url).await.context("opening the SQLite file")?;
        migrator.run(&mut connection).await?;
        connection.close().await?;
    } else {
        let mut connection = sqlx::PgConnection::connect(url).await.context("connecting to PostgreSQL")?;
        migrator.run(&mut connection).await?;
        connection.close().await?;
    }
    Ok(())
}
