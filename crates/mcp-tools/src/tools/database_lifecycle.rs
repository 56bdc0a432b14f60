//! `database.lifecycle`: creates, deletes (by quarantine or for good) and describes databases on the server of an environment.
//!
//! Ownership decides: only a database that the register gives to the caller's project and environment, and that carries the mark of the
//! very request that created it, is ever touched. One that merely exists is never adopted. One that was renamed by hand is found by its
//! mark, and people are asked about it under the name it has now.
//!
//! What is deliberately absent: restoring from quarantine and emptying it, which are not for agents; users and passwords, which this tool
//! never makes.

mod facts;
mod input;
mod observe;
mod plan;
mod renamed;
mod steps;
mod survey;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{Millis, Violations};
use serde_json::Value;

use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan, Step};
use crate::ports::{DatabaseRegister, DatabaseServers};
use crate::tool::{
    ControlTool, Observation, PlanRefusal, ProbeOutcome, StepOutcome, StepWork, ToolDescriptor,
};
use crate::watch::{DoneStep, Inspection, Survey};
use facts::DatabaseFact;

/// The tool.
pub struct DatabaseLifecycle {
    descriptor: ToolDescriptor,
    servers: Arc<dyn DatabaseServers>,
    register: Arc<dyn DatabaseRegister>,
}

impl DatabaseLifecycle {
    /// The tool over these servers and the register of what is ours.
    pub fn new(servers: Arc<dyn DatabaseServers>, register: Arc<dyn DatabaseRegister>) -> Self {
        Self { descriptor: descriptor(), servers, register }
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

    fn parse(&self, arguments: &Value, _caller: &Caller) -> Result<Call, Violations> {
        input::parse(self.servers.as_ref(), arguments)
    }

    async fn observe(&self, _caller: &Caller, call: &Call) -> Observation {
        observe::observe(self.servers.as_ref(), self.register.as_ref(), call).await
    }

    fn plan(&self, caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        plan::plan(caller, call, observed)
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        steps::perform(self.servers.as_ref(), self.register.as_ref(), work).await
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        steps::probe(self.servers.as_ref(), work).await
    }

    /// A late attempt is told by its precondition: a name that is taken, an id that does not match.
    fn in_flight(&self, _step: &Step) -> Millis {
        Millis(0)
    }

    async fn inspect(&self, done: DoneStep<'_>) -> Inspection {
        watch::inspect(self.servers.as_ref(), self.register.as_ref(), &done).await
    }

    async fn survey(&self) -> Survey {
        survey::survey(self.servers.as_ref(), self.register.as_ref()).await
    }

    fn word(&self, fact: &Fact) -> String {
        DatabaseFact::word(fact)
    }
}
