//! The configuration of `serve --embedded DIR`: everything in one folder, made on the first start.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, Result};
use zeroize::Zeroizing;

use super::{Config, load};
use crate::{master_keys, run_tokens};

/// Reads the configuration of an embedded server, making folder, keys and file where they are missing.
///
/// # Errors
/// The folder can't be written, or its configuration is not usable.
pub fn prepare(dir: &Path) -> Result<Config> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the folder `{}`", dir.display()))?;
    make_secret(&dir.join("run-token.key"), run_tokens::generate_key)?;
    make_secret(&dir.join("master.key"), || Ok(master_keys::generate_key()))?;
    let file = dir.join("countersign.toml");
    if !file.exists() {
        let policy = dir.join("policy.yaml");
        if !policy.exists() {
            write_new(&policy, include_str!("embedded/policy.yaml"))?;
        }
        write_new(&file, &text(dir))?;
    }
    load::from_file(&file)
}

fn text(dir: &Path) -> String {
    let at = |name: &str| toml::Value::from(dir.join(name).display().to_string()).to_string();
    format!(
        include_str!("embedded/countersign.toml"),
        store = at("countersign.db"),
        policy = at("policy.yaml"),
        run_token_key = at("run-token.key"),
        master_key = at("master.key"),
        dev_databases = at("databases/dev"),
        staging_databases = at("databases/staging"),
        production_databases = at("databases/production"),
    )
}

/// A secret file, readable by the owner only; one that is there stays.
fn make_secret(path: &Path, make: impl FnOnce() -> Result<Zeroizing<String>>) -> Result<()> {
    if path.exists() { Ok(()) } else { write_new(path, &make()?) }
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make the file `{}`", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write the file `{}`", path.display()))
}
