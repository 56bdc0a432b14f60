//! `GithubSecrets` on octocrab.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_kernel::Timestamp;
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{
    Access, GithubReceipt, GithubSecretSeen, GithubSecrets, SecretPlace, TargetError, TargetErrorKind,
};
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use http::StatusCode;
use octocrab::Octocrab;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::{self, ConnectError, GithubActionsSecretsConfig};
use crate::exchange::{Answer, exchange};

/// Actions secrets of one GitHub.
#[derive(Clone)]
pub struct GithubActionsSecrets {
    client: Octocrab,
    base_url: String,
    request_timeout: Duration,
}

impl fmt::Debug for GithubActionsSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubActionsSecrets").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The public key of a place.
#[derive(Deserialize)]
struct PlaceKey {
    key_id: String,
    key: String,
}

/// What is put.
#[derive(Serialize)]
struct SealedSecret {
    encrypted_value: String,
    key_id: String,
}

/// A page of secrets, of which only the count is read.
#[derive(Deserialize)]
struct SecretPage {
    total_count: u32,
}

/// What GitHub tells of a secret.
#[derive(Deserialize)]
struct SecretRow {
    created_at: String,
    updated_at: String,
}

impl GithubActionsSecrets {
    /// Makes the client; has to be called inside a tokio runtime. Nothing is sent yet.
    ///
    /// # Errors
    /// The configuration leads to no usable client.
    pub fn connect(config: GithubActionsSecretsConfig) -> Result<Self, ConnectError> {
        let client = config::client(&config)?;
        let GithubActionsSecretsConfig { base_url, token: _, connect_timeout: _, request_timeout } = config;
        Ok(Self { client, base_url, request_timeout })
    }

    /// Whether GitHub can be reached and takes our token. Costs nothing of the rate limit.
    ///
    /// # Errors
    /// It can't be reached, or answers with a refusal.
    pub async fn check_credentials(&self) -> Result<(), TargetError> {
        let target = "github api";
        let answer = self.get("/rate_limit", target).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            _ => Err(answer.refusal(target, &[])),
        }
    }

    async fn get(&self, path: &str, target: &str) -> Result<Answer, TargetError> {
        let sent = exchange(self.client._get(path), self.request_timeout).await;
        sent.map_err(|silence| silence.into_error(target))
    }

    async fn get_key(&self, place: &SecretPlace, target: &str) -> Result<PlaceKey, TargetError> {
        let answer = self.get(&format!("{}/public-key", path(place)), target).await?;
        match answer.status {
            StatusCode::OK => parse(&answer, target),
            _ => Err(answer.refusal(target, &[])),
        }
    }

    /// Whether a refused value was sealed for a key that is no longer the one: then the value itself is not to blame.
    async fn key_replaced(&self, place: &SecretPlace, sealed: &SealedSecret, target: &str) -> bool {
        self.get_key(place, target).await.is_ok_and(|key| key.key_id != sealed.key_id)
    }

    async fn find(
        &self,
        place: &SecretPlace,
        name: &str,
        target: &str,
    ) -> Result<Option<GithubSecretSeen>, TargetError> {
        let answer = self.get(&format!("{}/{}", path(place), segment(name)), target).await?;
        match answer.status {
            StatusCode::OK => seen(&answer, target).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refusal(target, &[])),
        }
    }
}

#[async_trait]
impl GithubSecrets for GithubActionsSecrets {
    async fn look(&self, place: &SecretPlace, name: &str) -> Result<Option<GithubSecretSeen>, TargetError> {
        let found = self.find(place, name, &secret_target(place, name)).await?;
        if found.is_none() {
            // The same 404 says that the place isn't there, or is hidden from us.
            self.get_key(place, &place_target(place)).await?;
        }
        Ok(found)
    }

    async fn access(&self, place: &SecretPlace) -> Result<Access, TargetError> {
        match self.get_key(place, &place_target(place)).await {
            Ok(_) => Ok(Access::Allowed),
            Err(TargetError { kind: TargetErrorKind::Forbidden, message, .. }) => {
                let why = format!("our token may not use the secrets of {}: {message}", in_words(place));
                Ok(Access::Refused { why })
            }
            Err(error) => Err(error),
        }
    }

    async fn count(&self, place: &SecretPlace) -> Result<u32, TargetError> {
        let target = place_target(place);
        let answer = self.get(&format!("{}?per_page=1", path(place)), &target).await?;
        match answer.status {
            StatusCode::OK => parse::<SecretPage>(&answer, &target).map(|page| page.total_count),
            _ => Err(answer.refusal(&target, &[])),
        }
    }

    async fn put(
        &self,
        place: &SecretPlace,
        name: &str,
        value: &SecretValue,
    ) -> Result<GithubReceipt, TargetError> {
        let target = secret_target(place, name);
        let key = self.get_key(place, &target).await.map_err(not_written)?;
        let sealed = seal(key, value, &target)?;
        let path = format!("{}/{}", path(place), segment(name));
        let sent = exchange(self.client._put(path, Some(&sealed)), self.request_timeout).await;
        let answer = sent.map_err(|silence| silence.into_error(&target))?;
        let created = match answer.status {
            StatusCode::CREATED => true,
            StatusCode::NO_CONTENT => false,
            StatusCode::UNPROCESSABLE_ENTITY if self.key_replaced(place, &sealed, &target).await => {
                return Err(unwritten(&target, "the public key of the place was replaced meanwhile"));
            }
            _ => {
                let plain = std::str::from_utf8(value.expose()).unwrap_or("");
                return Err(answer.refusal(&target, &[plain, &sealed.encrypted_value]));
            }
        };
        // It is written; whether reading it back works changes nothing of that.
        let read_back = self.find(place, name, &target).await.ok().flatten();
        Ok(GithubReceipt { created, updated_at: read_back.map(|seen| seen.updated_at) })
    }
}

/// Seals with an ephemeral key of its own, drawn from the system: a sealed box is different each time, its content is not.
fn seal(key: PlaceKey, value: &SecretValue, target: &str) -> Result<SealedSecret, TargetError> {
    let unusable = |what: &str| unwritten(target, &format!("the public key of the place {what}"));
    let bytes = STANDARD.decode(&key.key).map_err(|_| unusable("is not base64"))?;
    let public = PublicKey::from_slice(&bytes).map_err(|_| unusable("is not 32 bytes long"))?;
    let sealed = public.seal(&mut OsRng, value.expose()).map_err(|_| unusable("can't be sealed for"))?;
    Ok(SealedSecret { encrypted_value: STANDARD.encode(sealed), key_id: key.key_id })
}

fn seen(answer: &Answer, target: &str) -> Result<GithubSecretSeen, TargetError> {
    let row: SecretRow = parse(answer, target)?;
    let time = |text: &str| text.parse::<Timestamp>().map_err(|error| broken(target, error.to_string()));
    Ok(GithubSecretSeen { created_at: time(&row.created_at)?, updated_at: time(&row.updated_at)? })
}

fn parse<T: DeserializeOwned>(answer: &Answer, target: &str) -> Result<T, TargetError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let (status, line, column) = (answer.status.as_u16(), error.line(), error.column());
        broken(
            target,
            format!("answered {status} with something else than expected (line {line}, column {column})"),
        )
    })
}

fn broken(target: &str, message: String) -> TargetError {
    TargetError { kind: TargetErrorKind::Broken, target: target.to_owned(), message }
}

/// Certainly not done, and not for good: the same kind as a request that never left.
fn unwritten(target: &str, why: &str) -> TargetError {
    let message = format!("nothing was written, {why}");
    TargetError { kind: TargetErrorKind::Unreachable, target: target.to_owned(), message }
}

/// A read that precedes a write failed: whatever became of it, the write was never sent.
fn not_written(error: TargetError) -> TargetError {
    match error.kind {
        TargetErrorKind::NoAnswer | TargetErrorKind::Broken => {
            unwritten(&error.target, &format!("reading the public key failed: {}", error.message))
        }
        TargetErrorKind::Unreachable
        | TargetErrorKind::Unauthorized
        | TargetErrorKind::Forbidden
        | TargetErrorKind::NotFound
        | TargetErrorKind::Conflict
        | TargetErrorKind::Fenced
        | TargetErrorKind::QuotaExceeded
        | TargetErrorKind::Invalid
        | TargetErrorKind::RateLimited { .. } => error,
    }
}

/// Where the secrets of a place are found.
fn path(place: &SecretPlace) -> String {
    match &place.environment {
        None => format!("/repos/{}/actions/secrets", place.repository),
        Some(environment) => {
            format!("/repos/{}/environments/{}/secrets", place.repository, segment(environment.as_str()))
        }
    }
}

fn in_words(place: &SecretPlace) -> String {
    match &place.environment {
        None => format!("repository `{}`", place.repository),
        Some(environment) => format!("environment `{environment}` of `{}`", place.repository),
    }
}

fn place_target(place: &SecretPlace) -> String {
    format!("github {}", in_words(place))
}

fn secret_target(place: &SecretPlace, name: &str) -> String {
    format!("github secret {name} in {}", in_words(place))
}

/// A name as one segment of a path, whatever is in it.
fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("DB_PASSWORD"), "DB_PASSWORD");
        assert_eq!(segment("../x?y#%"), "%2E%2E%2Fx%3Fy%23%25");
    }

    #[test]
    fn a_key_that_is_none_writes_nothing() {
        let value = SecretValue::new(b"value".to_vec());
        for key in ["", "no base64!", "c2hvcnQ="] {
            let key = PlaceKey { key_id: "1".to_owned(), key: key.to_owned() };
            let error = seal(key, &value, "t").err().unwrap();
            assert_eq!(error.kind, TargetErrorKind::Unreachable);
            assert!(error.message.starts_with("nothing was written"), "{error}");
        }
    }
}
