//! Whether the two secrets are still as they were left.
//!
//! Values are never compared: none is kept, not even as a hash. What tells is who owns the key, since when, and whose mark is on the Secret;
//! and for GitHub the time of the last update.

use countersign_kernel::{Environment, Namespace, Repository, RequestId, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::SecretSyncConfig;
use super::observe::stamp;
use crate::ports::{
    GithubSecretSeen, GithubSecrets, KubernetesSecrets, SecretKeySeen, SecretPlace, SecretSeen, TargetError,
    TargetErrorKind,
};
use crate::tools::answers::scrub;
use crate::watch::{CLOCK_SLACK, Deviation, DoneStep, Explanation, Finding, Inspection};

/// Field managers have at most so many characters (`FieldManagerMaxLength` in apimachinery's validation).
const MANAGER_CHARS: usize = 128;

/// The receipt of the step against Kubernetes.
#[derive(Deserialize)]
struct KubernetesLeft {
    namespace: String,
    name: String,
    key: String,
    resource_version: String,
    uid: String,
}

/// The receipt of the step against GitHub.
#[derive(Deserialize)]
struct GithubLeft {
    repository: String,
    environment: Option<String>,
    name: String,
    updated_at: Option<String>,
}

pub(super) async fn inspect(
    config: &SecretSyncConfig,
    kubernetes: &dyn KubernetesSecrets,
    github: &dyn GithubSecrets,
    done: &DoneStep<'_>,
) -> Inspection {
    if done.step.target.starts_with("kubernetes:") {
        let Ok(left) = KubernetesLeft::deserialize(done.receipt) else { return Inspection::NotWatched };
        let Ok(namespace) = Namespace::parse(&left.namespace) else { return Inspection::NotWatched };
        match gone_is_none(kubernetes.look(&namespace, &left.name).await) {
            Ok(seen) => compare_key(config, done, &left, seen.as_ref()),
            Err(error) => could_not_look(&error),
        }
    } else if done.step.target.starts_with("github:") {
        let Ok(left) = GithubLeft::deserialize(done.receipt) else { return Inspection::NotWatched };
        let Some(place) = left.place() else { return Inspection::NotWatched };
        // A missing place isn't told from one that our token no longer sees: GitHub answers 404 to both.
        match github.look(&place, &left.name).await {
            Ok(seen) => compare_secret(done, &left, seen.as_ref()),
            Err(error) => could_not_look(&error),
        }
    } else {
        Inspection::NotWatched
    }
}

/// When the namespace is gone, so is what was in it.
fn gone_is_none(looked: Result<Option<SecretSeen>, TargetError>) -> Result<Option<SecretSeen>, TargetError> {
    match looked {
        Err(error) if error.kind == TargetErrorKind::NotFound => Ok(None),
        other => other,
    }
}

fn could_not_look(error: &TargetError) -> Inspection {
    Inspection::CouldNotLook { why: scrub(&error.to_string(), None) }
}

/// The first difference in the order of how much it says.
fn compare_key(
    config: &SecretSyncConfig,
    done: &DoneStep<'_>,
    left: &KubernetesLeft,
    seen: Option<&SecretSeen>,
) -> Inspection {
    let changed = |deviation, seen| {
        let was = json!({"uid": left.uid, "resource_version": left.resource_version});
        Inspection::changed(deviation, was, seen)
    };
    let Some(seen) = seen else { return changed(Deviation::Removed, json!({"secret": false})) };
    if seen.uid != left.uid {
        return changed(Deviation::Replaced, json!({"uid": seen.uid}));
    }
    if seen.resource_version == left.resource_version {
        return Inspection::AsLeft;
    }
    let Some(key) = seen.keys.iter().find(|key| key.name == left.key) else {
        return changed(Deviation::Removed, json!({"secret": true, "key": false}));
    };
    if key.manager.as_deref() != Some(config.field_manager.as_str()) {
        let manager = key.manager.as_deref().map(shown);
        return changed(Deviation::Rewritten, json!({"manager": manager, "at": key.changed_at.map(stamp)}));
    }
    let mark = seen.written_by.as_deref();
    let Some(mark) = mark else { return changed(Deviation::Unmarked, json!({"request": null})) };
    if mark != done.request.to_string() {
        // The annotation is anybody's to write: it is repeated only when it has the form of a request's id.
        let request = mark.parse::<RequestId>().ok().map(|id| id.to_string());
        let seen = json!({"request": request.unwrap_or_else(|| "something else".to_owned())});
        return unless_ours(changed(Deviation::Unmarked, seen));
    }
    if let Some(at) = later_than_ours(done, key) {
        // Somebody uses our field manager's name, and our mark.
        let seen = json!({"manager": config.field_manager, "at": stamp(at)});
        return unless_ours(changed(Deviation::Rewritten, seen));
    }
    Inspection::AsLeft
}

fn later_than_ours(done: &DoneStep<'_>, key: &SecretKeySeen) -> Option<Timestamp> {
    key.changed_at.filter(|at| *at > done.done_at.plus(CLOCK_SLACK))
}

/// The mark and our manager's time belong to the whole Secret: a later write of ours to another key of it changes both.
fn unless_ours(inspection: Inspection) -> Inspection {
    match inspection {
        Inspection::Changed { finding, unless: _ } => {
            Inspection::Changed { finding, unless: Explanation::LaterWriteToObject }
        }
        other @ (Inspection::NotWatched | Inspection::AsLeft | Inspection::CouldNotLook { .. }) => other,
    }
}

/// The name of a field manager is free text of its owner's.
fn shown(manager: &str) -> String {
    let line: String =
        manager.chars().take(MANAGER_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    scrub(&line, None)
}

impl GithubLeft {
    fn place(&self) -> Option<SecretPlace> {
        let environment = self.environment.as_ref().map(|name| Environment::parse(name)).transpose().ok()?;
        Some(SecretPlace { repository: Repository::parse(&self.repository).ok()?, environment })
    }
}

fn compare_secret(done: &DoneStep<'_>, left: &GithubLeft, seen: Option<&GithubSecretSeen>) -> Inspection {
    let written_at = left.updated_at.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
    let was = json!({"updated_at": left.updated_at});
    let Some(seen) = seen else {
        return Inspection::changed(Deviation::Removed, was, json!({"secret": false}));
    };
    let same = match written_at {
        Some(written_at) => seen.updated_at == written_at,
        // Reading it back failed then: all that is known is that it was written before the step was recorded.
        None => seen.updated_at <= done.done_at.plus(CLOCK_SLACK),
    };
    if same {
        return Inspection::AsLeft;
    }
    let seen = json!({"created_at": stamp(seen.created_at), "updated_at": stamp(seen.updated_at)});
    let finding = Finding { deviation: Deviation::Rewritten, left: was, seen };
    Inspection::Changed { finding, unless: Explanation::Nothing }
}
