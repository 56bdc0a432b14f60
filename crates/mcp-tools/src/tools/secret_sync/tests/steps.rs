//! The two writes in order, with what they were planned with, and the probes.

use mockall::Sequence;

use super::*;
use crate::ports::{GithubReceipt, KubernetesReceipt, TargetErrorKind};
use crate::secret::SecretValue;
use crate::tool::UnseenReason;
use crate::tools::samples::{ALL_KINDS, error, request, work};

/// Letters only, so that no general redactor hides it: if it shows up anywhere, a test sees it.
const CANARY: &str = "CanaryValueOfPlainLetters";

fn canary() -> SecretValue {
    SecretValue::new(CANARY.as_bytes().to_vec())
}

fn written() -> KubernetesReceipt {
    KubernetesReceipt { uid: "uid-1".to_owned(), resource_version: "42".to_owned() }
}

async fn replacing() -> (Call, Plan) {
    let call = call(json!({}));
    let seen = secret(&[("value", Some("countersign"))]);
    let plan = planned(&call, Some(seen), Some(actions_secret(1_700_000_000))).await.unwrap();
    (call, plan)
}

async fn creating() -> (Call, Plan) {
    let call = call(json!({}));
    let plan = planned(&call, None, None).await.unwrap();
    (call, plan)
}

#[tokio::test]
async fn both_steps_write_the_same_value_kubernetes_first() {
    let mut order = Sequence::new();
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_apply_key()
        .withf(|write| {
            write.namespace.as_str() == "shop-dev"
                && write.name == "app"
                && write.key == "value"
                && write.value.expose() == CANARY.as_bytes()
                && write.expected_version == Some("41")
                && write.request == request(1)
                && write.fence == 7
        })
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(written()));
    let mut github = MockGithubSecrets::new();
    github
        .expect_look()
        .withf(|at, name| *at == place() && name == "DB_PASSWORD")
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(Some(actions_secret(1_700_000_000))));
    github
        .expect_put()
        .withf(|at, name, value| {
            *at == place() && name == "DB_PASSWORD" && value.expose() == CANARY.as_bytes()
        })
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(GithubReceipt { created: false, updated_at: Some(at(1_700_000_200)) }));
    let tool = tool_over(kubernetes, github);
    let (call, plan) = replacing().await;
    let value = canary();
    assert_eq!(
        tool.perform(work(&call, &plan, 0, Some(&value))).await,
        StepOutcome::Done {
            receipt: json!({
                "kubernetes_ref": "shop-dev/app#value", "namespace": "shop-dev", "name": "app", "key": "value",
                "resource_version": "42", "uid": "uid-1",
            })
        }
    );
    assert_eq!(
        tool.perform(work(&call, &plan, 1, Some(&value))).await,
        StepOutcome::Done {
            receipt: json!({
                "github_ref": "acme/shop@dev#DB_PASSWORD", "repository": "acme/shop", "environment": "dev",
                "name": "DB_PASSWORD", "created": false, "updated_at": "2023-11-14T22:16:40.000000Z",
            })
        }
    );
}

#[tokio::test]
async fn a_first_write_expects_nothing_to_be_there() {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_apply_key()
        .withf(|write| write.expected_version.is_none())
        .times(1)
        .returning(|_| Ok(written()));
    let mut github = MockGithubSecrets::new();
    github.expect_look().times(1).returning(|_, _| Ok(None));
    github.expect_put().times(1).returning(|_, _, _| Ok(GithubReceipt { created: true, updated_at: None }));
    let tool = tool_over(kubernetes, github);
    let (call, plan) = creating().await;
    let value = canary();
    for index in [0, 1] {
        let done = tool.perform(work(&call, &plan, index, Some(&value))).await;
        assert!(matches!(done, StepOutcome::Done { .. }), "{done:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_to_github_since_is_not_replaced() {
    for now in [None, Some(actions_secret(1_700_000_050))] {
        let mut github = MockGithubSecrets::new();
        github.expect_look().times(1).return_once(move |_, _| Ok(now));
        github.expect_put().never();
        let tool = tool_over(MockKubernetesSecrets::new(), github);
        let (call, plan) = replacing().await;
        let value = canary();
        let outcome = tool.perform(work(&call, &plan, 1, Some(&value))).await;
        assert!(matches!(outcome, StepOutcome::Permanent { code: "target_conflict", .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_plan_made_blind_is_never_done() {
    let tool = tool();
    let call = call(json!({}));
    let observed = Observation::could_not_look(UnseenReason::Broken, "it is down");
    let plan = tool.plan(&caller(), &call, &observed).unwrap();
    let value = canary();
    for index in [0, 1] {
        let outcome = tool.perform(work(&call, &plan, index, Some(&value))).await;
        assert!(
            matches!(outcome, StepOutcome::Permanent { code: "target_not_looked_at", .. }),
            "{outcome:?}"
        );
        assert_eq!(tool.probe(work(&call, &plan, index, Some(&value))).await, ProbeOutcome::NotDone);
    }
}

#[tokio::test]
async fn nothing_is_written_without_a_value_or_with_damaged_parameters() {
    let tool = tool();
    let (call, mut plan) = replacing().await;
    for index in [0, 1] {
        let outcome = tool.perform(work(&call, &plan, index, None)).await;
        assert!(matches!(outcome, StepOutcome::Permanent { code: "secret_missing", .. }), "{outcome:?}");
    }
    let probed = tool.probe(work(&call, &plan, 0, None)).await;
    assert!(matches!(probed, ProbeOutcome::CannotTell { retry: false, .. }), "{probed:?}");

    plan.steps[0].params["namespace"] = json!("not a namespace");
    plan.steps[1].kind = "github.delete_everything".to_owned();
    let value = canary();
    for index in [0, 1] {
        let outcome = tool.perform(work(&call, &plan, index, Some(&value))).await;
        assert!(matches!(outcome, StepOutcome::Permanent { code: "step_unreadable", .. }), "{outcome:?}");
        let probed = tool.probe(work(&call, &plan, index, Some(&value))).await;
        assert!(matches!(probed, ProbeOutcome::CannotTell { retry: false, .. }), "{probed:?}");
    }
}

/// Every error of each call to a target, from a target that repeats the value in its message: the outcome follows the kind, and the
/// value is nowhere in it.
#[tokio::test]
async fn every_error_keeps_its_kind_and_loses_the_value() {
    let (call, plan) = replacing().await;
    let value = canary();
    for kind in ALL_KINDS {
        let said = move || error(kind, &format!("`{CANARY}` is not to my liking"));
        let mut kubernetes = MockKubernetesSecrets::new();
        kubernetes.expect_apply_key().returning(move |_| Err(said()));
        kubernetes.expect_holds().returning(move |_, _, _, _| Err(said()));
        let mut github = MockGithubSecrets::new();
        github.expect_look().times(1).returning(|_, _| Ok(Some(actions_secret(1_700_000_000))));
        github.expect_put().times(1).returning(move |_, _, _| Err(said()));
        github.expect_look().returning(move |_, _| Err(said()));
        let tool = tool_over(kubernetes, github);
        for index in [0, 1] {
            let outcome = tool.perform(work(&call, &plan, index, Some(&value))).await;
            let clean = error(kind, "`[redacted]` is not to my liking");
            assert_eq!(outcome, clean.into_step_outcome());
            let probed = tool.probe(work(&call, &plan, index, Some(&value))).await;
            assert!(!format!("{probed:?}").contains(CANARY), "{probed:?}");
            if index == 0 && kind == TargetErrorKind::NotFound {
                assert_eq!(probed, ProbeOutcome::NotDone, "where there is no namespace, there is no key");
            } else {
                assert!(matches!(probed, ProbeOutcome::CannotTell { .. }), "{probed:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_look_that_fails_before_the_write_to_github_leaves_nothing_done() {
    for kind in [TargetErrorKind::NoAnswer, TargetErrorKind::Broken, TargetErrorKind::Unreachable] {
        let mut github = MockGithubSecrets::new();
        github.expect_look().times(1).returning(move |_, _| Err(error(kind, "it said so")));
        github.expect_put().never();
        let tool = tool_over(MockKubernetesSecrets::new(), github);
        let (call, plan) = replacing().await;
        let value = canary();
        let outcome = tool.perform(work(&call, &plan, 1, Some(&value))).await;
        assert!(matches!(outcome, StepOutcome::Transient { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn kubernetes_is_probed_by_comparing_the_value() {
    for (found, done) in [(Some(written()), true), (None, false)] {
        let mut kubernetes = MockKubernetesSecrets::new();
        kubernetes
            .expect_holds()
            .withf(|namespace, name, key, value| {
                namespace.as_str() == "shop-dev"
                    && name == "app"
                    && key == "value"
                    && value.expose() == CANARY.as_bytes()
            })
            .times(1)
            .return_once(move |_, _, _, _| Ok(found));
        let tool = tool_over(kubernetes, MockGithubSecrets::new());
        let (call, plan) = replacing().await;
        let value = canary();
        match tool.probe(work(&call, &plan, 0, Some(&value))).await {
            ProbeOutcome::Done { receipt } => {
                assert!(done);
                assert_eq!(receipt["resource_version"], json!("42"));
                assert_eq!(receipt["evidence"], json!("the key holds the generated value"));
            }
            other => assert!(!done && other == ProbeOutcome::NotDone, "{other:?}"),
        }
    }
}

/// Before and now as GitHub tells them, in seconds around the moment the write was intended (1,700,000,100).
#[tokio::test]
async fn github_is_probed_by_its_clock() {
    let table = [
        (None, None, "not done"),
        (None, Some(1_700_000_101), "done"),
        (Some(1_700_000_000), Some(1_700_000_000), "not done"),
        (Some(1_700_000_000), Some(1_700_000_101), "done"),
        (Some(1_700_000_099), Some(1_700_000_099), "not done"),
        (Some(1_700_000_100), Some(1_700_000_100), "cannot tell"),
        (Some(1_700_000_101), Some(1_700_000_101), "cannot tell"),
        (Some(1_700_000_100), Some(1_700_000_101), "done"),
        (Some(1_700_000_000), None, "cannot tell"),
        (Some(1_700_000_000), Some(1_699_999_999), "cannot tell"),
    ];
    let call = call(json!({}));
    for (before, now, expected) in table {
        let plan = planned(&call, None, before.map(actions_secret)).await.unwrap();
        let mut github = MockGithubSecrets::new();
        github.expect_look().times(1).return_once(move |_, _| Ok(now.map(actions_secret)));
        let tool = tool_over(MockKubernetesSecrets::new(), github);
        let value = canary();
        let mut work = work(&call, &plan, 1, Some(&value));
        // Within the second, as a database's clock tells it.
        work.intended_at = work.intended_at.plus(countersign_kernel::Millis(734));
        let got = match tool.probe(work).await {
            ProbeOutcome::Done { receipt } => {
                assert_eq!(receipt["created"], json!(before.is_none()));
                assert_eq!(receipt["updated_at"], json!(at(now.unwrap()).to_string()));
                assert!(receipt["evidence"].is_string());
                "done"
            }
            ProbeOutcome::NotDone => "not done",
            ProbeOutcome::CannotTell { retry, .. } => {
                assert!(!retry);
                "cannot tell"
            }
        };
        assert_eq!(got, expected, "{before:?} -> {now:?}");
    }
}

#[tokio::test]
async fn one_repository_in_two_spellings_is_one_target_and_is_shown_as_registered() {
    let spelled = Caller { repository: Some("Acme/Shop".parse().unwrap()), ..caller() };
    let call = tool().parse(&good(), &spelled).unwrap();
    let plan = planned(&call, None, None).await.unwrap();
    assert_eq!(plan.steps[1].target, creating().await.1.steps[1].target);
    let mut github = MockGithubSecrets::new();
    github.expect_look().returning(|_, _| Ok(None));
    github.expect_put().returning(|_, _, _| Ok(GithubReceipt { created: true, updated_at: None }));
    let tool = tool_over(MockKubernetesSecrets::new(), github);
    let StepOutcome::Done { receipt } = tool.perform(work(&call, &plan, 1, Some(&canary()))).await else {
        panic!("not done")
    };
    assert_eq!(receipt["github_ref"], json!("Acme/Shop@dev#DB_PASSWORD"));
}
