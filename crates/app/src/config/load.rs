//! Reading the configuration: file, then environment.

use std::path::Path;

use anyhow::{Context, Result};
use figment::Figment;
use figment::providers::{Env, Format, Toml};

use super::Config;

/// The prefix of variables that override options.
const PREFIX: &str = "COUNTERSIGN_";

/// Reads a configuration file and the variables that override it.
///
/// # Errors
/// The file can't be read, or an option is unknown, missing or malformed; the message names it and where it came from.
pub fn from_file(path: &Path) -> Result<Config> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file `{}`", path.display()))?;
    from_text(&text).with_context(|| format!("in the configuration file `{}`", path.display()))
}

/// Reads a configuration from its text and the variables that override it.
///
/// # Errors
/// An option is unknown, missing or malformed.
pub fn from_text(text: &str) -> Result<Config> {
    // COUNTERSIGN_CONFIG and COUNTERSIGN_SERVER and their like belong to the command line, not to the file.
    let overrides = Env::prefixed(PREFIX).filter(|name| name.as_str().contains("__")).split("__");
    Figment::from(Toml::string(text)).merge(overrides).extract().context("the configuration is not usable")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        store = { kind = "sqlite", path = "x.db" }
        run_tokens = { active = "k1", keys = { k1 = { env = "K" } } }
        sealing = { active = "m1", keys = { m1 = { file = "m" } } }
    "#;

    #[test]
    fn a_minimal_file_is_enough() {
        let config = from_text(MINIMAL).unwrap();
        assert_eq!(config.server.shutdown_grace_s, 20);
        assert_eq!(config.workers.at_once, 8);
    }

    #[test]
    fn an_unknown_option_is_named() {
        let error = from_text(&format!("{MINIMAL}\n[server]\ngrpc_lisen = \"x\"")).unwrap_err();
        assert!(format!("{error:#}").contains("grpc_lisen"), "{error:#}");
    }

    #[test]
    fn a_malformed_option_is_named() {
        let error = from_text(&format!("{MINIMAL}\n[server]\ngrpc_listen = \"here\"")).unwrap_err();
        assert!(format!("{error:#}").contains("grpc_listen"), "{error:#}");
    }

    #[test]
    fn the_documented_example_is_a_configuration() {
        from_text(include_str!("../../../../docs/examples/countersign.toml")).unwrap();
    }
}
