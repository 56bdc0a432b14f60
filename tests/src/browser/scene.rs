//! Where browser tests play: servers at simulated targets, a provider of identities, a driver of browsers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::driver::Driver;
use super::provider::Provider;
use super::session::{Browser, Window};
use crate::clients::{Agent, Parties};
use crate::process::{ServerProcess, Site};
use crate::store::{PgServer, Store};

/// Where browsers find the server, whichever replica it is.
pub const HOME: &str = "http://localhost";

const POLICY: &str = include_str!("policy.yaml");

/// How people get in.
enum Door {
    /// By a provider of identities.
    Provider,
    /// By saying who they are.
    Development,
}

const DEVELOPMENT: &str = r#"
[sign_in]
public_url = "http://localhost"

[[sign_in.development.people]]
principal = "user:github:alice"
name = "Alice Moreau"
roles = ["viewer", "approver", "operator", "auditor"]

[[sign_in.development.people]]
principal = "user:github:bob"
name = "Bob Lang"
roles = ["viewer"]
"#;

/// How much of each log is told.
const LOG_LINES: usize = 15;

/// The stage of one test. Browsers, servers and provider end with it.
pub struct Scene {
    driver: Driver,
    _provider: Option<Provider>,
    servers: Vec<ServerProcess>,
    /// The platform, and the owner with a token, at the first server.
    pub parties: Parties,
    /// The targets.
    pub site: Site,
    packages: PathBuf,
    _postgres: Option<PgServer>,
}

impl Scene {
    /// One server on SQLite. The folder is that of the packages from npm.
    ///
    /// # Errors
    /// Something is not installed, or does not start.
    pub async fn on_sqlite(packages: &Path) -> Result<Self> {
        Self::set(packages, Store::Sqlite, None, &["server"], Door::Provider).await
    }

    /// The same where nobody has to prove who they are.
    ///
    /// # Errors
    /// Something is not installed, or does not start.
    pub async fn for_development(packages: &Path) -> Result<Self> {
        Self::set(packages, Store::Sqlite, None, &["server"], Door::Development).await
    }

    /// Two replicas on PostgreSQL.
    ///
    /// # Errors
    /// Something is not installed, or does not start.
    pub async fn on_postgresql(packages: &Path) -> Result<Self> {
        let postgres = PgServer::start().await?;
        let store = postgres.store("browser").await?;
        Self::set(packages, store, Some(postgres), &["first", "second"], Door::Provider).await
    }

    async fn set(
        packages: &Path,
        store: Store,
        postgres: Option<PgServer>,
        names: &[&str],
        door: Door,
    ) -> Result<Self> {
        let site = Site::prepare(store).await?;
        let folder = site.folder();
        let driver = Driver::start(&folder.join("chromedriver.log"))?;
        let (provider, sign_in) = match door {
            Door::Provider => {
                let provider = Provider::start(packages, &folder.join("provider.log"))?;
                let sign_in = provider.configuration(folder)?;
                (Some(provider), sign_in)
            }
            Door::Development => (None, DEVELOPMENT.to_owned()),
        };
        std::fs::write(folder.join("policy.yaml"), POLICY)?;
        site.reconfigure(|text| {
            let text = text.replace("filter = \"trace\"", "filter = \"info\"");
            let text = text.replace("environments = [\"dev\"]", "environments = [\"dev\", \"staging\"]");
            format!("{text}{sign_in}")
        })?;
        let mut servers = Vec::new();
        for name in names {
            servers.push(site.start(name).await?);
        }
        let first = servers.first().context("a scene has a server")?;
        let parties = Parties::connect(&site.deployment(first)).await?;
        let packages = packages.to_owned();
        Ok(Self { driver, _provider: provider, servers, parties, site, packages, _postgres: postgres })
    }

    /// A browser at the first server.
    ///
    /// # Errors
    /// It doesn't start.
    pub async fn browser(&self, window: &Window) -> Result<Browser> {
        self.browser_at(self.servers.first(), window).await
    }

    /// A browser at the last server: where there are replicas, another one than the first.
    ///
    /// # Errors
    /// It doesn't start.
    pub async fn browser_elsewhere(&self, window: &Window) -> Result<Browser> {
        self.browser_at(self.servers.last(), window).await
    }

    async fn browser_at(&self, server: Option<&ServerProcess>, window: &Window) -> Result<Browser> {
        Browser::open(&self.driver, &server.context("a scene has a server")?.http, window).await
    }

    /// A browser at the first server in which this person has signed in.
    ///
    /// # Errors
    /// It doesn't start, or the person doesn't get in.
    pub async fn browser_of(&self, person: &str, window: &Window) -> Result<Browser> {
        let browser = self.browser(window).await?;
        browser.sign_in(person).await?;
        Ok(browser)
    }

    /// The agent of a new run.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn agent(&self, run: &str) -> Result<Agent> {
        self.parties.agent(run, "patient", "run:ops").await
    }

    /// The last of what everybody on this stage has logged.
    pub fn logs(&self) -> String {
        let logs = self.servers.iter().map(|server| server.log.clone());
        let logs = logs.chain([self.site.folder().join("provider.log")]);
        let last = logs.map(|file| {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let lines: Vec<_> = text.lines().rev().take(LOG_LINES).collect();
            let lines: Vec<_> = lines.into_iter().rev().collect();
            format!("--- {}:\n{}\n", file.display(), lines.join("\n"))
        });
        last.collect()
    }

    /// Where the packages from npm are.
    pub fn packages(&self) -> &Path {
        &self.packages
    }
}

/// The request that a call opens.
///
/// # Errors
/// The server refuses, or lets the call through at once.
pub(super) async fn opened(agent: &Agent, tool: &str, arguments: &Value) -> Result<String> {
    let reply = agent.call(tool, arguments).await?;
    reply.request_id.with_context(|| format!("a call of `{tool}` that waits has a request"))
}
