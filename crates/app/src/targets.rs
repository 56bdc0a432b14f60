//! The control tools of this server and the systems they change, from configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_adapters_github::{GithubActionsSecrets, GithubActionsSecretsConfig};
use countersign_adapters_k8s::{ClusterAccess, KubeSecrets, KubeSecretsConfig};
use countersign_adapters_postgres::{DatabaseServerOptions, PgDatabaseServer};
use countersign_adapters_sqlite::SqliteDatabaseServer;
use countersign_kernel::{Environment, Millis};
use countersign_mcp_tools::ToolRegistry;
use countersign_mcp_tools::ports::{
    DatabaseRegister, DatabaseServer, DatabaseServers, GithubSecrets, KubernetesSecrets,
};
use countersign_mcp_tools::tools::namespaces::{NamePattern, NamespaceRule, NamespaceRules};
use countersign_mcp_tools::tools::{
    CredentialsConfig, DatabaseLifecycle, OwnerFeedback, SecretSync, SecretSyncConfig,
};

use secrecy::ExposeSecret as _;

use crate::config::{DatabaseConfig, KubernetesConfig, NamespaceRuleConfig, TargetsConfig};

/// How long a connection to a target may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest one exchange with a target may be allowed to take, in seconds.
const MAX_TIMEOUT_S: u64 = 60;

/// The longest a quarantined database is kept: ten years.
const MAX_QUARANTINE_DAYS: u32 = 3650;

/// The configured targets.
pub struct Targets {
    pub(crate) kubernetes: Option<Arc<dyn KubernetesSecrets>>,
    pub(crate) github: Option<Arc<dyn GithubSecrets>>,
    pub(crate) databases: Arc<ConfiguredServers>,
    namespaces: NamespaceRules,
    field_manager: String,
    longest_exchange: Millis,
}

/// Which database server serves which environment.
#[derive(Default)]
pub(crate) struct ConfiguredServers(BTreeMap<Environment, Arc<dyn DatabaseServer>>);

#[cfg(feature = "crash")]
impl ConfiguredServers {
    /// The same environments, each server replaced by what stands in front of it.
    pub(crate) fn map(&self, around: impl Fn(Arc<dyn DatabaseServer>) -> Arc<dyn DatabaseServer>) -> Self {
        Self(
            self.0
                .iter()
                .map(|(environment, server)| (environment.clone(), around(server.clone())))
                .collect(),
        )
    }
}

impl DatabaseServers for ConfiguredServers {
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        self.0.get(environment).cloned()
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        let named = self.0.values().map(|server| (server.name(), server.clone()));
        named.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

impl Targets {
    /// Makes the clients. Nothing is sent to a target yet.
    ///
    /// # Errors
    /// An option is not usable; the message names it.
    pub async fn connect(config: &TargetsConfig) -> Result<Self> {
        Ok(Self {
            kubernetes: kubernetes(config).await?.map(|client| client as Arc<dyn KubernetesSecrets>),
            github: github(config)?.map(|client| client as Arc<dyn GithubSecrets>),
            databases: Arc::new(databases(&config.databases)?),
            namespaces: NamespaceRules(config.namespaces.iter().map(namespace_rule).collect::<Result<_>>()?),
            field_manager: config.field_manager.clone(),
            longest_exchange: Millis::from_secs(timeout(config)?.as_secs()),
        })
    }

    /// Which database server serves which environment.
    pub fn database_servers(&self) -> Arc<dyn DatabaseServers> {
        self.databases.clone()
    }

    /// The tools whose targets are there.
    ///
    /// # Errors
    /// Two tools answer to one name.
    pub fn tools(&self, register: Arc<dyn DatabaseRegister>) -> Result<ToolRegistry> {
        let mut tools = ToolRegistry::new();
        tools.register(Arc::new(OwnerFeedback::new()))?;
        if !self.databases.0.is_empty() {
            let servers: Arc<dyn DatabaseServers> = self.databases.clone();
            let tool = DatabaseLifecycle::new(servers, register);
            let tool = match &self.kubernetes {
                Some(kubernetes) => tool.with_credentials(self.credentials_config(), kubernetes.clone()),
                None => tool,
            };
            tools.register(Arc::new(tool))?;
        }
        if let (Some(kubernetes), Some(github)) = (&self.kubernetes, &self.github) {
            let config = SecretSyncConfig {
                field_manager: self.field_manager.clone(),
                longest_exchange: self.longest_exchange,
                ..SecretSyncConfig::new(self.namespaces.clone())
            };
            tools.register(Arc::new(SecretSync::new(config, kubernetes.clone(), github.clone())))?;
        }
        Ok(tools)
    }

    fn credentials_config(&self) -> CredentialsConfig {
        CredentialsConfig { namespaces: self.namespaces.clone(), field_manager: self.field_manager.clone() }
    }
}

/// The client of the configured cluster; `None` when none is configured. Nothing is sent yet.
///
/// # Errors
/// An option is not usable; the message names it.
pub async fn kubernetes(config: &TargetsConfig) -> Result<Option<Arc<KubeSecrets>>> {
    let Some(cluster) = &config.kubernetes else { return Ok(None) };
    let here = "targets.kubernetes";
    let config = KubeSecretsConfig {
        access: cluster_access(cluster).context(here)?,
        field_manager: config.field_manager.clone(),
        connect_timeout: CONNECT_TIMEOUT,
        request_timeout: timeout(config)?,
    };
    Ok(Some(Arc::new(KubeSecrets::connect(config).await.context(here)?)))
}

fn cluster_access(cluster: &KubernetesConfig) -> Result<ClusterAccess> {
    match cluster {
        KubernetesConfig::InCluster => Ok(ClusterAccess::InCluster),
        KubernetesConfig::Kubeconfig { path, context } => {
            Ok(ClusterAccess::Kubeconfig { path: path.clone(), context: context.clone() })
        }
        KubernetesConfig::Url { url, token, ca_file } => {
            let read = |path: &PathBuf| {
                std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
            };
            Ok(ClusterAccess::Token {
                url: url.clone(),
                token: token.read().context("token")?,
                ca_pem: ca_file.as_ref().map(read).transpose().context("ca_file")?,
            })
        }
    }
}

/// The client of the configured GitHub; `None` when none is configured. Nothing is sent yet.
///
/// # Errors
/// An option is not usable; the message names it.
pub fn github(config: &TargetsConfig) -> Result<Option<Arc<GithubActionsSecrets>>> {
    let Some(github) = &config.github else { return Ok(None) };
    let config = GithubActionsSecretsConfig {
        base_url: github.url.clone(),
        token: github.token.read().context("targets.github.token")?,
        connect_timeout: CONNECT_TIMEOUT,
        request_timeout: timeout(config)?,
    };
    Ok(Some(Arc::new(GithubActionsSecrets::connect(config).context("targets.github")?)))
}

/// A rule about namespaces.
///
/// # Errors
/// A pattern is malformed; the message shows it.
pub fn namespace_rule(rule: &NamespaceRuleConfig) -> Result<NamespaceRule> {
    let patterns = |texts: &[String]| -> Result<Vec<NamePattern>> {
        texts.iter().map(|text| NamePattern::parse(text).context("targets.namespaces")).collect()
    };
    let environments = if rule.environments.is_empty() {
        patterns(&["*".to_owned()])?
    } else {
        patterns(&rule.environments)?
    };
    Ok(NamespaceRule { environments, namespaces: patterns(&rule.namespaces)? })
}

fn databases(configs: &BTreeMap<String, DatabaseConfig>) -> Result<ConfiguredServers> {
    let mut servers = BTreeMap::new();
    for (name, config) in configs {
        servers.insert(name, database_server(name, config)?);
    }
    let served = served_environments(configs)?;
    Ok(ConfiguredServers(
        served
            .into_iter()
            .filter_map(|(environment, name)| Some((environment, servers.get(name)?.clone())))
            .collect(),
    ))
}

/// Which database server, by its name, serves which environment.
///
/// # Errors
/// An environment is malformed, or has two servers.
pub fn served_environments(
    configs: &BTreeMap<String, DatabaseConfig>,
) -> Result<BTreeMap<Environment, &String>> {
    let mut served = BTreeMap::new();
    for (name, config) in configs {
        let here = || format!("targets.databases.{name}");
        let (DatabaseConfig::Postgres { environments, .. } | DatabaseConfig::Sqlite { environments, .. }) =
            config;
        for environment in environments {
            let environment: Environment = environment.parse().with_context(here)?;
            if served.insert(environment.clone(), name).is_some() {
                anyhow::bail!("{}: environment `{environment}` has two servers", here());
            }
        }
    }
    Ok(served)
}

/// One configured database server. Nothing is sent to it yet; the folder of SQLite files is made when it isn't there.
///
/// # Errors
/// An option is not usable; the message names it.
pub fn database_server(name: &str, config: &DatabaseConfig) -> Result<Arc<dyn DatabaseServer>> {
    let server = match config {
        DatabaseConfig::Postgres { url, quarantine_days, .. } => {
            days(*quarantine_days).and_then(|days| postgres_server(name, url.read()?.expose_secret(), days))
        }
        DatabaseConfig::Sqlite { directory, quarantine_days, .. } => {
            days(*quarantine_days).and_then(|days| sqlite_server(name, directory, days))
        }
    };
    server.with_context(|| format!("targets.databases.{name}"))
}

fn timeout(config: &TargetsConfig) -> Result<Duration> {
    if !(1..=MAX_TIMEOUT_S).contains(&config.timeout_s) {
        anyhow::bail!("targets.timeout_s must be 1 to {MAX_TIMEOUT_S}, not {}", config.timeout_s);
    }
    Ok(Duration::from_secs(config.timeout_s))
}

fn days(quarantine_days: u32) -> Result<u32> {
    if !(1..=MAX_QUARANTINE_DAYS).contains(&quarantine_days) {
        anyhow::bail!("quarantine_days must be 1 to {MAX_QUARANTINE_DAYS}");
    }
    Ok(quarantine_days)
}

fn postgres_server(name: &str, url: &str, quarantine_days: u32) -> Result<Arc<dyn DatabaseServer>> {
    let options = DatabaseServerOptions { quarantine_days, ..DatabaseServerOptions::default() };
    Ok(Arc::new(PgDatabaseServer::new(name, url, options)?))
}

fn sqlite_server(name: &str, directory: &Path, quarantine_days: u32) -> Result<Arc<dyn DatabaseServer>> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the folder `{}`", directory.display()))?;
    Ok(Arc::new(SqliteDatabaseServer::new(name, directory).keeping_for_days(quarantine_days)))
}
