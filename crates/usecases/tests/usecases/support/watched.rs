//! A tool that looks into the store each time it is told to write: nothing may be performed that is not approved, begun and on record.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use countersign_kernel::{Language, Millis, Violations};
use countersign_mcp_tools::{
    Call, Caller, ControlTool, DoneStep, Fact, Inspection, Kept, Observation, Plan, PlanRefusal,
    ProbeOutcome, Step, StepOutcome, StepWork, Survey, ToolDescriptor, UndoWork,
};
use countersign_testkit::{MemoryStore, Rows, TestTool};
use serde_json::Value;

/// The watched tool.
pub(crate) struct Watched {
    tool: Arc<TestTool>,
    store: MemoryStore,
    trespasses: Mutex<Vec<String>>,
}

impl Watched {
    pub(crate) fn new(tool: Arc<TestTool>, store: MemoryStore) -> Self {
        Self { tool, store, trespasses: Mutex::default() }
    }

    /// Every write that was asked for without what has to be on record before it.
    pub(crate) fn trespasses(&self) -> Vec<String> {
        self.trespasses.lock().unwrap().clone()
    }
}

fn missing(rows: &Rows, work: &StepWork<'_>, state: &str) -> Option<&'static str> {
    let id = work.request.to_string();
    let Some(request) = rows.requests.iter().find(|row| row.request_id == id) else {
        return Some("there is no request");
    };
    let on_record = |event_type: &str| {
        rows.events.iter().any(|event| {
            event.event_type == event_type
                && event.request_id.as_ref() == Some(&id)
                && event.plan_digest.as_ref() == Some(&request.plan_digest)
        })
    };
    let intended = rows.steps.iter().any(|step| {
        step.request_id == id
            && step.revision == request.revision
            && step.step_number == i64::from(work.step.number)
            && step.state == state
            && u64::try_from(step.fence) == Ok(work.fence)
    });
    let sealed = rows.sealed.iter().any(|row| row.request_id == id && row.revision == request.revision);
    if request.state != "applying" {
        Some("the request is not applying")
    } else if !on_record("approval.approved") {
        Some("the approval of this plan is not on record")
    } else if !on_record("approval.applying") {
        Some("the beginning is not on record")
    } else if !intended {
        Some("it is not intended under this fence")
    } else if work.secret.is_some() && !sealed {
        Some("the secret is not sealed on record")
    } else {
        None
    }
}

#[async_trait]
impl ControlTool for Watched {
    fn descriptor(&self) -> &ToolDescriptor {
        self.tool.descriptor()
    }

    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations> {
        self.tool.parse(arguments, caller)
    }

    async fn observe(&self, caller: &Caller, call: &Call) -> Observation {
        self.tool.observe(caller, call).await
    }

    fn plan(&self, caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        self.tool.plan(caller, call, observed)
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        if let Some(what) = missing(&self.store.rows(), &work, "intended") {
            self.trespasses
                .lock()
                .unwrap()
                .push(format!("step {} of {}: {what}", work.step.number, work.request));
        }
        self.tool.perform(work).await
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        self.tool.probe(work).await
    }

    fn in_flight(&self, step: &Step) -> Millis {
        self.tool.in_flight(step)
    }

    fn undoes(&self, step: &Step) -> bool {
        self.tool.undoes(step)
    }

    async fn keep(&self, work: StepWork<'_>) -> Kept {
        self.tool.keep(work).await
    }

    async fn undo(&self, work: UndoWork<'_>) -> StepOutcome {
        if let Some(what) = missing(&self.store.rows(), &work.step, "undoing") {
            let (number, request) = (work.step.step.number, work.step.request);
            self.trespasses.lock().unwrap().push(format!("undoing step {number} of {request}: {what}"));
        }
        self.tool.undo(work).await
    }

    async fn probe_undo(&self, work: UndoWork<'_>) -> ProbeOutcome {
        self.tool.probe_undo(work).await
    }

    async fn inspect(&self, done: DoneStep<'_>) -> Inspection {
        self.tool.inspect(done).await
    }

    async fn survey(&self) -> Survey {
        self.tool.survey().await
    }

    fn word(&self, fact: &Fact, language: Language) -> String {
        self.tool.word(fact, language)
    }
}
