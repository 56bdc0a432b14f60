//! Looks at both targets: what exists, and whether our own credentials could write there.

use std::fmt;

use countersign_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::SyncInput;
use crate::call::Call;
use crate::ports::{GithubSecretSeen, GithubSecrets, KubernetesSecrets, MAX_SECRETS, SecretPlace};
use crate::tool::{Observation, Unseen};
use crate::tools::answers::{Refused, seen_or_not};
use crate::tools::kubernetes_key::look::{allowed, side};
use crate::tools::kubernetes_key::{KubernetesSeen, Side, look};
use crate::tools::unseen::unreadable;

/// Both targets, as they are kept in an observation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    version: u32,
    pub(super) kubernetes: Side<KubernetesSeen>,
    pub(super) github: Side<GithubSeen>,
}

/// An Actions secret without its value.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GithubSeen {
    pub(super) updated_at: String,
}

const VERSION: u32 = 1;

impl Seen {
    pub(super) fn read(stored: &Value) -> Option<Self> {
        Self::deserialize(stored).ok().filter(|seen| seen.version == VERSION)
    }
}

impl From<GithubSecretSeen> for GithubSeen {
    fn from(seen: GithubSecretSeen) -> Self {
        Self { updated_at: stamp(seen.updated_at) }
    }
}

/// The spelling of a time in plans and receipts.
pub(super) fn stamp(time: Timestamp) -> String {
    time.to_string()
}

/// A place in words.
pub(super) struct InWords<'a>(pub(super) &'a SecretPlace);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.environment {
            Some(environment) => write!(f, "environment `{environment}` of `{}`", self.0.repository),
            None => write!(f, "repository `{}`", self.0.repository),
        }
    }
}

pub(super) async fn observe(
    kubernetes: &dyn KubernetesSecrets,
    github: &dyn GithubSecrets,
    call: &Call,
) -> Observation {
    let input = match SyncInput::of_call(call) {
        Ok(input) => input,
        Err(error) => return Observation::CouldNotLook { why: unreadable(&error) },
    };
    let kubernetes = look::look(kubernetes, &input.kubernetes).await;
    let github = look_at_github(github, &input).await;
    match (kubernetes, github) {
        (Ok(kubernetes), Ok(github)) => seen(&Seen { version: VERSION, kubernetes, github }),
        (Err(why), Ok(_)) | (Ok(_), Err(why)) => Observation::CouldNotLook { why: vec![why] },
        (Err(one), Err(other)) => Observation::CouldNotLook { why: vec![one, other] },
    }
}

fn seen(seen: &Seen) -> Observation {
    match serde_json::to_value(seen) {
        Ok(value) => Observation::Seen(value),
        Err(error) => Observation::CouldNotLook { why: unreadable(&error) },
    }
}

async fn look_at_github(github: &dyn GithubSecrets, input: &SyncInput) -> Result<Side<GithubSeen>, Unseen> {
    let target = format!("github secret {} in {}", input.github_name, InWords(&input.place));
    if let Some(refused) = allowed(github.access(&input.place).await, &target)? {
        return Ok(Side::Refused(refused));
    }
    match github.look(&input.place, &input.github_name).await {
        Ok(None) => room_for_one_more(github, input).await,
        looked => side(looked),
    }
}

/// GitHub takes no secret beyond its limit; nobody is asked to approve one.
async fn room_for_one_more(
    github: &dyn GithubSecrets,
    input: &SyncInput,
) -> Result<Side<GithubSeen>, Unseen> {
    match github.count(&input.place).await {
        Ok(count) if count >= MAX_SECRETS => {
            let message =
                format!("{} has {count} secrets, and GitHub allows {MAX_SECRETS}", InWords(&input.place));
            Ok(Side::Refused(Refused::no_room(message)))
        }
        Ok(_) => Ok(Side::There(None)),
        Err(error) => seen_or_not(&error).map(Side::Refused),
    }
}
