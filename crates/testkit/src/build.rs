//! Builders of domain values: a run, a call, a plan, a proposal, a request, a ballot. One plausible value each, to be changed where a
//! test cares.

use std::collections::BTreeMap;

use countersign_approvals::{
    Ballot, CallKey, Choice, InputMode, Percent, Proposal, QuestionForm, RequestFacts, Transcript,
    Transition, open,
};
use countersign_kernel::terms::Membership;
use countersign_kernel::{
    ActionName, AgentKey, ApprovalMode, Digest, Environment, GroupName, Millis, Namespace, OnRunEnd,
    OutsideGroup, Principal, ProjectKey, Proof, RedactedText, Repository, RunId, RunLabel, RuntimeMode,
    SoleOwner, Terms, Timestamp, ToolName,
};
use countersign_mcp_tools::{Call, Fact, IdempotencyKey, Plan, Question, Reversibility, Step};
use countersign_usecases::port::Ids;
use countersign_waitstate::{Run, RunFacts};
use serde_json::{Value, json};

/// The project all builders speak of.
pub const PROJECT: &str = "shop";

/// Who launches the runs of the builders.
pub const LAUNCHER: &str = "user:github:dana";

/// A principal of this text.
///
/// # Panics
/// The text is no principal.
pub fn principal(text: &str) -> Principal {
    Principal::parse(text).expect("the test names a principal")
}

/// A run's id of this text.
///
/// # Panics
/// The text is no run id.
pub fn run_id(text: &str) -> RunId {
    RunId::parse(text).expect("the test names a run id")
}

/// A tool's name of this text.
///
/// # Panics
/// The text is no tool name.
pub fn tool_name(text: &str) -> ToolName {
    ToolName::parse(text).expect("the test names a tool")
}

/// An action's name of this text.
///
/// # Panics
/// The text is no action name.
pub fn action_name(text: &str) -> ActionName {
    ActionName::parse(text).expect("the test names an action")
}

/// An environment of this text.
///
/// # Panics
/// The text is no environment.
pub fn environment(text: &str) -> Environment {
    Environment::parse(text).expect("the test names an environment")
}

/// Words that need no redaction.
pub fn words(text: &str) -> RedactedText {
    RedactedText::from_storage(text.to_owned())
}

/// A run of the agent `sre` for the label `run:ops` in the project, with an hour's budget.
pub fn run_facts(id: &str) -> RunFacts {
    RunFacts {
        id: run_id(id),
        agent_key: AgentKey::parse("sre").expect("a literal agent key"),
        run_label: RunLabel::parse("run:ops").expect("a literal run label"),
        runtime_mode: RuntimeMode::FullEnv,
        project: ProjectKey::parse(PROJECT).expect("a literal project key"),
        repository: Some(Repository::parse("acme/shop").expect("a literal repository")),
        namespace: Some(Namespace::parse("shop-dev").expect("a literal namespace")),
        launched_by: principal(LAUNCHER),
        budget: Millis::from_secs(3600),
    }
}

/// One owner decides within an hour; executed within a quarter of an hour.
pub fn terms() -> Terms {
    Terms {
        mode: ApprovalMode::Owner,
        deciders: vec![GroupName::parse("shop-owners").expect("a literal group name")],
        quorum: 1,
        decide_within: Millis::from_secs(3600),
        execute_within: Millis::from_secs(900),
        sole_owner: SoleOwner::Deny,
        on_run_end: OnRunEnd::Cancel,
    }
}

/// A call of `test.write`, action `apply`, in `dev`, that wants the thing of this name.
pub fn call(name: &str) -> Call {
    Call {
        tool: tool_name("test.write"),
        schema_version: 1,
        action: action_name("apply"),
        environment: Some(environment("dev")),
        input: json!({ "name": name }),
        prose: BTreeMap::from([("justification".to_owned(), words("because the test says so"))]),
        links: Vec::new(),
        question: None,
        idempotency_key: None,
        dry_run: false,
    }
}

/// The same with a caller's key.
///
/// # Panics
/// The text is no key.
pub fn keyed_call(name: &str, key: &str) -> Call {
    let idempotency_key = Some(IdempotencyKey::parse(key).expect("the test gives a key"));
    Call { idempotency_key, ..call(name) }
}

/// A call that asks the owner a question with two options.
pub fn question_call(question: &str) -> Call {
    Call {
        tool: tool_name("test.ask"),
        action: action_name("ask"),
        environment: None,
        input: json!({}),
        question: Some(Question {
            question: words(question),
            context: None,
            options: vec![words("the first"), words("the second")],
            allow_custom: true,
        }),
        ..call("")
    }
}

/// The plan of a call: one step for each target, in order.
pub fn plan(targets: &[&str]) -> Plan {
    Plan {
        schema_version: 1,
        facts: vec![Fact::new("test_targets", json!({"count": targets.len()}))],
        steps: (1..).zip(targets).map(|(number, target)| step(number, target)).collect(),
        secret: None,
        ownership: None,
    }
}

/// One step against this target.
pub fn step(number: u32, target: &str) -> Step {
    Step {
        number,
        kind: "test.write".to_owned(),
        target: target.to_owned(),
        reversibility: Reversibility::ReadBack,
        params: Value::Null,
    }
}

/// The proposal of this call and plan on these terms.
///
/// # Panics
/// The call or plan holds something that canonical JSON has no form for.
pub fn proposal(call: &Call, plan: &Plan, terms: Terms) -> Proposal {
    let input = plan.digest_input(call, &terms);
    Proposal {
        call: call.to_json(),
        plan: plan.to_json(),
        plan_digest: Digest::of_json(&input).expect("the test's plan has a canonical form"),
        terms,
        policy_digest: Digest::of_bytes(b"the policy of the test"),
    }
}

/// The facts of a request that this run makes by this call.
///
/// # Panics
/// The call holds something that canonical JSON has no form for.
pub fn request_facts(ids: Ids<'_>, run: &Run, call: &Call, now: Timestamp) -> RequestFacts {
    RequestFacts {
        id: ids.request(),
        correlation_id: ids.correlation(),
        run: run.facts.id.clone(),
        project: run.facts.project.clone(),
        agent_key: run.facts.agent_key.clone(),
        launched_by: run.facts.launched_by.clone(),
        tool: call.tool.clone(),
        action: call.action.clone(),
        environment: call.environment.clone(),
        intent_digest: call.intent_digest().expect("the test's call has a canonical form"),
        call_key: match &call.idempotency_key {
            None => CallKey::Intent,
            Some(key) => CallKey::Given { hash: key.hash() },
        },
        question: call.question.as_ref().map(|question| QuestionForm {
            options: question.options.clone(),
            allow_custom: question.allow_custom,
        }),
        requested_at: now,
    }
}

/// The transition that opens a request by this call, with one step against `test:NAME` of the call's input.
///
/// # Panics
/// The terms don't fit the call.
pub fn opening(ids: Ids<'_>, run: &Run, call: &Call, terms: Terms, now: Timestamp) -> Transition {
    let target = format!("test:{}", call.input["name"].as_str().unwrap_or("question"));
    let targets = [target.as_str()];
    let targets: &[&str] = if call.question.is_some() { &[] } else { &targets };
    let proposal = proposal(call, &plan(targets), terms);
    open(request_facts(ids, run, call, now), proposal, now).expect("the test's terms fit its call")
}

/// A decision by this person on this plan.
pub fn ballot(by: &str, choice: Choice, seen: Digest) -> Ballot {
    Ballot {
        by: principal(by),
        proof: Proof::BearerToken,
        choice,
        seen,
        reason: Some(words("the test decides so")),
        input_mode: InputMode::Button,
    }
}

/// How some spoken words became text.
///
/// # Panics
/// Never: the labels are well-formed.
pub fn transcript() -> Transcript {
    let label = |text: &str| text.parse().expect("the label is well-formed");
    Transcript {
        provider: label("acme"),
        model: label("whisper-1"),
        language: Some(label("english")),
        confidence: Percent::new(93),
        audio: Digest::of_bytes(b"some recording"),
        duration: Some(Millis(1_480)),
    }
}

/// A membership where everybody may decide.
#[derive(Clone, Copy, Debug)]
pub struct Everybody;

impl Membership for Everybody {
    fn is_member(&self, _who: &Principal, _groups: &[GroupName]) -> bool {
        true
    }

    fn has_outside(&self, _outside: &OutsideGroup, _groups: &[GroupName]) -> bool {
        true
    }

    fn proved_by(&self, _who: &Principal, _groups: &[GroupName]) -> Option<OutsideGroup> {
        None
    }

    fn size(&self, _groups: &[GroupName]) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TestClock, TestIds};
    use countersign_waitstate::register;

    #[test]
    fn the_same_call_has_the_same_intent_and_another_plan_another_digest() {
        assert_eq!(call("a").intent_digest().unwrap(), keyed_call("a", "k").intent_digest().unwrap());
        let one = proposal(&call("a"), &plan(&["test:a"]), terms());
        let two = proposal(&call("a"), &plan(&["test:b"]), terms());
        assert_ne!(one.plan_digest, two.plan_digest);
    }

    #[test]
    fn a_question_opens_without_steps() {
        let clock = TestClock::default();
        let ids = TestIds::new(1, clock.clone());
        let run = register(run_facts("r"), Default::default(), clock.now());
        let call = question_call("Which one should it be?");
        let opened = opening(ids.ids(), run.after(), &call, terms(), clock.now());
        assert_eq!(opened.after().proposal.plan["steps"], json!([]));
        assert!(opened.after().facts.question.is_some());
    }
}
