//! Whether the key is still as it was left.
//!
//! Values are never compared: none is kept, not even as a hash. What tells is who owns the key, since when, and whose mark is on the Secret.

use countersign_kernel::{Namespace, RequestId, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::ports::{KubernetesSecrets, SecretKeySeen, SecretSeen, TargetError, TargetErrorKind};
use crate::tools::answers::{could_not_look, scrub};
use crate::watch::{CLOCK_SLACK, Deviation, DoneStep, Explanation, Inspection};

/// Field managers have at most so many characters (`FieldManagerMaxLength` in apimachinery's validation).
const MANAGER_CHARS: usize = 128;

/// The receipt of the step.
#[derive(Deserialize)]
struct KubernetesLeft {
    namespace: String,
    name: String,
    key: String,
    resource_version: String,
    uid: String,
}

/// Looks at the Secret; our own writes are those under this field manager.
pub(crate) async fn inspect(
    kubernetes: &dyn KubernetesSecrets,
    field_manager: &str,
    done: &DoneStep<'_>,
) -> Inspection {
    let Ok(left) = KubernetesLeft::deserialize(done.receipt) else { return Inspection::NotWatched };
    let Ok(namespace) = Namespace::parse(&left.namespace) else { return Inspection::NotWatched };
    match gone_is_none(kubernetes.look(&namespace, &left.name).await) {
        Ok(seen) => compare_key(field_manager, done, &left, seen.as_ref()),
        Err(error) => could_not_look(&error),
    }
}

/// When the namespace is gone, so is what was in it.
fn gone_is_none(looked: Result<Option<SecretSeen>, TargetError>) -> Result<Option<SecretSeen>, TargetError> {
    match looked {
        Err(error) if error.kind == TargetErrorKind::NotFound => Ok(None),
        other => other,
    }
}

/// The first difference in the order of how much it says.
fn compare_key(
    field_manager: &str,
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
    if key.manager.as_deref() != Some(field_manager) {
        let manager = key.manager.as_deref().map(shown);
        return changed(
            Deviation::Rewritten,
            json!({"manager": manager, "at": key.changed_at.map(|at| at.to_string())}),
        );
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
        let seen = json!({"manager": field_manager, "at": at.to_string()});
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
