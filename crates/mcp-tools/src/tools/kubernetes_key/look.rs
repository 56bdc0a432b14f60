//! Looks at the Secret, and says what stands in the way of writing the key: an approver is not asked for the impossible.

use serde::{Deserialize, Serialize};

use super::KeyPlace;
use crate::ports::{Access, KubernetesSecrets, SecretSeen, TargetError, TargetErrorKind};
use crate::tool::{PlanRefusal, Unseen};
use crate::tools::answers::{Refused, seen_or_not};

/// One target: what is there (`None`: nothing), or its refusal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side<T> {
    There(Option<T>),
    Refused(Refused),
}

/// A Secret without values.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KubernetesSeen {
    pub(crate) resource_version: String,
    pub(crate) secret_type: String,
    pub(crate) immutable: bool,
    /// The keys with the field manager that owns each, if one is known.
    pub(crate) keys: Vec<(String, Option<String>)>,
    pub(crate) written_by: Option<String>,
}

impl From<SecretSeen> for KubernetesSeen {
    fn from(seen: SecretSeen) -> Self {
        Self {
            resource_version: seen.resource_version,
            secret_type: seen.secret_type,
            immutable: seen.immutable,
            keys: seen.keys.into_iter().map(|key| (key.name, key.manager)).collect(),
            written_by: seen.written_by,
        }
    }
}

impl KubernetesSeen {
    /// The key, if the Secret has it, with the field manager that owns it.
    pub(crate) fn key(&self, key: &str) -> Option<&(String, Option<String>)> {
        self.keys.iter().find(|(name, _)| name == key)
    }
}

/// The Secret, or the cluster's refusal; `Err` says why nothing was seen.
pub(crate) async fn look(
    kubernetes: &dyn KubernetesSecrets,
    place: &KeyPlace,
) -> Result<Side<KubernetesSeen>, Unseen> {
    let (namespace, name) = (&place.namespace, place.name.as_str());
    let target = format!("kubernetes secret {namespace}/{name}");
    match allowed(kubernetes.access(namespace, name).await, &target)? {
        Some(refused) => Ok(Side::Refused(refused)),
        None => side(kubernetes.look(namespace, name).await),
    }
}

/// What our own access check means: nothing, or a refusal.
pub(crate) fn allowed(access: Result<Access, TargetError>, target: &str) -> Result<Option<Refused>, Unseen> {
    match access {
        Ok(Access::Allowed) => Ok(None),
        Ok(Access::Refused { why }) => Ok(Some(Refused::access(target, &why))),
        Err(error) => seen_or_not(&error).map(Some),
    }
}

/// What a look means.
pub(crate) fn side<S, T: From<S>>(looked: Result<Option<S>, TargetError>) -> Result<Side<T>, Unseen> {
    match looked {
        Ok(there) => Ok(Side::There(there.map(T::from))),
        Err(error) => seen_or_not(&error).map(Side::Refused),
    }
}

/// Whether the key can be written under this field manager.
pub(crate) fn writable(
    place: &KeyPlace,
    field_manager: &str,
    secret: Option<&KubernetesSeen>,
) -> Result<(), PlanRefusal> {
    let Some(secret) = secret else { return Ok(()) };
    if secret.immutable {
        let message = format!("kubernetes secret `{}/{}` is immutable", place.namespace, place.name);
        return Err(PlanRefusal { code: "target_immutable", message });
    }
    match secret.key(&place.key) {
        Some((_, Some(manager))) if manager != field_manager => {
            let message =
                format!("kubernetes secret `{place}` belongs to another field manager, `{manager}`");
            Err(PlanRefusal { code: TargetErrorKind::Conflict.code(), message })
        }
        Some(_) | None => Ok(()),
    }
}
