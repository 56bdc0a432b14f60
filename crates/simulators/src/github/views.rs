//! Repositories and environments as GitHub describes them.

use serde_json::{Value, json};

use super::access::{Access, Caller};
use super::state::Repository;

pub(super) fn describe_repository(repository: &Repository, caller: &Caller) -> Value {
    let (owner, name) = repository.full_name.split_once('/').unwrap_or(("", &repository.full_name));
    let grant =
        caller.grants.iter().find(|grant| grant.repository.eq_ignore_ascii_case(&repository.full_name));
    let push = grant.is_some_and(|grant| grant.secrets == Access::Write);
    json!({
        "id": repository.id,
        "node_id": format!("R_{}", repository.id),
        "name": name,
        "full_name": repository.full_name,
        "private": true,
        "visibility": "private",
        "html_url": format!("https://github.com/{}", repository.full_name),
        "url": format!("https://api.github.com/repos/{}", repository.full_name),
        "description": null,
        "fork": false,
        "archived": repository.archived,
        "disabled": false,
        "default_branch": "main",
        "permissions": { "admin": false, "maintain": false, "push": push, "triage": push, "pull": true },
        "owner": describe_owner(owner),
    })
}

fn describe_owner(login: &str) -> Value {
    let api = format!("https://api.github.com/users/{login}");
    json!({
        "login": login,
        "id": 1,
        "node_id": "O_1",
        "avatar_url": "https://avatars.githubusercontent.com/u/1",
        "gravatar_id": "",
        "url": api,
        "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following"),
        "gists_url": format!("{api}/gists"),
        "starred_url": format!("{api}/starred"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events"),
        "received_events_url": format!("{api}/received_events"),
        "type": "Organization",
        "site_admin": false,
    })
}

pub(super) fn describe_environment(repository: &Repository, name: &str) -> Option<Value> {
    let environment = repository.environments.get(&name.to_lowercase())?;
    let path = format!("repos/{}/environments/{}", repository.full_name, environment.name);
    Some(json!({
        "id": environment.id,
        "node_id": format!("EN_{}", environment.id),
        "name": environment.name,
        "url": format!("https://api.github.com/{path}"),
        "html_url": format!("https://github.com/{}/deployments", repository.full_name),
        "created_at": environment.created.to_string(),
        "updated_at": environment.created.to_string(),
        "protection_rules": [],
        "deployment_branch_policy": null,
    }))
}
