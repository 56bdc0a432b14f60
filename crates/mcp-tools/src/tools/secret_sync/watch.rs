//! Whether the two secrets are still as they were left.
//!
//! Values are never compared: none is kept, not even as a hash. What tells for GitHub is the time of the last update.

use countersign_kernel::{Environment, Repository, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::SecretSyncConfig;
use super::observe::stamp;
use crate::ports::{GithubSecretSeen, GithubSecrets, KubernetesSecrets, SecretPlace};
use crate::tools::answers::could_not_look;
use crate::tools::kubernetes_key;
use crate::watch::{CLOCK_SLACK, Deviation, DoneStep, Explanation, Finding, Inspection};

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
        kubernetes_key::watch::inspect(kubernetes, &config.field_manager, done).await
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
