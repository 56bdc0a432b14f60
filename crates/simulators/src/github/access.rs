//! Who may do what: tokens in the manner of GitHub's fine-grained personal access tokens.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

use crate::clock;

use super::answers::Refusal;

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Not at all.
    None,
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// What a token may do in one repository. A repository without a grant is hidden: it answers 404.
#[derive(Clone, Debug)]
pub struct GithubGrant {
    /// `owner/name`.
    pub repository: String,
    /// Permission "Secrets": the repository's own Actions secrets.
    pub secrets: Access,
    /// Permission "Environments": the secrets of its environments.
    pub environments: Access,
    /// Permission "Actions": whether its environments can be listed and read.
    pub actions: Access,
}

impl GithubGrant {
    /// Everything that syncing secrets needs.
    pub fn full(repository: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            secrets: Access::Write,
            environments: Access::Write,
            actions: Access::Read,
        }
    }

    /// Sees everything, changes nothing.
    pub fn read_only(repository: &str) -> Self {
        Self { secrets: Access::Read, environments: Access::Read, ..Self::full(repository) }
    }
}

/// A token and whose it is.
#[derive(Clone)]
pub struct GithubToken {
    /// The bearer token itself.
    pub token: String,
    /// Whose it is: the actor in the journal.
    pub login: String,
    /// What it may do, by repository.
    pub grants: Vec<GithubGrant>,
}

/// The permission an endpoint asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Metadata,
    Actions(Access),
    Secrets(Access),
    Environments(Access),
}

impl Need {
    /// The value of `X-Accepted-GitHub-Permissions`.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Metadata => "metadata=read",
            Self::Actions(_) => "actions=read",
            Self::Secrets(Access::Write) => "secrets=write",
            Self::Secrets(_) => "secrets=read",
            Self::Environments(Access::Write) => "environments=write",
            Self::Environments(_) => "environments=read",
        }
    }

    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Secrets(Access::Write) | Self::Environments(Access::Write))
    }

    pub(super) fn met_by(self, grant: &GithubGrant) -> bool {
        match self {
            Self::Metadata => true,
            Self::Actions(access) => grant.actions >= access,
            Self::Secrets(access) => grant.secrets >= access,
            Self::Environments(access) => grant.environments >= access,
        }
    }
}

/// One token's hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) limit: u32,
    pub(super) used: u32,
    pub(super) resets: Timestamp,
}

/// The tokens in force.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    limit: u32,
    holders: BTreeMap<String, Holder>,
}

#[derive(Debug)]
struct Holder {
    id: u64,
    login: String,
    grants: Vec<GithubGrant>,
    allowance: Allowance,
}

/// A caller whose token is known.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) login: String,
    pub(super) grants: Vec<GithubGrant>,
    pub(super) allowance: Allowance,
}

impl Doorkeeper {
    pub(super) fn new(limit: u32, tokens: Vec<GithubToken>) -> Self {
        let holders = (1..)
            .zip(tokens)
            .map(|(id, token)| {
                let allowance = fresh_allowance(limit);
                (token.token, Holder { id, login: token.login, grants: token.grants, allowance })
            })
            .collect();
        Self { limit, holders }
    }

    /// Who calls, counted against the hour.
    pub(super) fn admit(&mut self, headers: &HeaderMap) -> Result<Caller, (Refusal, Option<Allowance>)> {
        let token = presented(headers).ok_or((Refusal::requires_authentication(), None))?;
        let limit = self.limit;
        let holder = self.holders.get_mut(token).ok_or((Refusal::bad_credentials(), None))?;
        if holder.allowance.resets <= clock::now() {
            holder.allowance = fresh_allowance(limit);
        }
        if holder.allowance.used >= holder.allowance.limit {
            return Err((Refusal::rate_limited(holder.id), Some(holder.allowance)));
        }
        holder.allowance.used += 1;
        Ok(Caller { login: holder.login.clone(), grants: holder.grants.clone(), allowance: holder.allowance })
    }

    /// Who calls, without counting: asking for the limit is free.
    pub(super) fn peek(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = presented(headers).ok_or_else(Refusal::requires_authentication)?;
        let holder = self.holders.get(token).ok_or_else(Refusal::bad_credentials)?;
        Ok(Caller { login: holder.login.clone(), grants: holder.grants.clone(), allowance: holder.allowance })
    }

    pub(super) fn revoke(&mut self, login: &str) -> bool {
        let before = self.holders.len();
        self.holders.retain(|_, holder| holder.login != login);
        self.holders.len() < before
    }

    pub(super) fn set_remaining(&mut self, login: &str, remaining: u32) -> bool {
        let mut found = false;
        for holder in self.holders.values_mut().filter(|holder| holder.login == login) {
            holder.allowance.used = holder.allowance.limit.saturating_sub(remaining);
            found = true;
        }
        found
    }
}

fn fresh_allowance(limit: u32) -> Allowance {
    let now = clock::now();
    let resets = now.checked_add(SignedDuration::from_hours(1)).unwrap_or(now);
    Allowance { limit, used: 0, resets }
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    known.then_some(token.trim())
}
