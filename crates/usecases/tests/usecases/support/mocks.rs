//! Mocks of the executor's partners: who issues warrants, and the target that a control tool writes to.

use async_trait::async_trait;
use countersign_kernel::{Digest, Millis, RequestId, Timestamp, Violations};
use countersign_mcp_tools::{
    Call, Caller, ControlTool, Observation, Plan, PlanRefusal, ProbeOutcome, Step, StepOutcome, StepWork,
    ToolDescriptor,
};
use countersign_testkit::{TestTool, build};
use countersign_usecases::port::{Warrant, WarrantError, WarrantIssuer};
use mockall::mock;
use serde_json::{Value, json};

/// One attempt at a step, or one look for it, as the tool was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) request: RequestId,
    pub(crate) fence: u64,
    pub(crate) step: u32,
    pub(crate) target: String,
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) intended_at: Timestamp,
}

mock! {
    pub(crate) Warrants {}

    #[async_trait]
    impl WarrantIssuer for Warrants {
        async fn issue(&self, request: RequestId, plan_digest: Digest) -> Result<Warrant, WarrantError>;
        fn standing(&self) -> &'static str;
    }
}

mock! {
    pub(crate) Target {
        pub(crate) fn observe(&self) -> Observation;
        pub(crate) fn perform(&self, attempt: Attempt) -> StepOutcome;
        pub(crate) fn probe(&self, attempt: Attempt) -> ProbeOutcome;
    }
}

/// A `test.write` that parses as the testkit's tool does, always plans the same, and leaves the rest to a mocked target: what a test does
/// not expect there fails it.
pub(crate) struct MockedTool {
    real: TestTool,
    plan: Plan,
    target: MockTarget,
}

impl MockedTool {
    pub(crate) fn new(plan: Plan, target: MockTarget) -> Self {
        Self { real: TestTool::writing(1), plan, target }
    }
}

#[async_trait]
impl ControlTool for MockedTool {
    fn descriptor(&self) -> &ToolDescriptor {
        self.real.descriptor()
    }

    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations> {
        self.real.parse(arguments, caller)
    }

    async fn observe(&self, _caller: &Caller, _call: &Call) -> Observation {
        self.target.observe()
    }

    fn plan(&self, _caller: &Caller, _call: &Call, _observed: &Observation) -> Result<Plan, PlanRefusal> {
        Ok(self.plan.clone())
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        self.target.perform(attempt(&work))
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        self.target.probe(attempt(&work))
    }

    fn in_flight(&self, _step: &Step) -> Millis {
        Millis(0)
    }
}

fn attempt(work: &StepWork<'_>) -> Attempt {
    Attempt {
        request: work.request,
        fence: work.fence,
        step: work.step.number,
        target: work.step.target.clone(),
        secret: work.secret.map(|secret| secret.expose().to_vec()),
        intended_at: work.intended_at,
    }
}

/// What every look gives unless a test says otherwise.
pub(crate) fn seen() -> Observation {
    Observation::Seen(json!({"state": "as it was"}))
}

/// A target that is looked at exactly so often and always looks the same. It is written to as the test expects.
pub(crate) fn target_seen(times: usize) -> MockTarget {
    let mut target = MockTarget::new();
    target.expect_observe().times(times).returning(seen);
    target
}

/// A target that may be looked at and never written to.
pub(crate) fn untouchable() -> MockTarget {
    let mut target = MockTarget::new();
    target.expect_observe().returning(seen);
    target.expect_perform().times(0);
    target.expect_probe().times(0);
    target
}

/// A plan with one step.
pub(crate) fn one_step() -> Plan {
    build::plan(&["test:one"])
}

/// A plan with two steps.
pub(crate) fn two_steps() -> Plan {
    build::plan(&["test:one", "test:two"])
}

/// Done, as a target says it.
pub(crate) fn done() -> StepOutcome {
    StepOutcome::Done { receipt: json!({"version": "8"}) }
}

/// Refused for now.
pub(crate) fn transient() -> StepOutcome {
    let message = "`test:one` answers 500".to_owned();
    StepOutcome::Transient { code: "target_broken", message, retry_after: None }
}

/// Refused for good.
pub(crate) fn permanent() -> StepOutcome {
    StepOutcome::Permanent { code: "target_forbids", message: "`test:one` answers 403".to_owned() }
}

/// No answer.
pub(crate) fn unclear() -> StepOutcome {
    StepOutcome::Unclear { code: "target_no_answer", message: "`test:one` did not answer".to_owned() }
}

/// An issuer that gives exactly this many warrants, each for what it is asked for.
pub(crate) fn honest_warrants(times: usize) -> MockWarrants {
    let mut warrants = MockWarrants::new();
    warrants
        .expect_issue()
        .times(times)
        .returning(|request, plan_digest| Ok(Warrant { request, plan_digest, proof: "test" }));
    warrants
}
