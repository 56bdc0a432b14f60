//! The endpoints. Each checks in GitHub's order: user agent, token, rate limit, repository, permission, environment,
//! body.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Github;
use super::access::{Access, Allowance, Caller, Need};
use super::answers::{self, Frame, Refusal, Reply};
use super::state::{Hub, Place, SecretWrite};
use super::views::{describe_environment, describe_repository};

/// The API at `/` and at `/api/v3`.
pub(super) fn api(github: Github) -> Router {
    let secret = get(get_secret).put(put_secret).delete(delete_secret);
    let environment_secret =
        get(get_environment_secret).put(put_environment_secret).delete(delete_environment_secret);
    let api = Router::new()
        .route("/rate_limit", get(get_rate_limit))
        .route("/repos/{owner}/{repo}", get(get_repository))
        .route("/repos/{owner}/{repo}/actions/secrets", get(list_secrets))
        .route("/repos/{owner}/{repo}/actions/secrets/public-key", get(get_key))
        .route("/repos/{owner}/{repo}/actions/secrets/{name}", secret)
        .route("/repos/{owner}/{repo}/environments", get(list_environments))
        .route("/repos/{owner}/{repo}/environments/{environment}", get(get_environment))
        .route("/repos/{owner}/{repo}/environments/{environment}/secrets", get(list_environment_secrets))
        .route(
            "/repos/{owner}/{repo}/environments/{environment}/secrets/public-key",
            get(get_environment_key),
        )
        .route("/repos/{owner}/{repo}/environments/{environment}/secrets/{name}", environment_secret)
        .method_not_allowed_fallback(|| async { answers::unknown_path() });
    Router::new()
        .nest("/api/v3", api.clone())
        .merge(api)
        .fallback(|| async { answers::unknown_path() })
        .with_state(github)
}

type InRepository = Path<(String, String)>;
type Named = Path<(String, String, String)>;
type NamedInEnvironment = Path<(String, String, String, String)>;

/// One endpoint: the permission it asks for, and its page in GitHub's documentation.
struct Endpoint {
    need: Need,
    documentation: &'static str,
}

const fn endpoint(need: Need, documentation: &'static str) -> Endpoint {
    Endpoint { need, documentation }
}

const GET_REPOSITORY: Endpoint =
    endpoint(Need::Metadata, "https://docs.github.com/rest/repos/repos#get-a-repository");
const READ_ENVIRONMENT: Endpoint = endpoint(
    Need::Actions(Access::Read),
    "https://docs.github.com/rest/deployments/environments#get-an-environment",
);
const READ_SECRET: Endpoint = endpoint(
    Need::Secrets(Access::Read),
    "https://docs.github.com/rest/actions/secrets#get-a-repository-secret",
);
const WRITE_SECRET: Endpoint = endpoint(
    Need::Secrets(Access::Write),
    "https://docs.github.com/rest/actions/secrets#create-or-update-a-repository-secret",
);
const READ_ENVIRONMENT_SECRET: Endpoint = endpoint(
    Need::Environments(Access::Read),
    "https://docs.github.com/rest/actions/secrets#get-an-environment-secret",
);
const WRITE_ENVIRONMENT_SECRET: Endpoint = endpoint(
    Need::Environments(Access::Write),
    "https://docs.github.com/rest/actions/secrets#create-or-update-an-environment-secret",
);

impl Github {
    /// Runs the checks that come before any endpoint, then the endpoint.
    fn answer(
        &self,
        headers: &HeaderMap,
        place: &Place,
        endpoint: &Endpoint,
        act: impl FnOnce(&mut Hub, &Caller) -> Result<Reply, Refusal>,
    ) -> Response {
        if headers.get(header::USER_AGENT).is_none_or(|agent| agent.is_empty()) {
            return answers::no_user_agent();
        }
        let mut hub = self.lock();
        hub.requests += 1;
        let mut frame = Frame {
            request_id: hub.requests,
            allowance: None,
            need: endpoint.need,
            documentation: endpoint.documentation,
        };
        let caller = match hub.doorkeeper.admit(headers) {
            Ok(caller) => caller,
            Err((refusal, allowance)) => {
                frame.allowance = allowance;
                return frame.write(Err(refusal));
            }
        };
        frame.allowance = Some(caller.allowance);
        let outcome = permit(&hub, &caller, place, endpoint.need).and_then(|()| act(&mut hub, &caller));
        frame.write(outcome)
    }
}

/// A repository that the token has no grant for is hidden, as if it did not exist.
fn permit(hub: &Hub, caller: &Caller, place: &Place, need: Need) -> Result<(), Refusal> {
    let repository = hub.repository(&place.repository).ok_or_else(Refusal::not_found)?;
    let grant = caller
        .grants
        .iter()
        .find(|grant| grant.repository.eq_ignore_ascii_case(&place.repository))
        .ok_or_else(Refusal::not_found)?;
    if !need.met_by(grant) {
        return Err(Refusal::not_accessible());
    }
    if need.writes() && repository.archived {
        return Err(Refusal::archived());
    }
    Ok(())
}

fn in_repository(owner: &str, repo: &str) -> Place {
    Place { repository: format!("{owner}/{repo}"), environment: None }
}

fn in_environment(owner: &str, repo: &str, environment: String) -> Place {
    Place { environment: Some(environment), ..in_repository(owner, repo) }
}

async fn get_rate_limit(State(github): State<Github>, headers: HeaderMap) -> Response {
    let mut hub = github.lock();
    hub.requests += 1;
    let frame = Frame {
        request_id: hub.requests,
        allowance: None,
        need: Need::Metadata,
        documentation: "https://docs.github.com/rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user",
    };
    let outcome = hub.doorkeeper.peek(&headers).map(|caller| {
        let Allowance { limit, used, resets } = caller.allowance;
        let remaining = limit - used;
        let core =
            json!({ "limit": limit, "used": used, "remaining": remaining, "reset": resets.as_second() });
        Reply::ok(json!({ "resources": { "core": core }, "rate": core }))
    });
    frame.write(outcome)
}

async fn get_repository(
    State(github): State<Github>,
    Path((owner, repo)): InRepository,
    headers: HeaderMap,
) -> Response {
    let place = in_repository(&owner, &repo);
    github.answer(&headers, &place, &GET_REPOSITORY, |hub, caller| {
        let repository = hub.repository(&place.repository).ok_or_else(Refusal::not_found)?;
        Ok(Reply::ok(describe_repository(repository, caller)))
    })
}

async fn list_environments(
    State(github): State<Github>,
    Path((owner, repo)): InRepository,
    headers: HeaderMap,
) -> Response {
    let place = in_repository(&owner, &repo);
    github.answer(&headers, &place, &READ_ENVIRONMENT, |hub, _| {
        let repository = hub.repository(&place.repository).ok_or_else(Refusal::not_found)?;
        let names = repository.environments.keys();
        let all: Vec<Value> = names.filter_map(|name| describe_environment(repository, name)).collect();
        Ok(Reply::ok(json!({ "total_count": all.len(), "environments": all })))
    })
}

async fn get_environment(
    State(github): State<Github>,
    Path((owner, repo, environment)): Named,
    headers: HeaderMap,
) -> Response {
    let place = in_repository(&owner, &repo);
    github.answer(&headers, &place, &READ_ENVIRONMENT, |hub, _| {
        let repository = hub.repository(&place.repository).ok_or_else(Refusal::not_found)?;
        describe_environment(repository, &environment).map(Reply::ok).ok_or_else(Refusal::not_found)
    })
}

async fn get_key(
    State(github): State<Github>,
    Path((owner, repo)): InRepository,
    headers: HeaderMap,
) -> Response {
    read_key(&github, &headers, &in_repository(&owner, &repo), &READ_SECRET)
}

async fn get_environment_key(
    State(github): State<Github>,
    Path((owner, repo, environment)): Named,
    headers: HeaderMap,
) -> Response {
    read_key(&github, &headers, &in_environment(&owner, &repo, environment), &READ_ENVIRONMENT_SECRET)
}

async fn list_secrets(
    State(github): State<Github>,
    Path((owner, repo)): InRepository,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Response {
    list(&github, &headers, &in_repository(&owner, &repo), &READ_SECRET, &page)
}

async fn list_environment_secrets(
    State(github): State<Github>,
    Path((owner, repo, environment)): Named,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Response {
    list(&github, &headers, &in_environment(&owner, &repo, environment), &READ_ENVIRONMENT_SECRET, &page)
}

async fn get_secret(
    State(github): State<Github>,
    Path((owner, repo, name)): Named,
    headers: HeaderMap,
) -> Response {
    read(&github, &headers, &in_repository(&owner, &repo), &READ_SECRET, &name)
}

async fn get_environment_secret(
    State(github): State<Github>,
    Path((owner, repo, environment, name)): NamedInEnvironment,
    headers: HeaderMap,
) -> Response {
    read(&github, &headers, &in_environment(&owner, &repo, environment), &READ_ENVIRONMENT_SECRET, &name)
}

async fn put_secret(
    State(github): State<Github>,
    Path((owner, repo, name)): Named,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let place = in_repository(&owner, &repo);
    github.answer(&headers, &place, &WRITE_SECRET, |hub, caller| {
        hub.write(&caller.login, &place, &name, &parse_write(&body)?)
    })
}

async fn put_environment_secret(
    State(github): State<Github>,
    Path((owner, repo, environment, name)): NamedInEnvironment,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let place = in_environment(&owner, &repo, environment);
    github.answer(&headers, &place, &WRITE_ENVIRONMENT_SECRET, |hub, caller| {
        hub.vault(&place).ok_or_else(Refusal::not_found)?;
        hub.write(&caller.login, &place, &name, &parse_write(&body)?)
    })
}

async fn delete_secret(
    State(github): State<Github>,
    Path((owner, repo, name)): Named,
    headers: HeaderMap,
) -> Response {
    let place = in_repository(&owner, &repo);
    github.answer(&headers, &place, &WRITE_SECRET, |hub, caller| hub.delete(&caller.login, &place, &name))
}

async fn delete_environment_secret(
    State(github): State<Github>,
    Path((owner, repo, environment, name)): NamedInEnvironment,
    headers: HeaderMap,
) -> Response {
    let place = in_environment(&owner, &repo, environment);
    github.answer(&headers, &place, &WRITE_ENVIRONMENT_SECRET, |hub, caller| {
        hub.delete(&caller.login, &place, &name)
    })
}

fn read_key(github: &Github, headers: &HeaderMap, place: &Place, endpoint: &Endpoint) -> Response {
    github.answer(headers, place, endpoint, |hub, _| {
        hub.vault(place).map(|vault| Reply::ok(vault.public_key())).ok_or_else(Refusal::not_found)
    })
}

fn read(github: &Github, headers: &HeaderMap, place: &Place, endpoint: &Endpoint, name: &str) -> Response {
    github.answer(headers, place, endpoint, |hub, _| {
        let described = hub.vault(place).and_then(|vault| vault.describe(name));
        described.map(Reply::ok).ok_or_else(Refusal::not_found)
    })
}

#[derive(Deserialize)]
struct Page {
    per_page: Option<usize>,
    page: Option<usize>,
}

fn list(github: &Github, headers: &HeaderMap, place: &Place, endpoint: &Endpoint, page: &Page) -> Response {
    let per_page = page.per_page.unwrap_or(30).clamp(1, 100);
    let number = page.page.unwrap_or(1).max(1);
    github.answer(headers, place, endpoint, |hub, _| {
        let vault = hub.vault(place).ok_or_else(Refusal::not_found)?;
        let total = vault.secrets.len();
        let names = vault.secrets.keys().skip((number - 1).saturating_mul(per_page)).take(per_page);
        let secrets: Vec<Value> = names.filter_map(|name| vault.describe(name)).collect();
        let mut reply = Reply::ok(json!({ "total_count": total, "secrets": secrets }));
        if number.saturating_mul(per_page) < total {
            let next = number + 1;
            reply.link = Some(format!("<?per_page={per_page}&page={next}>; rel=\"next\""));
        }
        Ok(reply)
    })
}

/// The checks GitHub makes of the body before it looks at the secret, with its wording
/// (<https://github.com/github/rest-api-description/issues/419>,
/// <https://github.com/github/rest-api-description/issues/1688>). It really does echo the value.
fn parse_write(body: &[u8]) -> Result<SecretWrite, Refusal> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::not_json())?;
    let text = |field: &str| match body.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(Refusal::invalid(format!("Invalid request.\n\n{other} is not a string."))),
        None => Err(Refusal::invalid(format!("Invalid request.\n\n\"{field}\" wasn't supplied."))),
    };
    let (encrypted_value, key_id) = (text("encrypted_value")?, text("key_id")?);
    let digits = encrypted_value.trim_end_matches('=');
    let padding = encrypted_value.len() - digits.len();
    let alphabet = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if encrypted_value.is_empty() || !alphabet || padding > 2 || !encrypted_value.len().is_multiple_of(4) {
        return Err(Refusal::invalid(format!(
            "Invalid request.\n\n{encrypted_value} does not match \
             /^(?:[A-Za-z0-9+\\/]{{4}})*(?:[A-Za-z0-9+\\/]{{2}}==|[A-Za-z0-9+\\/]{{3}}=|[A-Za-z0-9+\\/]{{4}})$/."
        )));
    }
    Ok(SecretWrite { encrypted_value, key_id })
}
