//! `KubernetesSecrets` on kube's client.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_kernel::{Namespace, RequestId};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{
    Access, ApplyKey, KubernetesReceipt, KubernetesSecrets, RemoveKey, SecretKeySeen, SecretSeen,
    TargetError, TargetErrorKind,
};
use http::{Request, StatusCode};
use kube::Client;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Request as Resource;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::config::{self, ConnectError, KubeSecretsConfig};
use crate::exchange::{Answer, exchange};
use crate::wire::{AccessReview, Metadata, SecretInFull, SecretOutline, Version};

/// Annotation: the action request whose write was the last.
pub const REQUEST_ANNOTATION: &str = "countersign.dev/request";

/// Annotation: the fence of that write.
pub const FENCE_ANNOTATION: &str = "countersign.dev/fence";

/// No Secret has this version, so an apply that names it fails where there is a Secret. Where there is none it creates:
/// an API server ignores the version then (`Update` in `apiserver/pkg/registry/generic/registry/store.go`).
const VERSION_OF_NONE: &str = "1";

/// Secrets of one cluster, written by server-side apply.
#[derive(Clone)]
pub struct KubeSecrets {
    client: Client,
    field_manager: String,
    request_timeout: Duration,
}

impl fmt::Debug for KubeSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeSecrets").field("field_manager", &self.field_manager).finish_non_exhaustive()
    }
}

impl KubeSecrets {
    /// Makes the client; has to be called inside a tokio runtime. Nothing is sent yet.
    ///
    /// # Errors
    /// The configuration leads to no usable client.
    pub async fn connect(config: KubeSecretsConfig) -> Result<Self, ConnectError> {
        let client = config::client(&config).await?;
        let KubeSecretsConfig { access: _, field_manager, connect_timeout: _, request_timeout } = config;
        Ok(Self { client, field_manager, request_timeout })
    }

    /// The version that the API server tells: whether it can be reached and takes our credentials.
    ///
    /// # Errors
    /// It can't be reached, or answers with a refusal.
    pub async fn server_version(&self) -> Result<String, TargetError> {
        let target = "kubernetes api server";
        let request = Request::get("/version").body(Vec::new());
        let answer = self.read(built(request, target)?, target).await?;
        match answer.status {
            StatusCode::OK => parse::<Version>(&answer, target).map(|version| version.git_version),
            _ => Err(answer.refusal(target, &[])),
        }
    }

    async fn read(&self, request: Request<Vec<u8>>, target: &str) -> Result<Answer, TargetError> {
        exchange(&self.client, request, self.request_timeout)
            .await
            .map_err(|silence| silence.into_error(target))
    }

    async fn get(&self, namespace: &Namespace, name: &str) -> Result<Option<Answer>, TargetError> {
        let target = secret_target(namespace, name);
        let request = secrets(namespace).get(&segment(name), &GetParams::default());
        let answer = self.read(built(request, &target)?, &target).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refusal(&target, &[])),
        }
    }

    /// Whether a namespace is there. One that we may not read is taken to be: a write will tell.
    async fn require_namespace(&self, namespace: &Namespace) -> Result<(), TargetError> {
        let target = format!("kubernetes namespace {namespace}");
        let request = Resource::new("/api/v1/namespaces").get(namespace.as_str(), &GetParams::default());
        let answer = self.read(built(request, &target)?, &target).await?;
        match answer.status {
            StatusCode::OK | StatusCode::FORBIDDEN => Ok(()),
            _ => Err(answer.refusal(&target, &[])),
        }
    }

    async fn may(&self, verb: &str, namespace: &Namespace, name: &str) -> Result<bool, TargetError> {
        let target = secret_target(namespace, name);
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": namespace.as_str(), "verb": verb, "resource": "secrets", "name": name,
            } },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let request = Resource::new(path).create(&PostParams::default(), review.to_string().into_bytes());
        let answer = self.read(built(request, &target)?, &target).await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::OK => {
                parse::<AccessReview>(&answer, &target).map(|review| review.status.allowed)
            }
            _ => Err(answer.refusal(&target, &[])),
        }
    }

    /// What an apply has to say besides the key itself: which Secret it is about, and the other keys that we applied
    /// before, with their present values, for leaving one out would remove it.
    async fn ground(&self, about: &About<'_>) -> Result<Ground, TargetError> {
        let target = about.target();
        let Some(expected) = about.expected_version else {
            return Ok(Ground { version: VERSION_OF_NONE.to_owned(), uid: None, kept: Map::new() });
        };
        let found = self.read_in_full(about.namespace, about.name, expected).await.map_err(not_written)?;
        let fence =
            found.metadata.annotations.get(FENCE_ANNOTATION).and_then(|text| text.parse::<u64>().ok());
        if let Some(theirs) = fence.filter(|theirs| *theirs > about.fence) {
            let message = format!("it carries fence {theirs}, which is newer than ours, {}", about.fence);
            return Err(TargetError { kind: TargetErrorKind::Fenced, target, message });
        }
        let kept = found
            .data
            .iter()
            .filter(|(key, _)| *key != about.key && found.metadata.applied_by(key, &self.field_manager))
            .map(|(key, value)| (key.clone(), Value::String(value.0.clone())))
            .collect();
        Ok(Ground { version: expected.to_owned(), uid: Some(found.metadata.uid), kept })
    }

    /// The Secret with its values, in this version and no other.
    async fn read_in_full(
        &self,
        namespace: &Namespace,
        name: &str,
        expected_version: &str,
    ) -> Result<SecretInFull, TargetError> {
        let target = secret_target(namespace, name);
        let Some(answer) = self.get(namespace, name).await? else {
            return Err(moved(&target, "it was removed since it was looked at"));
        };
        let found: SecretInFull = parse(&answer, &target)?;
        if found.metadata.resource_version != expected_version {
            return Err(moved(&target, "it was changed since it was looked at"));
        }
        Ok(found)
    }

    /// Applies all keys that are ours: those that were, and `ours`. `withheld` is never repeated from an answer.
    async fn apply(
        &self,
        about: &About<'_>,
        ours: Map<String, Value>,
        withheld: &[&str],
    ) -> Result<KubernetesReceipt, TargetError> {
        let target = about.target();
        let Ground { version, uid, kept: mut data } = self.ground(about).await?;
        data.extend(ours);
        let mut metadata = json!({
            "name": about.name,
            "namespace": about.namespace.as_str(),
            "resourceVersion": version,
            "annotations": {
                REQUEST_ANNOTATION: about.request.to_string(),
                FENCE_ANNOTATION: about.fence.to_string(),
            },
        });
        if let Some(uid) = uid {
            metadata["uid"] = uid.into();
        }
        let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data });
        let params = PatchParams::apply(&self.field_manager);
        let request = secrets(about.namespace).patch(&segment(about.name), &params, &Patch::Apply(&body));
        let answer = self.read(built(request, &target)?, &target).await?;
        if !answer.status.is_success() {
            return Err(answer.refusal(&target, withheld));
        }
        parse::<SecretOutline>(&answer, &target).map(|written| receipt(written.metadata))
    }
}

/// What a write is about.
struct About<'a> {
    namespace: &'a Namespace,
    name: &'a str,
    key: &'a str,
    expected_version: Option<&'a str>,
    request: RequestId,
    fence: u64,
}

impl About<'_> {
    fn target(&self) -> String {
        secret_target(self.namespace, self.name)
    }
}

struct Ground {
    version: String,
    /// Keeps an apply from creating the Secret anew if it is removed in between.
    uid: Option<String>,
    kept: Map<String, Value>,
}

#[async_trait]
impl KubernetesSecrets for KubeSecrets {
    async fn look(&self, namespace: &Namespace, name: &str) -> Result<Option<SecretSeen>, TargetError> {
        let Some(answer) = self.get(namespace, name).await? else {
            self.require_namespace(namespace).await?;
            return Ok(None);
        };
        let target = secret_target(namespace, name);
        let found: SecretOutline = parse(&answer, &target)?;
        let metadata = &found.metadata;
        let keys = found.data.keys().map(|key| SecretKeySeen {
            name: key.clone(),
            manager: metadata.owner_of(key, &self.field_manager).map(str::to_owned),
            changed_at: metadata.changed_at(key),
        });
        Ok(Some(SecretSeen {
            keys: keys.collect(),
            written_by: metadata.annotations.get(REQUEST_ANNOTATION).cloned(),
            fence: metadata.annotations.get(FENCE_ANNOTATION).and_then(|text| text.parse().ok()),
            uid: found.metadata.uid,
            resource_version: found.metadata.resource_version,
            secret_type: found.r#type,
            immutable: found.immutable,
        }))
    }

    async fn access(&self, namespace: &Namespace, name: &str) -> Result<Access, TargetError> {
        let mut missing = Vec::new();
        for verb in ["get", "create", "patch"] {
            if !self.may(verb, namespace, name).await? {
                missing.push(verb);
            }
        }
        if missing.is_empty() {
            return Ok(Access::Allowed);
        }
        let why =
            format!("our account may not {} secret `{name}` in namespace `{namespace}`", missing.join(", "));
        Ok(Access::Refused { why })
    }

    async fn apply_key<'a>(&self, write: ApplyKey<'a>) -> Result<KubernetesReceipt, TargetError> {
        let ApplyKey { namespace, name, key, value, expected_version, request, fence } = write;
        let encoded = Zeroizing::new(STANDARD.encode(value.expose()));
        let ours = Map::from_iter([(key.to_owned(), Value::String(encoded.to_string()))]);
        let plain = std::str::from_utf8(value.expose()).unwrap_or("");
        let about = About { namespace, name, key, expected_version, request, fence };
        self.apply(&about, ours, &[plain, &encoded]).await
    }

    async fn remove_key<'a>(&self, write: RemoveKey<'a>) -> Result<KubernetesReceipt, TargetError> {
        let RemoveKey { namespace, name, key, expected_version, request, fence } = write;
        let about = About { namespace, name, key, expected_version: Some(expected_version), request, fence };
        // An apply that leaves a key out which it applied before takes it away.
        self.apply(&about, Map::new(), &[]).await
    }

    async fn delete<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        expected: &'a KubernetesReceipt,
    ) -> Result<(), TargetError> {
        let target = secret_target(namespace, name);
        let preconditions = Preconditions {
            uid: Some(expected.uid.clone()),
            resource_version: Some(expected.resource_version.clone()),
        };
        let params = DeleteParams::default().preconditions(preconditions);
        let request = secrets(namespace).delete(&segment(name), &params);
        let answer = self.read(built(request, &target)?, &target).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refusal(&target, &[])) }
    }

    async fn read_key<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        key: &'a str,
        expected_version: &'a str,
    ) -> Result<Option<SecretValue>, TargetError> {
        let found = self.read_in_full(namespace, name, expected_version).await?;
        Ok(found.value(key).map(|mut value| SecretValue::new(std::mem::take(&mut *value))))
    }

    async fn holds<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        key: &'a str,
        value: &'a SecretValue,
    ) -> Result<Option<KubernetesReceipt>, TargetError> {
        let Some(answer) = self.get(namespace, name).await? else {
            return Ok(None);
        };
        let found: SecretInFull = parse(&answer, &secret_target(namespace, name))?;
        let same = found.value(key).is_some_and(|held| bool::from(held.ct_eq(value.expose())));
        Ok(same.then(|| receipt(found.metadata)))
    }
}

fn receipt(metadata: Metadata) -> KubernetesReceipt {
    KubernetesReceipt { uid: metadata.uid, resource_version: metadata.resource_version }
}

fn secrets(namespace: &Namespace) -> Resource {
    Resource::new(format!("/api/v1/namespaces/{namespace}/secrets"))
}

fn secret_target(namespace: &Namespace, name: &str) -> String {
    format!("kubernetes secret {namespace}/{name}")
}

/// A name as one segment of a path, whatever is in it.
fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            out.push(char::from(byte));
        } else if byte == b'.' && !matches!(name, "." | "..") {
            out.push('.');
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A request that can't even be written: what was asked for is no name.
fn built<E>(request: Result<Request<Vec<u8>>, E>, target: &str) -> Result<Request<Vec<u8>>, TargetError> {
    request.map_err(|_| TargetError {
        kind: TargetErrorKind::Invalid,
        target: target.to_owned(),
        message: "the request can't be written with this name".to_owned(),
    })
}

/// Reads a successful answer. One that can't be read is never shown, for it may hold secrets.
fn parse<T: DeserializeOwned>(answer: &Answer, target: &str) -> Result<T, TargetError> {
    serde_json::from_slice(&answer.body).map_err(|error| TargetError {
        kind: TargetErrorKind::Broken,
        target: target.to_owned(),
        message: format!(
            "answered {} with something else than expected (line {}, column {})",
            answer.status.as_u16(),
            error.line(),
            error.column()
        ),
    })
}

fn moved(target: &str, message: &str) -> TargetError {
    TargetError { kind: TargetErrorKind::Conflict, target: target.to_owned(), message: message.to_owned() }
}

/// A read that precedes a write failed: whatever became of it, the write was never sent.
fn not_written(error: TargetError) -> TargetError {
    match error.kind {
        TargetErrorKind::NoAnswer | TargetErrorKind::Broken => TargetError {
            kind: TargetErrorKind::Unreachable,
            message: format!("nothing was written, reading before it failed: {}", error.message),
            ..error
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("db-password.v2"), "db-password.v2");
        assert_eq!(segment("../x?y=z#%"), "..%2Fx%3Fy%3Dz%23%25");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
