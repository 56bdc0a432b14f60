//! The stores the suites run on.

use std::path::Path;

use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection};
use testcontainers::core::IntoContainerPort as _;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ImageExt as _};
use testcontainers_modules::postgres::Postgres;

/// The image's tag: the official one where a registry is reached, the locally built one elsewhere.
const TAG: &str = "15-bookworm";

/// A PostgreSQL server in a container, for as long as this lives.
pub struct PgServer {
    container: ContainerAsync<Postgres>,
    address: String,
}

/// Where a site keeps its state.
#[derive(Clone, Debug)]
pub enum Store {
    /// A SQLite file in the site's folder; databases are files beside it.
    Sqlite,
    /// A database of its own on a PostgreSQL server; databases are made on the same server.
    Postgres {
        /// The connection URL of the store.
        url: String,
    },
}

impl PgServer {
    /// Starts a server.
    ///
    /// # Errors
    /// Docker or the image is missing; `cargo xtask test` says what to do.
    pub async fn start() -> Result<Self> {
        let container = Postgres::default()
            .with_tag(TAG)
            .with_cmd(["-c", "max_connections=300"])
            .start()
            .await
            .context("PostgreSQL could not be started; `cargo xtask test` says what it needs")?;
        let port = container.get_host_port_ipv4(5432).await?;
        let address = format!("postgres://postgres:postgres@127.0.0.1:{port}");
        Ok(Self { container, address })
    }

    /// The same on a port of its own choice that it keeps, so that it can be killed and started again.
    ///
    /// # Errors
    /// As [`PgServer::start`].
    pub async fn start_to_be_killed() -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let container = Postgres::default()
            .with_tag(TAG)
            .with_mapped_port(port, 5432.tcp())
            // What its processes have handed to the system outlives them; waiting for the disk, before each recovery above all, only takes
            // minutes where others write to it.
            .with_cmd(["-c", "max_connections=300", "-c", "fsync=off"])
            .start()
            .await
            .context("PostgreSQL could not be started; `cargo xtask test` says what it needs")?;
        let address = format!("postgres://postgres:postgres@127.0.0.1:{port}");
        Ok(Self { container, address })
    }

    /// Kills all of PostgreSQL's processes at once, starts it again on the same files, and waits until it answers.
    ///
    /// # Errors
    /// Docker refuses, or PostgreSQL doesn't come back within three minutes.
    pub async fn kill_and_restart(&self) -> Result<()> {
        for arguments in [["kill", self.container.id()], ["start", self.container.id()]] {
            let done = tokio::process::Command::new("docker").args(arguments).output().await?;
            anyhow::ensure!(
                done.status.success(),
                "docker {arguments:?}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        for _ in 0..1_800 {
            if let Ok(connection) = PgConnection::connect(&format!("{}/postgres", self.address)).await {
                return Ok(connection.close().await?);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("PostgreSQL did not come back")
    }

    /// Where it is: `postgres://user:password@host:port`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Has the server log every statement it is sent from now on.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn log_statements(&self) -> Result<()> {
        let mut connection = PgConnection::connect(&format!("{}/postgres", self.address)).await?;
        for sql in ["ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()"] {
            sqlx::raw_sql(sql).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    /// What the server has logged.
    ///
    /// # Errors
    /// Docker refuses.
    pub async fn log(&self) -> Result<Vec<u8>> {
        Ok(self.container.stderr_to_vec().await?)
    }

    /// A new, empty store on this server.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn store(&self, name: &str) -> Result<Store> {
        let mut connection = PgConnection::connect(&format!("{}/postgres", self.address)).await?;
        // The name is a literal of a suite.
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(Store::Postgres { url: format!("{}/{name}", self.address) })
    }
}

impl Store {
    /// The store's name in the table.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }

    /// Everything the store holds, row by row, as text.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn dump(&self, folder: &Path) -> Result<Vec<u8>> {
        match self {
            // The file itself is searched, its write-ahead log too.
            Self::Sqlite => Ok(std::fs::read(folder.join("store.db"))?),
            Self::Postgres { url } => {
                let mut connection = PgConnection::connect(url).await?;
                let tables: Vec<String> = sqlx::query_scalar(
                    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'",
                )
                .fetch_all(&mut connection)
                .await?;
                let mut dump = Vec::new();
                for table in tables {
                    // The names come quoted from the catalogue.
                    let query = sqlx::AssertSqlSafe(format!("SELECT to_jsonb(t)::text FROM {table} t"));
                    let rows: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut connection).await?;
                    dump.extend(rows.join("\n").into_bytes());
                }
                Ok(dump)
            }
        }
    }

    pub(crate) const fn needs_migration(&self) -> bool {
        match self {
            Self::Sqlite => false,
            Self::Postgres { .. } => true,
        }
    }

    pub(crate) fn configuration(&self, folder: &Path) -> Result<String> {
        Ok(match self {
            Self::Sqlite => {
                format!("[store]\nkind = \"sqlite\"\npath = \"{}/store.db\"\nlease_s = 3\n", folder.display())
            }
            Self::Postgres { url } => {
                let file = folder.join("store.url");
                std::fs::write(&file, url)?;
                let file = file.display();
                format!("[store]\nkind = \"postgres\"\nurl = {{ file = \"{file}\" }}\nlease_s = 3\n")
            }
        })
    }

    pub(crate) fn databases(&self, folder: &Path) -> Result<String> {
        Ok(match self {
            Self::Sqlite => format!(
                "[targets.databases.main]\nkind = \"sqlite\"\nenvironments = [\"dev\"]\ndirectory = \"{}/databases\"\n",
                folder.display()
            ),
            Self::Postgres { url } => {
                let file = folder.join("databases.url");
                let server = url.rsplit_once('/').map_or(url.as_str(), |(server, _)| server);
                std::fs::write(&file, format!("{server}/postgres"))?;
                let file = file.display();
                format!(
                    "[targets.databases.main]\nkind = \"postgres\"\nenvironments = [\"dev\"]\nurl = {{ file = \"{file}\" }}\n"
                )
            }
        })
    }
}
