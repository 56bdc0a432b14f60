//! Where things are: the workspace's folders, its target folder, the cargo to call.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::shell;

/// The one feature set that everything is built with, so that dependencies are compiled once.
pub(crate) const FEATURES: &str = "countersign-app/demo,countersign-app/planted";

/// The same for what is measured: what a release holds, and the demo.
pub(crate) const RELEASE_FEATURES: &str = "countersign-app/demo";

/// The folder that holds the workspace's Cargo.toml.
pub(crate) fn root() -> PathBuf {
    // The manifest of this package is one level below the workspace's root: unwrapping can't fail.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The folder that builds and logs go to.
pub(crate) fn target() -> PathBuf {
    match shell::variable("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The cargo that started this tool, in the workspace's root, with sqlx's checked queries read from the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(shell::variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    command.current_dir(root()).env("SQLX_OFFLINE", "true");
    command
}

/// What cargo knows about the workspace and its dependencies on this machine's platform.
pub(crate) fn metadata() -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.current_dir(root()).other_options(vec!["--filter-platform".to_owned(), platform()?]);
    command.exec().context("reading `cargo metadata`")
}

fn platform() -> Result<String> {
    let version = shell::read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
