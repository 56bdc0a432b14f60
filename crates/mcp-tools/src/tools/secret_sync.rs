//! `secret.sync.github_k8s`: makes one secret and puts it into a Kubernetes Secret and a GitHub Actions secret.
//!
//! The value is drawn by the executor and handed to both targets; no agent, approver, event or receipt ever holds it. GitHub comes last:
//! what is written there can't be read back or taken back.
//!
//! What is deliberately absent: copying. A value that a key holds is read only to be put back should GitHub refuse for good, so a secret
//! that exists on one side only can't be carried to the other.

mod facts;
mod input;
mod observe;
mod plan;
mod steps;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{Language, Millis, Violations};
use serde_json::Value;

use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan, Reversibility, Step};
use crate::ports::{GithubSecrets, KubernetesSecrets};
use crate::tool::{
    ControlTool, Kept, LONGEST_EXCHANGE, Observation, PlanRefusal, ProbeOutcome, StepOutcome, StepWork,
    ToolDescriptor, UndoWork,
};
use crate::tools::facts::words;
use crate::tools::kubernetes_key::{self, KeyFact};
use crate::tools::namespaces::NamespaceRules;
use crate::tools::unseen::UnseenFact;
use crate::watch::{DoneStep, Inspection};
use facts::SyncFact;

/// The field manager under which Countersign owns keys of Kubernetes Secrets, unless configured otherwise.
pub const DEFAULT_FIELD_MANAGER: &str = "countersign";

/// The length of a generated value in characters, unless configured or asked otherwise.
pub const DEFAULT_LENGTH: u32 = 32;

/// What an operator configures about the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSyncConfig {
    /// The namespaces that may be written to. Nothing is allowed that isn't named here.
    pub namespaces: NamespaceRules,
    /// The length of a value in characters when a call names none: 16 to 256; anything else counts as the nearest of these.
    pub default_length: u32,
    /// The field manager the Kubernetes adapter applies with: a key that another one owns is refused before anyone is asked.
    pub field_manager: String,
    /// The longest one exchange with a target may take: the adapters' own limit.
    pub longest_exchange: Millis,
}

impl SecretSyncConfig {
    /// These namespaces, and defaults for the rest.
    pub fn new(namespaces: NamespaceRules) -> Self {
        Self {
            namespaces,
            default_length: DEFAULT_LENGTH,
            field_manager: DEFAULT_FIELD_MANAGER.to_owned(),
            longest_exchange: LONGEST_EXCHANGE,
        }
    }
}

/// The tool.
pub struct SecretSync {
    descriptor: ToolDescriptor,
    config: SecretSyncConfig,
    kubernetes: Arc<dyn KubernetesSecrets>,
    github: Arc<dyn GithubSecrets>,
}

impl SecretSync {
    /// The tool over these targets.
    pub fn new(
        config: SecretSyncConfig,
        kubernetes: Arc<dyn KubernetesSecrets>,
        github: Arc<dyn GithubSecrets>,
    ) -> Self {
        Self { descriptor: descriptor(), config, kubernetes, github }
    }
}

/// What the tool says of itself; needs no targets.
pub fn descriptor() -> ToolDescriptor {
    input::descriptor()
}

#[async_trait]
impl ControlTool for SecretSync {
    fn descriptor(&self) -> &ToolDescriptor {
        &self.descriptor
    }

    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations> {
        input::parse(&self.config, arguments, caller)
    }

    async fn observe(&self, _caller: &Caller, call: &Call) -> Observation {
        observe::observe(self.kubernetes.as_ref(), self.github.as_ref(), call).await
    }

    fn plan(&self, caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        plan::plan(&self.config, caller, call, observed)
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        steps::perform(self.kubernetes.as_ref(), self.github.as_ref(), work).await
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        steps::probe(self.kubernetes.as_ref(), self.github.as_ref(), work).await
    }

    fn in_flight(&self, step: &Step) -> Millis {
        match step.reversibility {
            Reversibility::ReadBackAndFence => Millis(0),
            Reversibility::ReadBack | Reversibility::WriteOnly => self.config.longest_exchange,
        }
    }

    fn undoes(&self, step: &Step) -> bool {
        kubernetes_key::undo::undoes(step)
    }

    async fn keep(&self, work: StepWork<'_>) -> Kept {
        kubernetes_key::undo::keep(self.kubernetes.as_ref(), work).await
    }

    async fn undo(&self, work: UndoWork<'_>) -> StepOutcome {
        kubernetes_key::undo::undo(self.kubernetes.as_ref(), work).await
    }

    async fn probe_undo(&self, work: UndoWork<'_>) -> ProbeOutcome {
        kubernetes_key::undo::probe_undo(self.kubernetes.as_ref(), work).await
    }

    async fn inspect(&self, done: DoneStep<'_>) -> Inspection {
        watch::inspect(&self.config, self.kubernetes.as_ref(), self.github.as_ref(), &done).await
    }

    fn word(&self, fact: &Fact, language: Language) -> String {
        words(fact, language, &[SyncFact::find_words, KeyFact::find_words, UnseenFact::find_words])
    }
}
