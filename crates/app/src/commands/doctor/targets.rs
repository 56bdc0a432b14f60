//! The targets: each is made on its own, then asked, read-only, about every place we know that it has to let us write to.

use std::sync::Arc;

use countersign_adapters_github::GithubActionsSecrets;
use countersign_adapters_k8s::KubeSecrets;
use countersign_kernel::{DatabaseName, Environment, Namespace, ProjectKey};
use countersign_mcp_tools::ports::{
    Access, DatabaseServer, GithubSecrets as _, KubernetesSecrets as _, SecretPlace, TargetError,
    TargetErrorKind,
};
use countersign_mcp_tools::tools::namespaces::NamespaceRule;
use countersign_policy::{CompiledPolicy, Project};

use super::findings::Findings;
use super::places;
use crate::config::TargetsConfig;
use crate::targets::{self, Targets};

/// The name of a Secret and of a database that nobody has: what is asked is whether we might.
const SECRET: &str = "countersign-doctor";
const DATABASE: &str = "countersign_doctor";

/// The clients that could be made.
pub(super) struct Clients {
    kubernetes: Option<Arc<KubeSecrets>>,
    github: Option<Arc<GithubActionsSecrets>>,
    databases: Vec<Arc<dyn DatabaseServer>>,
    rules: Vec<NamespaceRule>,
    /// All of them as a server has them; `None` when one is bad.
    pub(super) all: Option<Targets>,
}

/// Makes the clients of all targets; nothing is sent yet.
pub(super) async fn make(config: &TargetsConfig, findings: &mut Findings) -> Clients {
    let before = findings.bad_ones();
    let kubernetes = made(targets::kubernetes(config).await, findings).flatten();
    if config.kubernetes.is_none() {
        findings.note("kubernetes", "not configured: secret.sync.github_k8s is not offered");
    }
    let github = made(targets::github(config), findings).flatten();
    if config.github.is_none() {
        findings.note("github", "not configured: secret.sync.github_k8s is not offered");
    }
    let rules = config.namespaces.iter().filter_map(|rule| made(targets::namespace_rule(rule), findings));
    let rules = rules.collect();
    let servers = config.databases.iter();
    let servers = servers.filter_map(|(name, server)| made(targets::database_server(name, server), findings));
    let databases = servers.collect();
    if config.databases.is_empty() {
        findings.note("databases", "none is configured: database.lifecycle is not offered");
    }
    made(targets::served_environments(&config.databases), findings);
    let all =
        if findings.bad_ones() == before { made(Targets::connect(config).await, findings) } else { None };
    Clients { kubernetes, github, databases, rules, all }
}

fn made<T>(target: anyhow::Result<T>, findings: &mut Findings) -> Option<T> {
    target.map_err(|error| findings.bad("targets", format!("{error:#}"), "mend the option it names")).ok()
}

/// Asks every target.
pub(super) async fn ask(clients: &Clients, policy: Option<&CompiledPolicy>, findings: &mut Findings) {
    if let Some(github) = &clients.github {
        ask_github(github, policy, findings).await;
    }
    if let Some(kubernetes) = &clients.kubernetes {
        ask_kubernetes(kubernetes, &clients.rules, policy, findings).await;
    }
    for server in &clients.databases {
        let what = format!("database server {}", server.name());
        match looked(server.as_ref()).await {
            Ok(()) => {
                findings.access(&what, server.access().await);
                ask_roles(server.as_ref(), clients.kubernetes.is_some(), findings).await;
            }
            Err(error) => findings.refusal(&what, &error),
        }
    }
}

/// Login roles are an option of one action: a deployment that can't make any is told so, and is not bad for it.
async fn ask_roles(server: &dyn DatabaseServer, has_kubernetes: bool, findings: &mut Findings) {
    let what = format!("database server {}, login roles", server.name());
    let Some(roles) = server.roles() else {
        findings.note(&what, "there are none in files: `credentials_secret` is refused");
        return;
    };
    if !has_kubernetes {
        findings.note(&what, "kubernetes is not configured: `credentials_secret` is refused");
        return;
    }
    match roles.role_access().await {
        Ok(Access::Allowed) => findings.good(&what, "our credentials may make them"),
        Ok(Access::Refused { why }) => {
            findings.note(&what, format!("{why}: `credentials_secret` is refused"))
        }
        Err(error) => findings.refusal(&what, &error),
    }
}

/// Looking is what every call of a tool begins with, whatever else our credentials may do.
async fn looked(server: &dyn DatabaseServer) -> Result<(), TargetError> {
    match DatabaseName::parse(DATABASE) {
        Ok(name) => server.look(&name).await.map(drop),
        // The name is a literal: it can be parsed.
        Err(_) => Ok(()),
    }
}

async fn ask_github(github: &GithubActionsSecrets, policy: Option<&CompiledPolicy>, findings: &mut Findings) {
    match github.check_credentials().await {
        Ok(()) => findings.good("github", "answers and takes our token"),
        // An Enterprise Server without rate limits has nothing to tell of them.
        Err(error) if error.kind == TargetErrorKind::NotFound => findings.good("github", "answers"),
        Err(error) => {
            findings.refusal("github", &error);
            return;
        }
    }
    let Some(policy) = policy else {
        findings.note("github", "without a policy text no repository is known to ask about");
        return;
    };
    for (_, Project { repository, environments, .. }) in policy.projects() {
        let place = SecretPlace { repository: repository.clone(), environment: None };
        findings.access(&format!("github {repository}"), github.access(&place).await);
        for environment in environments {
            let what = format!("github {repository}, environment {environment}");
            let place = SecretPlace { environment: Some(environment.clone()), ..place.clone() };
            match github.access(&place).await {
                // Not every environment of a project has to be one of GitHub's, too.
                Err(error) if error.kind == TargetErrorKind::NotFound => {
                    findings.note(&what, "is not there: no secret can be synchronised to it");
                }
                access => findings.access(&what, access),
            }
        }
    }
}

async fn ask_kubernetes(
    kubernetes: &KubeSecrets,
    rules: &[NamespaceRule],
    policy: Option<&CompiledPolicy>,
    findings: &mut Findings,
) {
    match kubernetes.server_version().await {
        Ok(version) => findings.good("kubernetes", format!("answers, {version}")),
        Err(error) => {
            findings.refusal("kubernetes", &error);
            return;
        }
    }
    if rules.is_empty() {
        findings.bad("kubernetes", "no namespace is allowed", "set targets.namespaces");
    }
    let projects: Option<Vec<(ProjectKey, Vec<Environment>)>> = policy.map(|policy| {
        policy.projects().map(|(key, project)| (key.clone(), project.environments.clone())).collect()
    });
    let places::Namespaces { known, unknown } = places::namespaces(rules, projects.as_deref());
    for (namespace, named) in known {
        ask_namespace(kubernetes, &namespace, named, findings).await;
    }
    for words in unknown {
        findings.note("kubernetes", words);
    }
}

async fn ask_namespace(
    kubernetes: &KubeSecrets,
    namespace: &Namespace,
    named: bool,
    findings: &mut Findings,
) {
    let what = format!("kubernetes namespace {namespace}");
    match kubernetes.access(namespace, SECRET).await {
        Ok(Access::Allowed) => {}
        refused => {
            findings.access(&what, refused);
            return;
        }
    }
    // A review of rights doesn't tell whether the namespace is there.
    match kubernetes.look(namespace, SECRET).await {
        Ok(_) => findings.access(&what, Ok(Access::Allowed)),
        // Not every environment of a project has to have a namespace; one that is named in the configuration has to be there.
        Err(error) if error.kind == TargetErrorKind::NotFound && !named => {
            findings.note(&what, "is not there: no secret can be synchronised to it");
        }
        Err(error) => findings.refusal(&what, &error),
    }
}
