//! sqlx's offline data (`.sqlx`) of the two stores: each crate is compiled once against a scratch database with its migrations applied,
//! and the query macros write down what the database told them. The same as `cargo sqlx prepare`, without another tool to install.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::folder::{self, Drift};
use crate::{image, postgres, shell, workspace};

const MACROS: [&str; 5] = ["query!(", "query_as!(", "query_scalar!(", "query_file!(", "query_file_as!("];

enum Store {
    Postgres,
    Sqlite,
}

impl Store {
    fn name(&self) -> &'static str {
        match self {
            Store::Postgres => "postgres",
            Store::Sqlite => "sqlite",
        }
    }
}

/// Makes the offline data of both stores and writes or checks it; a store without checked queries needs none.
pub(crate) fn prepare(root: &Path, check: bool) -> Result<Vec<Drift>> {
    let mut drifts = Vec::new();
    for store in [Store::Sqlite, Store::Postgres] {
        let krate = root.join("crates").join(format!("adapters-{}", store.name()));
        let made = workspace::target().join("sqlx-made").join(store.name());
        if made.exists() {
            fs::remove_dir_all(&made)?;
        }
        fs::create_dir_all(&made)?;
        if has_checked_queries(&krate.join("src"))? {
            make(root, &store, &made)?;
        } else {
            println!("gen: adapters-{} has no checked queries", store.name());
        }
        drifts.extend(folder::mirror(&made, &krate.join(".sqlx"), "json", check)?);
    }
    Ok(drifts)
}

fn make(root: &Path, store: &Store, made: &Path) -> Result<()> {
    let migrations = root.join("migrations").join(store.name());
    match store {
        Store::Sqlite => {
            let file = workspace::target().join("sqlx-made/scratch.db");
            if file.exists() {
                fs::remove_file(&file)?;
            }
            let url = format!("sqlite:{}?mode=rwc", file.display());
            migrate(&url, &migrations)?;
            compile(store, &url, made)
        }
        Store::Postgres => {
            image::ensure(false)?;
            let server = postgres::Server::start()?;
            migrate(&server.url, &migrations)?;
            compile(store, &server.url, made)
        }
    }
}

fn migrate(url: &str, migrations: &Path) -> Result<()> {
    let mut command = workspace::cargo();
    command.env("CARGO_TARGET_DIR", target());
    command
        .args(["run", "--package", "xtask", "--bin", "xtask-scratch", "--features", "scratch", "--", url])
        .arg(migrations);
    shell::run(&mut command).context("applying the migrations to a scratch database")
}

fn compile(store: &Store, url: &str, made: &Path) -> Result<()> {
    let package = format!("countersign-adapters-{}", store.name());
    // Macros write only while they run, so the crate must be compiled again; in a target folder of its own nobody else waits for that.
    shell::run(workspace::cargo().env("CARGO_TARGET_DIR", target()).args(["clean", "--package", &package]))?;
    let mut command = workspace::cargo();
    command.env("CARGO_TARGET_DIR", target()).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", made);
    command.env("DATABASE_URL", url).args(["check", "--package", &package]);
    shell::run(&mut command)
}

fn target() -> PathBuf {
    workspace::target().join("sqlx")
}

fn has_checked_queries(source: &Path) -> Result<bool> {
    for entry in fs::read_dir(source).with_context(|| format!("reading `{}`", source.display()))? {
        let path = entry?.path();
        let found = if path.is_dir() {
            has_checked_queries(&path)?
        } else {
            let text = fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
            let text = String::from_utf8_lossy(&text);
            MACROS.iter().any(|name| text.contains(name))
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
