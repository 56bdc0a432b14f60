//! Where a secret of the configuration comes from: a file or a variable, never the configuration itself.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use secrecy::SecretString;
use serde::Deserialize;

/// `{ file = "…" }` or `{ env = "…" }`. White space at the ends is not part of the secret.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, serde::Serialize))]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum SecretSource {
    /// A file that holds nothing else.
    File(PathBuf),
    /// A variable of the server's environment.
    Env(String),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// The file or variable can't be read, or is empty; the message names it.
    pub fn read(&self) -> Result<SecretString> {
        let (text, from) = match self {
            Self::File(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the secret file `{}`", path.display()))?;
                (text, format!("the file `{}`", path.display()))
            }
            Self::Env(name) => {
                #[expect(clippy::disallowed_methods, reason = "app reads the environment")]
                let text =
                    std::env::var(name).with_context(|| format!("the variable `{name}` is not set"))?;
                (text, format!("the variable `{name}`"))
            }
        };
        let text = text.trim();
        if text.is_empty() {
            bail!("{from} is empty");
        }
        Ok(SecretString::from(text))
    }
}
