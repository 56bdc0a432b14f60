//! Files that are made from others: copies that let each library package alone, sqlx's offline data, the list of released migrations, the
//! OpenAPI document.
//!
//! `gen` writes them, `gen --check` makes them aside and fails naming every file that differs. Both take the same path up to that point.

mod checksums;
mod folder;
mod openapi;
mod queries;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

pub(crate) use checksums::verify as verify_migrations;
use folder::Drift;

use crate::workspace;

/// Arguments of `gen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail when a file has drifted from its source.
    #[arg(long)]
    pub(crate) check: bool,
    /// Only the copies and checksums, which need no database.
    #[arg(long)]
    pub(crate) copies_only: bool,
}

/// A folder of which the crate that embeds it holds a copy.
struct Copy {
    from: &'static str,
    to: &'static str,
    extension: &'static str,
}

const COPIES: [Copy; 3] = [
    Copy {
        from: "proto/countersign/v1",
        to: "crates/transport-grpc/proto/countersign/v1",
        extension: "proto",
    },
    Copy { from: "migrations/postgres", to: "crates/adapters-postgres/migrations", extension: "sql" },
    Copy { from: "migrations/sqlite", to: "crates/adapters-sqlite/migrations", extension: "sql" },
];

/// Writes or checks all made files.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let mut drifts = checksums::update(&root.join("migrations"), args.check)?;
    for copy in &COPIES {
        drifts.extend(folder::mirror(
            &root.join(copy.from),
            &root.join(copy.to),
            copy.extension,
            args.check,
        )?);
    }
    if !args.copies_only {
        drifts.extend(openapi::prepare(&root, args.check)?);
        drifts.extend(queries::prepare(&root, args.check)?);
    }
    report(&root, &drifts, args.check)
}

fn report(root: &Path, drifts: &[Drift], check: bool) -> Result<()> {
    let lines: Vec<String> = drifts.iter().map(|drift| format!("  {}", drift.relative_to(root))).collect();
    match (drifts.is_empty(), check) {
        (true, _) => println!("gen: every made file is what its source says"),
        (false, false) => println!("gen: wrote\n{}", lines.join("\n")),
        (false, true) => {
            bail!("made files have drifted; run `cargo xtask gen` and commit them:\n{}", lines.join("\n"))
        }
    }
    Ok(())
}

/// The migrations folder of the workspace.
pub(crate) fn migrations() -> PathBuf {
    workspace::root().join("migrations")
}
