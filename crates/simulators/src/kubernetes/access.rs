//! Who may do what: bearer tokens with rules in the manner of RBAC.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};

use super::status::Refusal;

/// Allows some verbs on some resources of the core API group.
#[derive(Clone, Debug)]
pub struct KubernetesRule {
    /// `get`, `list`, `create`, `update`, `patch`, `delete`; `*` for any.
    pub verbs: Vec<String>,
    /// `secrets`, `namespaces`; `*` for any.
    pub resources: Vec<String>,
    /// Where; `*` for everywhere.
    pub namespaces: Vec<String>,
    /// Names it is limited to; empty for any.
    pub resource_names: Vec<String>,
}

impl KubernetesRule {
    /// What syncing secrets into a namespace needs: read, create and patch its Secrets, and read the namespace itself.
    pub fn sync_secrets(namespace: &str) -> Self {
        Self {
            verbs: ["get", "list", "create", "patch"].map(str::to_owned).to_vec(),
            resources: ["secrets", "namespaces"].map(str::to_owned).to_vec(),
            namespaces: vec![namespace.to_owned()],
            resource_names: Vec::new(),
        }
    }

    /// Everything, everywhere.
    pub fn everything() -> Self {
        let any = || vec!["*".to_owned()];
        Self { verbs: any(), resources: any(), namespaces: any(), resource_names: Vec::new() }
    }

    fn allows(&self, action: &Action<'_>) -> bool {
        let one_of = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        one_of(&self.verbs, action.verb)
            && one_of(&self.resources, action.resource)
            && one_of(&self.namespaces, action.namespace)
            && (self.resource_names.is_empty() || self.resource_names.iter().any(|name| name == action.name))
    }
}

/// A bearer token and whose it is.
#[derive(Clone)]
pub struct KubernetesToken {
    /// The bearer token itself.
    pub token: String,
    /// The user name: the actor in the journal.
    pub username: String,
    /// What it may do; what no rule allows is forbidden.
    pub rules: Vec<KubernetesRule>,
}

/// What someone wants to do. An empty name means the collection, an empty namespace the whole cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action<'a> {
    pub(super) verb: &'a str,
    pub(super) resource: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

/// An authenticated caller, or `system:anonymous` without rules.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) username: String,
    rules: Vec<KubernetesRule>,
    anonymous: bool,
}

impl Caller {
    /// Whoever changes the stand-in by hand.
    pub(super) fn unbounded(username: &str) -> Self {
        Self { username: username.to_owned(), rules: vec![KubernetesRule::everything()], anonymous: false }
    }

    pub(super) fn may(&self, action: &Action<'_>) -> bool {
        self.rules.iter().any(|rule| rule.allows(action))
    }

    pub(super) fn require(&self, action: &Action<'_>) -> Result<(), Refusal> {
        if self.may(action) {
            return Ok(());
        }
        Err(self.forbidden("", action))
    }

    /// Every authenticated user may review its own access (role `system:basic-user`).
    pub(super) fn require_authenticated(&self, group: &str, action: &Action<'_>) -> Result<(), Refusal> {
        if self.anonymous { Err(self.forbidden(group, action)) } else { Ok(()) }
    }

    fn forbidden(&self, group: &str, action: &Action<'_>) -> Refusal {
        let scope = match action.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let why = format!(
            "User {:?} cannot {} resource {:?} in API group {group:?} {scope}",
            self.username, action.verb, action.resource
        );
        let resource = match group {
            "" => action.resource.to_owned(),
            group => format!("{}.{group}", action.resource),
        };
        Refusal::forbidden(&resource, action.name, &why)
    }
}

/// The tokens in force.
#[derive(Debug)]
pub(super) struct Tokens {
    callers: BTreeMap<String, Caller>,
}

impl Tokens {
    pub(super) fn new(tokens: Vec<KubernetesToken>) -> Self {
        let callers = tokens
            .into_iter()
            .map(|token| {
                let caller = Caller { username: token.username, rules: token.rules, anonymous: false };
                (token.token, caller)
            })
            .collect();
        Self { callers }
    }

    /// An unknown token is unauthorized; no token at all is the anonymous user.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(Caller {
                username: "system:anonymous".to_owned(),
                rules: Vec::new(),
                anonymous: true,
            });
        };
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        token.and_then(|token| self.callers.get(token)).cloned().ok_or_else(Refusal::unauthorized)
    }

    pub(super) fn revoke(&mut self, username: &str) -> bool {
        let before = self.callers.len();
        self.callers.retain(|_, caller| caller.username != username);
        self.callers.len() < before
    }
}
