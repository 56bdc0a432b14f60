//! The write, and how to tell afterwards whether an interrupted one happened.

use countersign_kernel::Namespace;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::KeyPlace;
use crate::plan::{Reversibility, Step};
use crate::ports::{ApplyKey, KubernetesReceipt, KubernetesSecrets, TargetErrorKind};
use crate::tool::{ProbeOutcome, StepOutcome, StepWork};
use crate::tools::answers::{
    not_looked_at, probe_failed, secret_missing, unreadable, unreadable_probe, with_evidence, write_failed,
};

/// The kind of the step.
pub(crate) const APPLY_KEY: &str = "kubernetes.apply_key";

/// What has to be so still when the step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Precondition {
    /// The target was seen in this version; `None` when there was nothing.
    Seen(Option<String>),
    /// The target could not be looked at.
    NotLookedAt,
}

/// The parameters of `kubernetes.apply_key`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KubernetesStep {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) key: String,
    /// The `resourceVersion` the Secret must still have.
    pub(super) resource_version: Precondition,
    /// Whether the Secret had the key: what undoing puts back. Plans of earlier versions don't say, and can't be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_existed: Option<bool>,
}

/// The step, the first of its plan: it can be fenced and taken back.
pub(crate) fn plan(place: &KeyPlace, precondition: &Precondition, key_existed: bool) -> Step {
    let params = KubernetesStep {
        key_existed: Some(key_existed),
        namespace: place.namespace.to_string(),
        name: place.name.clone(),
        key: place.key.clone(),
        resource_version: precondition.clone(),
    };
    Step {
        number: 1,
        kind: APPLY_KEY.to_owned(),
        target: format!("kubernetes:{}", params.reference()),
        reversibility: Reversibility::ReadBackAndFence,
        params: json!(params),
    }
}

impl KubernetesStep {
    fn reference(&self) -> String {
        format!("{}/{}#{}", self.namespace, self.name, self.key)
    }

    fn receipt(&self, written: KubernetesReceipt) -> Value {
        json!({
            "kubernetes_ref": self.reference(), "namespace": self.namespace, "name": self.name,
            "key": self.key, "resource_version": written.resource_version, "uid": written.uid,
        })
    }
}

/// Writes the key.
pub(crate) async fn perform(kubernetes: &dyn KubernetesSecrets, work: &StepWork<'_>) -> StepOutcome {
    let Ok(params) = KubernetesStep::deserialize(&work.step.params) else { return unreadable(work.step) };
    let Ok(namespace) = Namespace::parse(&params.namespace) else { return unreadable(work.step) };
    let Precondition::Seen(expected) = &params.resource_version else { return not_looked_at(work.step) };
    let Some(value) = work.secret else { return secret_missing(work.step) };
    let write = ApplyKey {
        namespace: &namespace,
        name: &params.name,
        key: &params.key,
        value,
        expected_version: expected.as_deref(),
        request: work.request,
        fence: work.fence,
    };
    match kubernetes.apply_key(write).await {
        Ok(written) => StepOutcome::Done { receipt: params.receipt(written) },
        Err(error) => write_failed(error, Some(value)),
    }
}

/// Our value is random: if the key holds it, we wrote it.
pub(crate) async fn probe(kubernetes: &dyn KubernetesSecrets, work: &StepWork<'_>) -> ProbeOutcome {
    let Ok(params) = KubernetesStep::deserialize(&work.step.params) else {
        return unreadable_probe(work.step);
    };
    let Ok(namespace) = Namespace::parse(&params.namespace) else { return unreadable_probe(work.step) };
    if params.resource_version == Precondition::NotLookedAt {
        // Such a step is never done, so there is nothing to find.
        return ProbeOutcome::NotDone;
    }
    let Some(value) = work.secret else {
        let why = format!("without the sealed value `{}` can't be compared", work.step.target);
        return ProbeOutcome::CannotTell { why, retry: false };
    };
    match kubernetes.holds(&namespace, &params.name, &params.key, value).await {
        Ok(Some(found)) => ProbeOutcome::Done {
            receipt: with_evidence(params.receipt(found), "the key holds the generated value"),
        },
        Ok(None) => ProbeOutcome::NotDone,
        Err(error) if error.kind == TargetErrorKind::NotFound => ProbeOutcome::NotDone,
        Err(error) => probe_failed(&error, Some(value)),
    }
}
