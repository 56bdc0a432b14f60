//! The two writes, and how to tell afterwards whether an interrupted one happened.

use countersign_kernel::{Environment, Repository, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::SyncInput;
use super::observe::{InWords, stamp};
use crate::plan::{Reversibility, Step};
use crate::ports::{GithubReceipt, GithubSecrets, KubernetesSecrets, SecretPlace, TargetErrorKind};
use crate::tool::{ProbeOutcome, StepOutcome, StepWork};
use crate::tools::answers::{
    not_looked_at, probe_failed, read_failed, secret_missing, unreadable, unreadable_probe, with_evidence,
    write_failed,
};
use crate::tools::kubernetes_key::{APPLY_KEY, Precondition, step};

const PUT_SECRET: &str = "github.put_secret";

/// The parameters of `github.put_secret`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GithubStep {
    repository: String,
    environment: Option<String>,
    name: String,
    /// The `updated_at` the secret must still have.
    updated_at: Precondition,
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
        APPLY_KEY => step::perform(kubernetes, &work).await,
        PUT_SECRET => put_secret(github, &work).await,
        _ => unreadable(work.step),
    }
}

async fn put_secret(github: &dyn GithubSecrets, work: &StepWork<'_>) -> StepOutcome {
    let Ok(params) = GithubStep::deserialize(&work.step.params) else { return unreadable(work.step) };
    let Some(place) = params.place() else { return unreadable(work.step) };
    let Precondition::Seen(expected) = &params.updated_at else { return not_looked_at(work.step) };
    let Some(value) = work.secret else { return secret_missing(work.step) };
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

pub(super) async fn probe(
    kubernetes: &dyn KubernetesSecrets,
    github: &dyn GithubSecrets,
    work: StepWork<'_>,
) -> ProbeOutcome {
    match work.step.kind.as_str() {
        APPLY_KEY => step::probe(kubernetes, &work).await,
        PUT_SECRET => probe_secret(github, &work).await,
        _ => unreadable_probe(work.step),
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
