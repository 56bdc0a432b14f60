//! Control tools that do as they are told: what they see, how each step ends and what a probe finds is scripted, and every effect they
//! have is written into a journal that tests read.

mod journal;
mod script;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use countersign_kernel::{ActionName, ApprovalMode, Environment, Millis, RedactedText, Violations};
use countersign_mcp_tools::{
    ActionDescriptor, Arguments, Call, Caller, CodeLink, ControlTool, DoneStep, Fact, IdempotencyKey,
    Inspection, Kept, Observation, Plan, PlanRefusal, ProbeOutcome, Reversibility, SecretSpec, SecretValue,
    Step, StepOutcome, StepWork, Survey, ToolDescriptor, UndoWork, UnseenReason,
};
use serde_json::{Value, json};

use crate::build::{action_name, tool_name};
pub use journal::{Effect, EffectJournal};
use script::{Script, Scripted};

/// A control tool for tests. Its input is `{"name": …, "environment"?: …, "justification"?: …, "links_to_code"?: …, "idempotency_key"?: …,
/// "dry_run"?: …}`; its plan has as many steps as it was built with, against `TOOL:NAME#NUMBER`, and one fact that holds what it saw.
#[derive(Debug)]
pub struct TestTool {
    descriptor: ToolDescriptor,
    action: ActionName,
    steps: u32,
    secret: Option<SecretSpec>,
    undoes: bool,
    in_flight: Millis,
    journal: EffectJournal,
    script: Mutex<Script>,
    on_inspect: Mutex<Hook>,
}

/// What happens elsewhere while a target is inspected.
struct Hook(Box<dyn FnMut() + Send>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

impl TestTool {
    /// A tool that writes, named `test.write`, action `apply`, with so many steps. Policy's own default says who approves.
    pub fn writing(steps: u32) -> Self {
        Self::new("test.write", "apply", true, steps)
    }

    /// A tool that reads, named `test.read`, action `look`, with one step, let through unless policy says otherwise.
    pub fn reading() -> Self {
        let mut tool = Self::new("test.read", "look", false, 1);
        tool.descriptor.actions[0].default_approval = Some(ApprovalMode::None);
        tool
    }

    fn new(name: &str, action: &str, writes: bool, steps: u32) -> Self {
        let action = action_name(action);
        let described =
            ActionDescriptor { name: action.clone(), writes, default_approval: None, question: false };
        Self {
            descriptor: ToolDescriptor {
                name: tool_name(name),
                aliases: Vec::new(),
                summary: "Does what a test tells it to.".to_owned(),
                schema_version: 1,
                input_schema: schema(),
                actions: vec![described],
            },
            action,
            steps,
            secret: None,
            undoes: false,
            in_flight: Millis(0),
            journal: EffectJournal::default(),
            script: Mutex::new(Script::new()),
            on_inspect: Mutex::new(Hook(Box::new(|| {}))),
        }
    }

    /// The same tool under another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.descriptor.name = tool_name(name);
        self
    }

    /// The same tool, whose plan asks for a secret value of this length.
    #[must_use]
    pub fn with_secret(mut self, length: u32) -> Self {
        self.secret = Some(SecretSpec { length });
        self
    }

    /// The same tool, whose steps can be undone: what they replace is kept, and `WHAT_WAS` is what that is.
    #[must_use]
    pub fn undoing(mut self) -> Self {
        self.undoes = true;
        self
    }

    /// The same tool, whose unanswered attempts may still arrive for so long.
    #[must_use]
    pub fn with_in_flight(mut self, span: Millis) -> Self {
        self.in_flight = span;
        self
    }

    /// The same tool, writing into a journal that it shares with others.
    #[must_use]
    pub fn with_journal(mut self, journal: EffectJournal) -> Self {
        self.journal = journal;
        self
    }

    /// What it did.
    pub fn journal(&self) -> &EffectJournal {
        &self.journal
    }

    /// What it sees from now on. Another world is another plan.
    pub fn set_world(&self, world: Value) {
        self.script().world = Observation::Seen(world);
    }

    /// From now on it can't look.
    pub fn set_blind(&self, why: &str) {
        self.script().world = Observation::could_not_look(UnseenReason::Broken, why);
    }

    /// From now on, until told otherwise, no plan can be made.
    pub fn set_refusal(&self, refusal: Option<PlanRefusal>) {
        self.script().refusal = refusal;
    }

    /// How the next unscripted attempt at this step ends. Only `Done` has an effect; after the script a step is done at once.
    pub fn script_step(&self, number: u32, outcome: StepOutcome) {
        self.script().outcomes.entry(number).or_default().push_back(Scripted::honest(outcome));
    }

    /// The same, with an effect whatever the outcome says: the answer that never came.
    pub fn script_step_with_effect(&self, number: u32, outcome: StepOutcome) {
        let scripted = Scripted { outcome, has_effect: true };
        self.script().outcomes.entry(number).or_default().push_back(scripted);
    }

    /// What the next unscripted probe of this step finds. After the script a probe looks into the journal.
    pub fn script_probe(&self, number: u32, outcome: ProbeOutcome) {
        self.script().probes.entry(number).or_default().push_back(outcome);
    }

    /// How the next unscripted attempt to undo a step ends. Only `Done` has an effect; after the script a step is undone at once.
    pub fn script_undo(&self, outcome: StepOutcome) {
        self.script().undos.push_back(Scripted::honest(outcome));
    }

    /// The same, with an effect whatever the outcome says.
    pub fn script_undo_with_effect(&self, outcome: StepOutcome) {
        self.script().undos.push_back(Scripted { outcome, has_effect: true });
    }

    /// What the next unscripted look for an undoing finds. After the script a look goes into the journal.
    pub fn script_undo_probe(&self, outcome: ProbeOutcome) {
        self.script().undo_probes.push_back(outcome);
    }

    /// From now on, until told otherwise, what a step replaces can't be read.
    pub fn set_unreadable(&self, why: Option<&str>) {
        self.script().unreadable = why.map(str::to_owned);
    }

    /// The numbers of the steps whose undoing was attempted, in order.
    pub fn undone(&self) -> Vec<u32> {
        self.script().undone.clone()
    }

    /// What inspecting what this step left gives from now on. Until told otherwise all is as it was left.
    pub fn set_inspection(&self, number: u32, inspection: Inspection) {
        self.script().inspections.insert(number, inspection);
    }

    /// What looking over all its targets gives from now on.
    pub fn set_survey(&self, survey: Survey) {
        self.script().survey = survey;
    }

    /// What happens elsewhere, from now on, while this tool inspects.
    pub fn on_inspect(&self, hook: impl FnMut() + Send + 'static) {
        *self.on_inspect.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Hook(Box::new(hook));
    }

    /// The numbers of the steps attempted, in order, with or without an effect.
    pub fn performed(&self) -> Vec<u32> {
        self.script().performed.clone()
    }

    /// The numbers of the steps probed, in order.
    pub fn probed(&self) -> Vec<u32> {
        self.script().probed.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[async_trait]
impl ControlTool for TestTool {
    fn descriptor(&self) -> &ToolDescriptor {
        &self.descriptor
    }

    fn parse(&self, arguments: &Value, _caller: &Caller) -> Result<Call, Violations> {
        let mut violations = Violations::new();
        let name = arguments["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            violations.add("name", "must be a text that is not empty");
        }
        let text = |field: &str| arguments[field].as_str();
        let environment = text("environment").map(Environment::parse).transpose().unwrap_or_else(|error| {
            violations.add("environment", error.to_string());
            None
        });
        let idempotency_key = text("idempotency_key").and_then(IdempotencyKey::parse);
        let words = |field: &str| Some((field.to_owned(), RedactedText::parse(text(field)?, 0, 1000).ok()?));
        let links = links(arguments).unwrap_or_else(|wrong| {
            violations.extend(wrong);
            Vec::new()
        });
        violations.into_result(Call {
            tool: self.descriptor.name.clone(),
            schema_version: self.descriptor.schema_version,
            action: self.action.clone(),
            environment,
            input: json!({ "name": name }),
            prose: words("justification").into_iter().collect(),
            links,
            question: None,
            idempotency_key,
            dry_run: arguments["dry_run"].as_bool().unwrap_or(false),
        })
    }

    async fn observe(&self, _caller: &Caller, _call: &Call) -> Observation {
        self.script().world.clone()
    }

    fn plan(&self, _caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        if let Some(refusal) = self.script().refusal.clone() {
            return Err(refusal);
        }
        let fact = match observed {
            Observation::Seen(world) => Fact::new("test_seen", json!({ "world": world })),
            Observation::CouldNotLook { why } => {
                let said: Vec<_> = why.iter().map(|unseen| unseen.said.as_str()).collect();
                Fact::new("test_could_not_look", json!({ "why": said.join("; ") }))
            }
        };
        let name = call.input["name"].as_str().unwrap_or_default();
        let step = |number| Step {
            number,
            kind: format!("{}.step", self.descriptor.name),
            target: format!("{}:{name}#{number}", self.descriptor.name),
            reversibility: Reversibility::ReadBack,
            params: Value::Null,
        };
        Ok(Plan {
            schema_version: 1,
            facts: vec![fact],
            steps: (1..=self.steps).map(step).collect(),
            secret: self.secret,
            ownership: None,
        })
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        let number = work.step.number;
        let mut script = self.script();
        script.performed.push(number);
        let scripted = script.outcomes.get_mut(&number).and_then(VecDeque::pop_front);
        let scripted = scripted.unwrap_or_else(|| Scripted {
            outcome: StepOutcome::Done { receipt: receipt(&work) },
            has_effect: true,
        });
        if scripted.has_effect {
            self.journal.record(&work);
        }
        scripted.outcome
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        let number = work.step.number;
        let mut script = self.script();
        script.probed.push(number);
        let scripted = script.probes.get_mut(&number).and_then(VecDeque::pop_front);
        scripted.unwrap_or_else(|| {
            if self.journal.count_of(work.request, number) > 0 {
                ProbeOutcome::Done { receipt: receipt(&work) }
            } else {
                ProbeOutcome::NotDone
            }
        })
    }

    fn in_flight(&self, _step: &Step) -> Millis {
        self.in_flight
    }

    fn undoes(&self, _step: &Step) -> bool {
        self.undoes
    }

    async fn keep(&self, _work: StepWork<'_>) -> Kept {
        match self.script().unreadable.clone() {
            Some(why) => Kept::CouldNotRead { why },
            None => Kept::Value(SecretValue::new(WHAT_WAS.to_vec())),
        }
    }

    async fn undo(&self, work: UndoWork<'_>) -> StepOutcome {
        let number = work.step.step.number;
        let mut script = self.script();
        script.undone.push(number);
        if work.kept.map(SecretValue::expose) != Some(WHAT_WAS) {
            let message = "what was replaced was not kept".to_owned();
            return StepOutcome::Permanent { code: "test_nothing_kept", message };
        }
        let scripted = script.undos.pop_front().unwrap_or_else(|| Scripted {
            outcome: StepOutcome::Done { receipt: receipt(&work.step) },
            has_effect: true,
        });
        if scripted.has_effect {
            self.journal.take_back(work.step.request, number);
        }
        scripted.outcome
    }

    async fn probe_undo(&self, work: UndoWork<'_>) -> ProbeOutcome {
        let scripted = self.script().undo_probes.pop_front();
        scripted.unwrap_or_else(|| {
            if self.journal.count_of(work.step.request, work.step.step.number) > 0 {
                ProbeOutcome::NotDone
            } else {
                ProbeOutcome::Done { receipt: receipt(&work.step) }
            }
        })
    }

    async fn survey(&self) -> Survey {
        self.script().survey.clone()
    }

    async fn inspect(&self, done: DoneStep<'_>) -> Inspection {
        (self.on_inspect.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0)();
        let script = self.script();
        script.inspections.get(&done.step.number).cloned().unwrap_or(Inspection::AsLeft)
    }
}

/// What a step of an undoing [`TestTool`] replaces.
pub const WHAT_WAS: &[u8] = b"what was there before";

fn links(arguments: &Value) -> Result<Vec<CodeLink>, Violations> {
    let field = "links_to_code";
    let only = json!({ field: arguments.get(field).unwrap_or(&json!([])) });
    let mut read = Arguments::read(&only, &[field]);
    let links = read.links(field);
    read.finish(Some(links))
}

fn receipt(work: &StepWork<'_>) -> Value {
    json!({ "target": work.step.target, "step": work.step.number })
}

fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "environment": {"type": "string"},
            "justification": {"type": "string", "maxLength": 1000},
            "links_to_code": {"type": "array"},
            "idempotency_key": {"type": "string"},
            "dry_run": {"type": "boolean"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{LAUNCHER, PROJECT, principal, run_id};
    use crate::{TestClock, TestIds};
    use countersign_kernel::ProjectKey;

    fn caller() -> Caller {
        Caller {
            run: run_id("r"),
            project: ProjectKey::parse(PROJECT).unwrap(),
            repository: None,
            namespace: None,
            launched_by: principal(LAUNCHER),
        }
    }

    async fn planned(tool: &TestTool) -> (Call, Plan) {
        let call = tool.parse(&json!({"name": "x", "environment": "dev"}), &caller()).unwrap();
        let seen = tool.observe(&caller(), &call).await;
        let plan = tool.plan(&caller(), &call, &seen).unwrap();
        (call, plan)
    }

    #[tokio::test]
    async fn effects_are_those_that_happened_whatever_was_answered() {
        let tool = TestTool::writing(1);
        let (call, plan) = planned(&tool).await;
        let request = TestIds::new(1, TestClock::default()).request();
        let step = &plan.steps[0];
        let intended_at = TestClock::default().now();
        let work =
            || StepWork { request, fence: 1, call: &call, plan: &plan, step, secret: None, intended_at };
        let lost = || StepOutcome::Unclear { code: "target_no_answer", message: "cut".to_owned() };
        tool.script_step(1, lost());
        tool.script_step_with_effect(1, lost());
        assert_eq!(tool.perform(work()).await, lost());
        assert_eq!(tool.probe(work()).await, ProbeOutcome::NotDone);
        assert_eq!(tool.perform(work()).await, lost());
        assert!(matches!(tool.probe(work()).await, ProbeOutcome::Done { .. }));
        assert_eq!(tool.journal().len(), 1);
    }

    #[tokio::test]
    async fn another_world_is_another_plan() {
        let tool = TestTool::writing(2);
        let (_, before) = planned(&tool).await;
        tool.set_world(json!({"state": "moved"}));
        let (_, after) = planned(&tool).await;
        assert_eq!(before.steps, after.steps);
        assert_ne!(before.facts, after.facts);
    }

    #[test]
    fn bad_input_is_told_all_at_once() {
        let told = TestTool::writing(1).parse(&json!({"environment": "Not One"}), &caller()).unwrap_err();
        assert_eq!(
            told.iter().map(|violation| violation.path.as_str()).collect::<Vec<_>>(),
            ["name", "environment"]
        );
    }
}
