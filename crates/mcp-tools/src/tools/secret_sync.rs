//! `secret.sync.github_k8s`: makes one secret and puts it into a Kubernetes Secret and a GitHub Actions secret.
//!
//! The value is drawn by the executor and handed to both targets; no agent, approver, event or receipt ever holds it. GitHub comes last:
//! what is written there can't be read back or taken back.
//!
//! What is deliberately absent: copying. Neither target's value is ever read for its own sake, so a secret that exists on one side only
//! can't be carried to the other.

mod facts;
mod input;
mod observe;
mod plan;
mod steps;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::Violations;
use serde_json::Value;

use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan};
use crate::ports::{GithubSecrets, KubernetesSecrets};
use crate::tool::{
    ControlTool, Observation, PlanRefusal, ProbeOutcome, StepOutcome, StepWork, ToolDescriptor,
};
use crate::tools::namespaces::NamespaceRules;
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
}

impl SecretSyncConfig {
    /// These namespaces, and defaults for the rest.
    pub fn new(namespaces: NamespaceRules) -> Self {
        Self { namespaces, default_length: DEFAULT_LENGTH, field_manager: DEFAULT_FIELD_MANAGER.to_owned() }
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

    fn word(&self, fact: &Fact) -> String {
        SyncFact::word(fact)
    }
}
