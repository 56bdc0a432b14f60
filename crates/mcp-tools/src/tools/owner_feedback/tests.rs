//! The question tool, which touches nothing.

use super::*;
use crate::tools::samples::Noticed::{Always, ByParse, Never};
use crate::tools::samples::{
    Row, assert_foreign_facts_are_printed, assert_worded, caller, check_table, codes, work,
};

fn good() -> Value {
    json!({ "question": "Which port should it listen on?", "options": ["8080", "9090"] })
}

fn call(changes: Value) -> Call {
    let mut given = good();
    for (field, value) in changes.as_object().unwrap() {
        given[field] = value.clone();
    }
    OwnerFeedback::new().parse(&given, &caller()).unwrap()
}

async fn planned(call: &Call) -> Plan {
    let tool = OwnerFeedback::new();
    let observed = tool.observe(&caller(), call).await;
    tool.plan(&caller(), call, &observed).unwrap()
}

#[test]
fn the_rules_of_a_question() {
    let long = |length: usize| "a".repeat(length);
    let table: &[Row] = &[
        (json!({}), &[], Never, &[]),
        (json!({"question": long(10)}), &[], Never, &[]),
        (json!({"question": "\u{434}".repeat(1000)}), &[], Never, &[]),
        (json!({"context": long(2000)}), &[], Never, &[]),
        (json!({"context": ""}), &[], Never, &[]),
        (json!({"options": ["a", "b", "c", "d", "e"]}), &[], Never, &[]),
        (json!({"options": [long(300), "b"]}), &[], Never, &[]),
        (json!({"options": ["Yes", "yes"]}), &[], Never, &[]),
        (json!({"allow_custom": false, "dry_run": true, "idempotency_key": "k"}), &[], Never, &[]),
        (json!({}), &["question"], Always, &["question"]),
        (json!({}), &["options"], Always, &["options"]),
        (json!({"question": long(9)}), &[], Always, &["question"]),
        (json!({"question": format!("   {}   ", long(9))}), &[], Always, &["question"]),
        (json!({"question": long(1001)}), &[], Always, &["question"]),
        (json!({"question": {"text": "x"}}), &[], Always, &["question"]),
        (json!({"context": long(2001)}), &[], Always, &["context"]),
        (json!({"options": []}), &[], Always, &["options"]),
        (json!({"options": ["a"]}), &[], Always, &["options"]),
        (json!({"options": ["a", "b", "c", "d", "e", "f"]}), &[], Always, &["options"]),
        (json!({"options": "a, b"}), &[], Always, &["options"]),
        (
            json!({"options": ["a", " ", 3, long(301)]}),
            &[],
            Always,
            &["options[1]", "options[2]", "options[3]"],
        ),
        (json!({"options": ["a", "b", "a"]}), &[], Always, &["options[2]"]),
        (json!({"options": ["a", " a "]}), &[], ByParse, &["options[1]"]),
        (json!({"options": ["password=one", "password=two"]}), &[], ByParse, &["options[1]"]),
        (json!({"allow_custom": "no"}), &[], Always, &["allow_custom"]),
        (json!({"environment": "dev"}), &[], Always, &["environment"]),
        (json!({"option": ["a", "b"]}), &[], Always, &["option"]),
        (json!({"idempotency_key": "a b"}), &[], Always, &["idempotency_key"]),
    ];
    check_table(&OwnerFeedback::new(), &caller(), &good(), table);
}

#[test]
fn nothing_of_a_question_is_repeated_in_a_violation() {
    let given = json!({ "question": "hunter2", "options": ["hunter2", "hunter2"], "answer": "hunter2" });
    let violations = OwnerFeedback::new().parse(&given, &caller()).unwrap_err();
    assert_eq!(violations.iter().count(), 3, "{violations}");
    assert!(!violations.to_string().contains("hunter2"), "{violations}");
}

#[test]
fn what_is_asked_is_redacted_and_typed() {
    let call = call(json!({
        "question": "Is the password = hunter2 still right?", "context": "token: hunter2", "options": [" yes ", "no"],
    }));
    let question = call.question.as_ref().unwrap();
    assert_eq!(question.question.as_str(), "Is the password = [redacted] still right?");
    assert_eq!(question.context.as_ref().unwrap().as_str(), "token: [redacted]");
    let options: Vec<_> = question.options.iter().map(RedactedText::as_str).collect();
    assert_eq!((options, question.allow_custom), (vec!["yes", "no"], true));
    assert_eq!((call.tool.as_str(), call.action.as_str()), (NAME, ACTION));
    assert_eq!((&call.environment, &call.input), (&None, &json!({})));
}

#[test]
fn each_different_question_is_its_own_intent() {
    let digest = |changes: Value| call(changes).intent_digest().unwrap();
    assert_eq!(digest(json!({"question": "  Which port should it listen on? "})), digest(json!({})));
    assert_eq!(digest(json!({"allow_custom": true, "idempotency_key": "k"})), digest(json!({})));
    for (field, value) in [
        ("question", json!("Which host should it listen on?")),
        ("context", json!("It matters.")),
        ("options", json!(["9090", "8080"])),
        ("allow_custom", json!(false)),
    ] {
        assert_ne!(digest(json!({ field: value })), digest(json!({})), "{field}");
    }
}

#[tokio::test]
async fn its_plan_has_no_steps_and_every_fact_is_worded() {
    let mut stated = Vec::new();
    for allow_custom in [true, false] {
        let plan = planned(&call(json!({ "allow_custom": allow_custom }))).await;
        assert!(plan.steps.is_empty() && plan.secret.is_none() && plan.ownership.is_none());
        assert_worded(&OwnerFeedback::new(), &plan);
        stated.extend(codes(&plan).into_iter().map(str::to_owned));
    }
    assert_eq!(stated, AskFact::ALL.iter().rev().map(|fact| fact.code()).collect::<Vec<_>>());
    assert_foreign_facts_are_printed(&OwnerFeedback::new());
}

#[tokio::test]
async fn a_step_that_turns_up_is_damage() {
    let call = call(json!({}));
    let mut plan = planned(&call).await;
    plan.steps.push(crate::plan::Step {
        number: 1,
        kind: "ask".to_owned(),
        target: "owner".to_owned(),
        reversibility: crate::plan::Reversibility::ReadBack,
        params: json!({}),
    });
    let tool = OwnerFeedback::new();
    let outcome = tool.perform(work(&call, &plan, 0, None)).await;
    assert!(matches!(outcome, StepOutcome::Permanent { code: "step_unreadable", .. }), "{outcome:?}");
    let probed = tool.probe(work(&call, &plan, 0, None)).await;
    assert!(matches!(probed, ProbeOutcome::CannotTell { retry: false, .. }), "{probed:?}");
}

#[test]
fn it_answers_to_both_names_and_is_a_question_to_the_owner() {
    let mut registry = crate::ToolRegistry::new();
    registry.register(std::sync::Arc::new(OwnerFeedback::new())).unwrap();
    for name in [NAME, ALIAS] {
        let tool = registry.find(&ToolName::parse(name).unwrap()).unwrap();
        let ask = &tool.descriptor().actions[0];
        assert!(ask.question && !ask.writes && ask.default_approval == Some(ApprovalMode::Owner));
    }
}
