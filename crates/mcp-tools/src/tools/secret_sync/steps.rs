//! The two writes, and how to tell afterwards whether an interrupted one happened.

use countersign_kernel::{Environment, Namespace, Repository, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::SyncInput;
use super::observe::{InWords, stamp};
use crate::plan::{Reversibility, Step};
use crate::ports::{
    ApplyKey, GithubReceipt, GithubSecrets, KubernetesReceipt, KubernetesSecrets, SecretPlace,
    TargetErrorKind,
};
use crate::tool::{ProbeOutcome, StepOutcome, StepWork};
use crate::tools::answers::{
    SECRET_MISSING, not_looked_at, probe_failed, read_failed, unreadable, unreadable_probe, with_evidence,
    write_failed,
};

pub(super) const APPLY_KEY: &str = "kubernetes.apply_key";
const PUT_SECRET: &str = "github.put_secret";

/// What has to be so still when the step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Precondition {
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

/// The parameters of `github.put_secret`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GithubStep {
    repository: String,
    environment: Option<String>,
    name: String,
    /// The `updated_at` the secret must still have.
    updated_at: Precondition,
}

impl KubernetesStep {
    pub(super) fn plan(input: &SyncInput, precondition: &Precondition, key_existed: bool) -> Step {
        let params = Self {
            key_existed: Some(key_existed),
            namespace: input.namespace.to_string(),
            name: input.kubernetes_name.clone(),
            key: input.key.clone(),
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

impl GithubStep {
    pub(super) fn plan(input: &SyncInput, precondition: &Precondition) -> Step {
        let params = Self {
            repository: input.place.repository.to_string(),
            environment: input.place.environment.as_ref().map(Environment::to_string),
            name: input.github_name.clone(),
            updated_at: precondition.clone(),
        };
        Step {
            number: 2,
            kind: PUT_SECRET.to_owned(),
            // Repositories are the same in upper and lower case; the name that keeps two steps apart must be too.
            target: format!("github:{}", params.reference(&params.repository.to_ascii_lowercase())),
            reversibility: Reversibility::WriteOnly,
            params: json!(params),
        }
    }

    fn reference(&self, repository: &str) -> String {
        match &self.environment {
            Some(environment) => format!("{repository}@{environment}#{}", self.name),
            None => format!("{repository}#{}", self.name),
        }
    }

    fn place(&self) -> Option<SecretPlace> {
        let environment = match &self.environment {
            Some(name) => Some(Environment::parse(name).ok()?),
            None => None,
        };
        Some(SecretPlace { repository: Repository::parse(&self.repository).ok()?, environment })
    }

    fn receipt(&self, created: bool, updated_at: Option<Timestamp>) -> Value {
        json!({
            "github_ref": self.reference(&self.repository), "repository": self.repository, "environment": self.environment,
            "name": self.name, "created": created, "updated_at": updated_at.map(stamp),
        })
    }
}

pub(super) async fn perform(
    kubernetes: &dyn KubernetesSecrets,
    github: &dyn GithubSecrets,
    work: StepWork<'_>,
) -> StepOutcome {
    match work.step.kind.as_str() {
        APPLY_KEY => apply_key(kubernetes, &work).await,
        PUT_SECRET => put_secret(github, &work).await,
        _ => unreadable(work.step),
    }
}

async fn apply_key(kubernetes: &dyn KubernetesSecrets, work: &StepWork<'_>) -> StepOutcome {
    let Ok(params) = KubernetesStep::deserialize(&work.step.params) else { return unreadable(work.step) };
    let Ok(namespace) = Namespace::parse(&params.namespace) else { return unreadable(work.step) };
    let Precondition::Seen(expected) = &params.resource_version else { return not_looked_at(work.step) };
    let Some(value) = work.secret else { return secret_missing(work) };
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

async fn put_secret(github: &dyn GithubSecrets, work: &StepWork<'_>) -> StepOutcome {
    let Ok(params) = GithubStep::deserialize(&work.step.params) else { return unreadable(work.step) };
    let Some(place) = params.place() else { return unreadable(work.step) };
    let Precondition::Seen(expected) = &params.updated_at else { return not_looked_at(work.step) };
    let Some(value) = work.secret else { return secret_missing(work) };
    // GitHub has no precondition of its own. This look narrows the gap: what somebody else wrote since the approval isn't replaced.
    match github.look(&place, &params.name).await {
        Err(error) => return read_failed(&error),
        Ok(seen) if seen.as_ref().map(|seen| stamp(seen.updated_at)) != *expected => {
            let message = format!(
                "github secret `{}` in {} changed since this was approved",
                params.name,
                InWords(&place)
            );
            return StepOutcome::Permanent { code: TargetErrorKind::Conflict.code(), message };
        }
        Ok(_) => {}
    }
    match github.put(&place, &params.name, value).await {
        Ok(GithubReceipt { created, updated_at }) => {
            StepOutcome::Done { receipt: params.receipt(created, updated_at) }
        }
        Err(error) => write_failed(error, Some(value)),
    }
}

fn secret_missing(work: &StepWork<'_>) -> StepOutcome {
    let message = format!("step {} `{}` has no sealed value to write", work.step.number, work.step.kind);
    StepOutcome::Permanent { code: SECRET_MISSING, message }
}

pub(super) async fn probe(
    kubernetes: &dyn KubernetesSecrets,
    github: &dyn GithubSecrets,
    work: StepWork<'_>,
) -> ProbeOutcome {
    match work.step.kind.as_str() {
        APPLY_KEY => probe_key(kubernetes, &work).await,
        PUT_SECRET => probe_secret(github, &work).await,
        _ => unreadable_probe(work.step),
    }
}

/// Our value is random: if the key holds it, we wrote it.
async fn probe_key(kubernetes: &dyn KubernetesSecrets, work: &StepWork<'_>) -> ProbeOutcome {
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

/// GitHub never shows a value, only when it was last written: that has to do.
async fn probe_secret(github: &dyn GithubSecrets, work: &StepWork<'_>) -> ProbeOutcome {
    let Ok(params) = GithubStep::deserialize(&work.step.params) else { return unreadable_probe(work.step) };
    let Some(place) = params.place() else { return unreadable_probe(work.step) };
    let before = match &params.updated_at {
        Precondition::NotLookedAt => return ProbeOutcome::NotDone,
        Precondition::Seen(None) => None,
        Precondition::Seen(Some(text)) => match text.parse::<Timestamp>() {
            Ok(time) => Some(time),
            Err(_) => return unreadable_probe(work.step),
        },
    };
    let now = match github.look(&place, &params.name).await {
        Ok(seen) => seen.map(|seen| seen.updated_at),
        Err(error) => return probe_failed(&error, work.secret),
    };
    let done = |created: bool, at: Timestamp, evidence: &str| ProbeOutcome::Done {
        receipt: with_evidence(params.receipt(created, Some(at)), evidence),
    };
    let cannot_tell = |what: &str| ProbeOutcome::CannotTell {
        why: format!("github secret `{}` in {}: {what}", params.name, InWords(&place)),
        retry: false,
    };
    match (before, now) {
        (None, None) => ProbeOutcome::NotDone,
        (None, Some(now)) => done(true, now, "the secret did not exist before"),
        (Some(_), None) => cannot_tell("it existed when this was approved and is gone"),
        (Some(before), Some(now)) if now > before => {
            done(false, now, &format!("`updated_at` moved on from {}", stamp(before)))
        }
        (Some(before), Some(now)) if now < before => {
            cannot_tell("`updated_at` went back: it is not the secret that was seen")
        }
        // GitHub counts whole seconds: a write in the very second of the last update leaves `updated_at` as it was.
        (Some(before), Some(_)) if whole_second(before) >= whole_second(work.intended_at) => {
            cannot_tell("it was updated in the same second in which this write was intended")
        }
        (Some(_), Some(_)) => ProbeOutcome::NotDone,
    }
}

fn whole_second(time: Timestamp) -> i64 {
    time.unix_micros().div_euclid(1_000_000)
}
