//! Taking the Kubernetes write back: what is kept, what is put back, and what is left alone.

use super::*;
use crate::ports::{KubernetesReceipt, TargetError, TargetErrorKind};
use crate::secret::SecretValue;
use crate::tools::samples::{error, work};

const OURS: &str = "OurValueOfPlainLetters";
const BEFORE: &str = "WhatWasThereBefore";

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec())
}

fn written() -> KubernetesReceipt {
    KubernetesReceipt { uid: "uid-1".to_owned(), resource_version: "44".to_owned() }
}

/// What was there when this was approved.
#[derive(Clone, Copy, Debug)]
enum Was {
    Nothing,
    OtherKey,
    ThisKey,
}

async fn approved(was: Was) -> (Call, Plan) {
    let call = call(json!({}));
    let seen = match was {
        Was::Nothing => None,
        Was::OtherKey => Some(secret(&[("other", Some("helm"))])),
        Was::ThisKey => Some(secret(&[("value", Some("countersign"))])),
    };
    let plan = planned(&call, seen, None).await.unwrap();
    (call, plan)
}

/// A cluster whose key holds this text.
fn holding(text: &'static str) -> MockKubernetesSecrets {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_holds()
        .returning(move |_, _, _, asked| Ok((asked.expose() == text.as_bytes()).then(written)));
    kubernetes
}

struct Undone {
    looked: ProbeOutcome,
    undone: StepOutcome,
}

async fn undo(kubernetes: MockKubernetesSecrets, was: Was, kept: Option<&str>) -> Undone {
    let (call, plan) = approved(was).await;
    let tool = tool_over(kubernetes, MockGithubSecrets::new());
    let (ours, kept, receipt) = (value(OURS), kept.map(value), json!({"resource_version": "42"}));
    let undo =
        || UndoWork { step: work(&call, &plan, 0, Some(&ours)), receipt: &receipt, kept: kept.as_ref() };
    Undone { looked: tool.probe_undo(undo()).await, undone: tool.undo(undo()).await }
}

fn assert_done(outcome: &StepOutcome) {
    assert_eq!(*outcome, StepOutcome::Done { receipt: json!({"resource_version": "42"}) });
}

#[tokio::test]
async fn only_the_kubernetes_step_can_be_undone_and_github_is_waited_for() {
    let (_, plan) = approved(Was::ThisKey).await;
    let tool = tool();
    assert_eq!([tool.undoes(&plan.steps[0]), tool.undoes(&plan.steps[1])], [true, false]);
    assert_eq!([tool.in_flight(&plan.steps[0]).0, tool.in_flight(&plan.steps[1]).0], [0, 15_000]);
    let mut earlier = plan.steps[0].clone();
    earlier.params.as_object_mut().unwrap().remove("key_existed");
    assert!(!tool.undoes(&earlier), "a plan that doesn't say what was there can't be undone");
}

#[tokio::test]
async fn the_value_that_will_be_replaced_is_kept_in_the_version_that_was_approved() {
    let (call, plan) = approved(Was::ThisKey).await;
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_read_key()
        .withf(|namespace, name, key, version| {
            (namespace.as_str(), name, key, version) == ("shop-dev", "app", "value", "41")
        })
        .times(1)
        .returning(|_, _, _, _| Ok(Some(value(BEFORE))));
    let tool = tool_over(kubernetes, MockGithubSecrets::new());
    match tool.keep(work(&call, &plan, 0, None)).await {
        Kept::Value(kept) => assert_eq!(kept.expose(), BEFORE.as_bytes()),
        other => panic!("{other:?}"),
    }
    for was in [Was::Nothing, Was::OtherKey] {
        let (call, plan) = approved(was).await;
        assert!(matches!(tool.keep(work(&call, &plan, 0, None)).await, Kept::Nothing), "{was:?}");
    }
}

#[tokio::test]
async fn a_target_that_moved_or_is_away_is_not_kept() {
    let (call, plan) = approved(Was::ThisKey).await;
    let answers: [Result<Option<SecretValue>, TargetError>; 3] = [
        Ok(None),
        Err(error(TargetErrorKind::Conflict, "it was changed")),
        Err(error(TargetErrorKind::Broken, "500")),
    ];
    for answer in answers {
        let mut kubernetes = MockKubernetesSecrets::new();
        kubernetes.expect_read_key().times(1).return_once(move |_, _, _, _| answer);
        let tool = tool_over(kubernetes, MockGithubSecrets::new());
        assert!(matches!(tool.keep(work(&call, &plan, 0, None)).await, Kept::CouldNotRead { .. }));
    }
}

#[tokio::test]
async fn a_value_that_was_there_is_put_back_over_the_present_version() {
    let mut kubernetes = holding(OURS);
    kubernetes
        .expect_apply_key()
        .withf(|write| {
            write.value.expose() == BEFORE.as_bytes()
                && (write.name, write.key, write.expected_version) == ("app", "value", Some("44"))
                && write.fence == 7
        })
        .times(1)
        .returning(|_| Ok(written()));
    let answers = undo(kubernetes, Was::ThisKey, Some(BEFORE)).await;
    assert_eq!(answers.looked, ProbeOutcome::NotDone);
    assert_done(&answers.undone);
}

#[tokio::test]
async fn a_key_that_is_new_is_removed_and_the_others_stay() {
    for was in [Was::OtherKey, Was::Nothing] {
        let mut kubernetes = holding(OURS);
        // Where there was no Secret, somebody else has put a key beside ours since.
        kubernetes
            .expect_look()
            .returning(|_, _| Ok(Some(secret(&[("other", Some("helm")), ("value", Some("countersign"))]))));
        kubernetes.expect_delete().times(0);
        kubernetes
            .expect_remove_key()
            .withf(|write| (write.name, write.key, write.expected_version) == ("app", "value", "44"))
            .times(1)
            .returning(|_| Ok(written()));
        assert_done(&undo(kubernetes, was, None).await.undone);
    }
}

#[tokio::test]
async fn a_secret_that_is_new_and_holds_nothing_else_is_deleted() {
    let mut kubernetes = holding(OURS);
    kubernetes.expect_look().returning(|_, _| Ok(Some(secret(&[("value", Some("countersign"))]))));
    kubernetes
        .expect_delete()
        .withf(|_, name, expected| name == "app" && *expected == written())
        .times(1)
        .returning(|_, _, _| Ok(()));
    assert_done(&undo(kubernetes, Was::Nothing, None).await.undone);
}

#[tokio::test]
async fn what_is_as_it_was_before_is_undone_already() {
    let answers = undo(holding(BEFORE), Was::ThisKey, Some(BEFORE)).await;
    assert!(matches!(answers.looked, ProbeOutcome::Done { .. }), "{:?}", answers.looked);
    for seen in [None, Some(secret(&[("other", None)]))] {
        let mut kubernetes = holding("");
        kubernetes.expect_look().returning(move |_, _| Ok(seen.clone()));
        let answers = undo(kubernetes, Was::Nothing, None).await;
        assert!(matches!(answers.looked, ProbeOutcome::Done { .. }), "{:?}", answers.looked);
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_since_is_left_alone() {
    for (was, kept) in [(Was::ThisKey, Some(BEFORE)), (Was::Nothing, None)] {
        let mut kubernetes = holding("somebody else's");
        kubernetes.expect_look().returning(|_, _| Ok(Some(secret(&[("value", Some("helm"))]))));
        let answers = undo(kubernetes, was, kept).await;
        let cannot = matches!(answers.looked, ProbeOutcome::CannotTell { retry: false, .. });
        assert!(cannot, "{was:?} {:?}", answers.looked);
        assert!(matches!(answers.undone, StepOutcome::Permanent { code: "target_conflict", .. }), "{was:?}");
    }
}

#[tokio::test]
async fn without_what_was_kept_nothing_is_touched() {
    let answers = undo(MockKubernetesSecrets::new(), Was::ThisKey, None).await;
    assert!(matches!(answers.looked, ProbeOutcome::CannotTell { retry: false, .. }));
    assert!(matches!(answers.undone, StepOutcome::Permanent { code: "undo_failed", .. }));
}

#[tokio::test]
async fn a_place_without_room_is_refused_before_anyone_is_asked() {
    for (count, refused) in [(99, false), (100, true)] {
        let mut github = MockGithubSecrets::new();
        github.expect_access().returning(|_| Ok(Access::Allowed));
        github.expect_look().returning(|_, _| Ok(None));
        github.expect_count().times(1).returning(move |_| Ok(count));
        let tool = tool_over(kubernetes_with(None), github);
        let call = call(json!({}));
        let observed = tool.observe(&caller(), &call).await;
        let code = tool.plan(&caller(), &call, &observed).err().map(|refusal| refusal.code);
        assert_eq!(code, refused.then_some("target_quota_exceeded"), "{count}");
    }
}
