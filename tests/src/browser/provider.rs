//! The provider of identities: the npm package `oidc-provider`, run by `tests/browser/provider.mjs`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

use super::scene::HOME;

/// Somebody whom the provider knows.
pub struct Person {
    /// The subject, of which their principal is made.
    pub sub: &'static str,
    /// What they are called.
    pub name: &'static str,
    /// The groups that the provider says they are in.
    pub groups: &'static [&'static str],
}

impl Person {
    /// Everybody there is: two who own the shop, of whom one runs operations as well, one who only looks, and one who has no business here.
    pub const ALL: [Self; 4] = [
        Self { sub: "alice", name: "Alice Moreau", groups: &["shop-owners", "operations"] },
        Self { sub: "carol", name: "Carol Jensen", groups: &["shop-owners"] },
        Self { sub: "victor", name: "Victor Blum", groups: &["guests"] },
        Self { sub: "nina", name: "Nina Outside", groups: &[] },
    ];
}

/// The running provider. It ends when this is dropped.
pub struct Provider {
    child: Child,
    /// Kept open: it says more now and then, and would die of not being heard.
    _stdout: BufReader<ChildStdout>,
    issuer: String,
}

impl Provider {
    /// Starts it with packages of this folder.
    ///
    /// # Errors
    /// Node or the packages are missing; what it said is in the log.
    pub fn start(packages: &Path, log: &Path) -> Result<Self> {
        let people: Vec<_> = Person::ALL
            .iter()
            .map(|person| json!({"sub": person.sub, "name": person.name, "groups": person.groups}))
            .collect();
        let settings = json!({
            "clientId": "countersign", "clientSecret": SECRET, "redirectUri": format!("{HOME}/sign-in/callback"),
            "people": people,
        });
        let mut child = Command::new("node")
            .arg(program())
            .arg(packages)
            .arg(settings.to_string())
            // It ends with its input.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log)?)
            .spawn()
            .context("`node` can't be started; `cargo xtask browser` says what is needed")?;
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().context("the provider has an output")?);
        stdout.read_line(&mut line)?;
        let issuer = line.trim().strip_prefix("issuer=").map(str::to_owned);
        let issuer = issuer.with_context(|| {
            format!("the provider did not start: {}", std::fs::read_to_string(log).unwrap_or_default())
        })?;
        Ok(Self { child, _stdout: stdout, issuer })
    }

    /// The part of a configuration that has people sign in at it. The secret is written beside the configuration.
    ///
    /// # Errors
    /// The secret can't be written.
    pub fn configuration(&self, folder: &Path) -> Result<String> {
        let secret = folder.join("oidc.secret");
        std::fs::write(&secret, SECRET)?;
        Ok(format!(
            include_str!("sign_in.toml"),
            home = HOME,
            issuer = self.issuer,
            secret = secret.display()
        ))
    }
}

const SECRET: &str = "the client's secret";

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/provider.mjs")
}
