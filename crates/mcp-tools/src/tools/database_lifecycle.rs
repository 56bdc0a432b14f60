//! `database.lifecycle`: creates, deletes (by quarantine or for good) and describes databases on the server of an environment.
//!
//! Ownership decides: only a database that the register gives to the caller's project and environment, and that carries the mark of the
//! very request that created it, is ever touched. One that merely exists is never adopted. One that was renamed by hand is found by its
//! mark, and people are asked about it under the name it has now.
//!
//! A new database can have a login role of its name. Its password is generated here and put into a Kubernetes Secret; no agent, approver,
//! event or receipt ever holds it, and the database server gets no more than what verifies it.
//!
//! What is deliberately absent: restoring from quarantine and emptying it, which are not for agents; a role or a password for a database
//! that exists.

mod credentials;
mod facts;
mod input;
mod observe;
mod plan;
mod renamed;
mod roles;
mod steps;
mod survey;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{Language, Millis, Violations};
use serde_json::Value;

use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan, Step};
use crate::ports::{DatabaseRegister, DatabaseServers, KubernetesSecrets};
use crate::tool::{
    ControlTool, Kept, Observation, PlanRefusal, ProbeOutcome, StepOutcome, StepWork, ToolDescriptor,
    UNDO_FAILED, UndoWork,
};
use crate::tools::facts::words;
use crate::tools::kubernetes_key::{self, APPLY_KEY, KeyFact};
use crate::tools::unseen::UnseenFact;
use crate::watch::{DoneStep, Inspection, Survey};
use credentials::Credentials;
pub use credentials::CredentialsConfig;
use facts::DatabaseFact;
use input::Surroundings;
use roles::{CREATE_ROLE, DROP_ROLE};

/// The tool.
pub struct DatabaseLifecycle {
    descriptor: ToolDescriptor,
    servers: Arc<dyn DatabaseServers>,
    register: Arc<dyn DatabaseRegister>,
    credentials: Option<Credentials>,
}

impl DatabaseLifecycle {
    /// The tool over these servers and the register of what is ours. It makes no login roles, since it has no place for their passwords.
    pub fn new(servers: Arc<dyn DatabaseServers>, register: Arc<dyn DatabaseRegister>) -> Self {
        Self { descriptor: descriptor(), servers, register, credentials: None }
    }

    /// The same with a cluster that passwords go to.
    #[must_use]
    pub fn with_credentials(self, config: CredentialsConfig, kubernetes: Arc<dyn KubernetesSecrets>) -> Self {
        Self { credentials: Some(Credentials { config, kubernetes }), ..self }
    }
}

/// What the tool says of itself; needs no servers.
pub fn descriptor() -> ToolDescriptor {
    input::descriptor()
}

#[async_trait]
impl ControlTool for DatabaseLifecycle {
    fn descriptor(&self) -> &ToolDescriptor {
        &self.descriptor
    }

    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations> {
        let (servers, credentials) = (self.servers.as_ref(), self.credentials.as_ref());
        input::parse(Surroundings { servers, credentials, caller }, arguments)
    }

    async fn observe(&self, _caller: &Caller, call: &Call) -> Observation {
        observe::observe(self.servers.as_ref(), self.register.as_ref(), self.credentials.as_ref(), call).await
    }

    fn plan(&self, caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        plan::plan(self.credentials.as_ref(), caller, call, observed)
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        match (work.step.kind.as_str(), &self.credentials) {
            (APPLY_KEY, Some(to)) => kubernetes_key::step::perform(to.kubernetes.as_ref(), &work).await,
            (CREATE_ROLE | DROP_ROLE, _) => roles::perform(self.servers.as_ref(), &work).await,
            _ => steps::perform(self.servers.as_ref(), self.register.as_ref(), work).await,
        }
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        match (work.step.kind.as_str(), &self.credentials) {
            (APPLY_KEY, Some(to)) => kubernetes_key::step::probe(to.kubernetes.as_ref(), &work).await,
            (CREATE_ROLE | DROP_ROLE, _) => roles::probe(self.servers.as_ref(), &work).await,
            _ => steps::probe(self.servers.as_ref(), work).await,
        }
    }

    /// A late attempt is told by its precondition: a name that is taken, an id or a version that does not match.
    fn in_flight(&self, _step: &Step) -> Millis {
        Millis(0)
    }

    /// The database comes last and is never taken back; what goes before it is.
    fn undoes(&self, step: &Step) -> bool {
        step.kind == CREATE_ROLE || kubernetes_key::undo::undoes(step)
    }

    async fn keep(&self, work: StepWork<'_>) -> Kept {
        match (work.step.kind.as_str(), &self.credentials) {
            (APPLY_KEY, Some(to)) => kubernetes_key::undo::keep(to.kubernetes.as_ref(), work).await,
            _ => Kept::Nothing,
        }
    }

    async fn undo(&self, work: UndoWork<'_>) -> StepOutcome {
        match (work.step.step.kind.as_str(), &self.credentials) {
            (APPLY_KEY, Some(to)) => kubernetes_key::undo::undo(to.kubernetes.as_ref(), work).await,
            (CREATE_ROLE, _) => roles::undo(self.servers.as_ref(), &work).await,
            _ => {
                let message = format!("`{}` can't be undone here", work.step.step.target);
                StepOutcome::Permanent { code: UNDO_FAILED, message }
            }
        }
    }

    async fn probe_undo(&self, work: UndoWork<'_>) -> ProbeOutcome {
        match (work.step.step.kind.as_str(), &self.credentials) {
            (APPLY_KEY, Some(to)) => kubernetes_key::undo::probe_undo(to.kubernetes.as_ref(), work).await,
            (CREATE_ROLE, _) => roles::probe_undo(self.servers.as_ref(), &work).await,
            _ => {
                let why = format!("`{}` can't be undone here", work.step.step.target);
                ProbeOutcome::CannotTell { why, retry: false }
            }
        }
    }

    async fn inspect(&self, done: DoneStep<'_>) -> Inspection {
        let (servers, register) = (self.servers.as_ref(), self.register.as_ref());
        match done.step.kind.as_str() {
            APPLY_KEY | CREATE_ROLE | DROP_ROLE => {
                watch::inspect_credentials(servers, register, self.credentials.as_ref(), &done).await
            }
            _ => watch::inspect(servers, register, &done).await,
        }
    }

    async fn survey(&self) -> Survey {
        survey::survey(self.servers.as_ref(), self.register.as_ref()).await
    }

    fn word(&self, fact: &Fact, language: Language) -> String {
        words(fact, language, &[DatabaseFact::find_words, KeyFact::find_words, UnseenFact::find_words])
    }
}
