//! The control tools of this server and the systems they change, from configuration.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_adapters_github::{GithubActionsSecrets, GithubActionsSecretsConfig};
use countersign_adapters_k8s::{ClusterAccess, KubeSecrets, KubeSecretsConfig};
use countersign_adapters_postgres::{DatabaseServerOptions, PgDatabaseServer};
use countersign_adapters_sqlite::SqliteDatabaseServer;
use countersign_kernel::Environment;
use countersign_mcp_tools::ToolRegistry;
use countersign_mcp_tools::ports::{
    DatabaseRegister, DatabaseServer, DatabaseServers, GithubSecrets, KubernetesSecrets,
};
use countersign_mcp_tools::tools::namespaces::{NamePattern, NamespaceRule, NamespaceRules};
use countersign_mcp_tools::tools::{DatabaseLifecycle, OwnerFeedback, SecretSync, SecretSyncConfig};

use secrecy::ExposeSecret as _;

use crate::config::{DatabaseConfig, KubernetesConfig, NamespaceRuleConfig, TargetsConfig};

/// How long a connection to a target may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one exchange with a target may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The configured targets.
pub struct Targets {
    /// The Kubernetes cluster.
    pub kubernetes: Option<Arc<dyn KubernetesSecrets>>,
    /// GitHub.
    pub github: Option<Arc<dyn GithubSecrets>>,
    /// Database servers by environment.
    pub databases: Arc<ConfiguredServers>,
    namespaces: NamespaceRules,
    field_manager: String,
}

/// Which database server serves which environment.
#[derive(Default)]
pub struct ConfiguredServers(BTreeMap<Environment, Arc<dyn DatabaseServer>>);

impl ConfiguredServers {
    /// The servers with the environments they serve.
    pub fn iter(&self) -> impl Iterator<Item = (&Environment, &Arc<dyn DatabaseServer>)> {
        self.0.iter()
    }
}

impl DatabaseServers for ConfiguredServers {
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        self.0.get(environment).cloned()
    }
}

impl Targets {
    /// Makes the clients. Nothing is sent to a target yet.
    ///
    /// # Errors
    /// An option is not usable; the message names it.
    pub async fn connect(config: &TargetsConfig) -> Result<Self> {
        let field_manager = config.field_manager.clone();
        let kubernetes = match &config.kubernetes {
            None => None,
            Some(cluster) => Some(kubernetes(cluster, &field_manager).await.context("targets.kubernetes")?),
        };
        let github = match &config.github {
            None => None,
            Some(github) => {
                let config = GithubActionsSecretsConfig {
                    base_url: github.url.clone(),
                    token: github.token.read().context("targets.github.token")?,
                    connect_timeout: CONNECT_TIMEOUT,
                    request_timeout: REQUEST_TIMEOUT,
                };
                let client = GithubActionsSecrets::connect(config).context("targets.github")?;
                Some(Arc::new(client) as Arc<dyn GithubSecrets>)
            }
        };
        let namespaces = config.namespaces.iter().map(namespace_rule).collect::<Result<_>>()?;
        Ok(Self {
            kubernetes,
            github,
            databases: Arc::new(databases(&config.databases).await?),
            namespaces: NamespaceRules(namespaces),
            field_manager,
        })
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
            tools.register(Arc::new(DatabaseLifecycle::new(servers, register)))?;
        }
        if let (Some(kubernetes), Some(github)) = (&self.kubernetes, &self.github) {
            let config = SecretSyncConfig {
                field_manager: self.field_manager.clone(),
                ..SecretSyncConfig::new(self.namespaces.clone())
            };
            tools.register(Arc::new(SecretSync::new(config, kubernetes.clone(), github.clone())))?;
        }
        Ok(tools)
    }
}

async fn kubernetes(cluster: &KubernetesConfig, field_manager: &str) -> Result<Arc<dyn KubernetesSecrets>> {
    let access = match cluster {
        KubernetesConfig::InCluster => ClusterAccess::InCluster,
        KubernetesConfig::Kubeconfig { path, context } => {
            ClusterAccess::Kubeconfig { path: path.clone(), context: context.clone() }
        }
        KubernetesConfig::Url { url, token, ca_file } => ClusterAccess::Token {
            url: url.clone(),
            token: token.read().context("token")?,
            ca_pem: match ca_file {
                None => None,
                Some(path) => {
                    Some(std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?)
                }
            },
        },
    };
    let config = KubeSecretsConfig {
        access,
        field_manager: field_manager.to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
        request_timeout: REQUEST_TIMEOUT,
    };
    Ok(Arc::new(KubeSecrets::connect(config).await?))
}

fn namespace_rule(rule: &NamespaceRuleConfig) -> Result<NamespaceRule> {
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

async fn databases(configs: &BTreeMap<String, DatabaseConfig>) -> Result<ConfiguredServers> {
    let mut servers = BTreeMap::new();
    for (name, config) in configs {
        let here = || format!("targets.databases.{name}");
        let (server, environments) = match config {
            DatabaseConfig::Postgres { environments, url } => {
                let url = url.read().with_context(here)?;
                (postgres_server(name, url.expose_secret()).with_context(here)?, environments)
            }
            DatabaseConfig::Sqlite { environments, directory } => {
                (sqlite_server(name, directory).with_context(here)?, environments)
            }
        };
        for environment in environments {
            let environment: Environment = environment.parse().with_context(here)?;
            if servers.insert(environment.clone(), server.clone()).is_some() {
                anyhow::bail!("{}: environment `{environment}` has two servers", here());
            }
        }
    }
    Ok(ConfiguredServers(servers))
}

fn postgres_server(name: &str, url: &str) -> Result<Arc<dyn DatabaseServer>> {
    Ok(Arc::new(PgDatabaseServer::new(name, url, DatabaseServerOptions::default())?))
}

fn sqlite_server(name: &str, directory: &Path) -> Result<Arc<dyn DatabaseServer>> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the folder `{}`", directory.display()))?;
    Ok(Arc::new(SqliteDatabaseServer::new(name, directory)))
}
