//! The command line as a client of a server: over REST for what staff do, over gRPC for what only that surface offers.

pub(crate) mod grpc;
pub(crate) mod rest;

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The bearer token of a file, or of the variable COUNTERSIGN_TOKEN.
fn token_of(file: Option<&Path>) -> Result<String> {
    let token = match file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the token file `{}`", path.display()))?,
        None => {
            #[expect(clippy::disallowed_methods, reason = "app reads the environment")]
            let token = std::env::var("COUNTERSIGN_TOKEN");
            token.context("name a token with --token-file FILE or the variable COUNTERSIGN_TOKEN")?
        }
    };
    let token = token.trim();
    ensure!(!token.is_empty(), "the token is empty");
    Ok(token.to_owned())
}
