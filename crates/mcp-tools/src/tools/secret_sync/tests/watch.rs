//! What is noticed when somebody writes past us, and what isn't ours to notice.

use super::*;
use crate::ports::TargetErrorKind;
use crate::tools::samples::{ALL_KINDS, done, error, request};
use crate::watch::{Deviation, Explanation, Inspection};

const DONE_AT: i64 = 1_700_000_200;

fn kubernetes_receipt() -> Value {
    json!({
        "kubernetes_ref": "shop-dev/app#value", "namespace": "shop-dev", "name": "app", "key": "value",
        "resource_version": "42", "uid": "uid-1",
    })
}

fn github_receipt(updated_at: Option<i64>) -> Value {
    json!({
        "github_ref": "acme/shop@dev#DB_PASSWORD", "repository": "acme/shop", "environment": "dev",
        "name": "DB_PASSWORD", "created": false, "updated_at": updated_at.map(|secs| at(secs).to_string()),
    })
}

/// The Secret as the write left it, with another resource version.
fn touched() -> SecretSeen {
    let mut seen = secret(&[("other", Some("helm")), ("value", Some("countersign"))]);
    seen.resource_version = "50".to_owned();
    seen.written_by = Some(request(1).to_string());
    seen.keys[1].changed_at = Some(at(DONE_AT - 1));
    seen
}

async fn inspected(
    step: usize,
    kubernetes: MockKubernetesSecrets,
    github: MockGithubSecrets,
    receipt: &Value,
) -> Inspection {
    let call = call(json!({}));
    let seen = secret(&[("value", Some("countersign"))]);
    let plan = planned(&call, Some(seen), Some(actions_secret(1_700_000_000))).await.unwrap();
    tool_over(kubernetes, github).inspect(done(&call, &plan, step, receipt)).await
}

async fn key(seen: Option<SecretSeen>) -> Inspection {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_look()
        .withf(|namespace, name| namespace.as_str() == "shop-dev" && name == "app")
        .times(1)
        .return_once(move |_, _| Ok(seen));
    inspected(0, kubernetes, MockGithubSecrets::new(), &kubernetes_receipt()).await
}

async fn actions(seen: Option<GithubSecretSeen>, receipt: &Value) -> Inspection {
    let mut github = MockGithubSecrets::new();
    github
        .expect_look()
        .withf(|at, name| *at == place() && name == "DB_PASSWORD")
        .times(1)
        .return_once(move |_, _| Ok(seen));
    inspected(1, MockKubernetesSecrets::new(), github, receipt).await
}

fn found(inspection: Inspection) -> (Deviation, Value, Explanation) {
    match inspection {
        Inspection::Changed { finding, unless } => (finding.deviation, finding.seen, unless),
        other => panic!("{other:?}"),
    }
}

fn with(change: impl FnOnce(&mut SecretSeen)) -> Option<SecretSeen> {
    let mut seen = touched();
    change(&mut seen);
    Some(seen)
}

#[tokio::test]
async fn a_key_that_is_as_it_was_left_is_no_finding() {
    let same_version = with(|seen| {
        seen.resource_version = "42".to_owned();
        seen.written_by = None;
    });
    assert_eq!(key(same_version).await, Inspection::AsLeft);
    assert_eq!(key(Some(touched())).await, Inspection::AsLeft, "others may write other things");
    let clocks_differ = with(|seen| seen.keys[1].changed_at = Some(at(DONE_AT + 60)));
    assert_eq!(key(clocks_differ).await, Inspection::AsLeft);
}

#[tokio::test]
async fn every_way_of_writing_past_us_in_kubernetes_is_a_finding() {
    use Deviation::{Removed, Replaced, Rewritten, Unmarked};
    use Explanation::{LaterWriteToObject, Nothing};
    let late = DONE_AT + 61;
    let table = [
        (None, (Removed, json!({"secret": false}), Nothing)),
        (with(|seen| seen.uid = "uid-2".to_owned()), (Replaced, json!({"uid": "uid-2"}), Nothing)),
        (with(|seen| drop(seen.keys.remove(1))), (Removed, json!({"secret": true, "key": false}), Nothing)),
        (
            with(|seen| {
                seen.keys[1].manager = Some("kubectl-edit".to_owned());
                seen.keys[1].changed_at = Some(at(DONE_AT + 5));
            }),
            (Rewritten, json!({"manager": "kubectl-edit", "at": at(DONE_AT + 5).to_string()}), Nothing),
        ),
        (
            with(|seen| seen.keys[1].manager = None),
            (Rewritten, json!({"manager": null, "at": at(DONE_AT - 1).to_string()}), Nothing),
        ),
        (with(|seen| seen.written_by = None), (Unmarked, json!({"request": null}), Nothing)),
        (
            with(|seen| seen.written_by = Some(request(2).to_string())),
            (Unmarked, json!({"request": request(2).to_string()}), LaterWriteToObject),
        ),
        (
            with(|seen| seen.written_by = Some("<b>me</b>".to_owned())),
            (Unmarked, json!({"request": "something else"}), LaterWriteToObject),
        ),
        (
            with(|seen| seen.keys[1].changed_at = Some(at(late))),
            (Rewritten, json!({"manager": "countersign", "at": at(late).to_string()}), LaterWriteToObject),
        ),
    ];
    for (seen, expected) in table {
        assert_eq!(found(key(seen).await), expected);
    }
}

#[tokio::test]
async fn what_a_field_manager_is_called_is_shown_with_care() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let seen = with(|seen| seen.keys[1].manager = Some(format!("a\n{token} {}", "x".repeat(200))));
    let (_, seen, _) = found(key(seen).await);
    let manager = seen["manager"].as_str().unwrap();
    assert!(!manager.contains(token) && !manager.contains('\n') && manager.len() < 140, "{manager}");
}

#[tokio::test]
async fn an_actions_secret_is_judged_by_when_it_was_last_updated() {
    use Deviation::{Removed, Rewritten};
    let wrote = github_receipt(Some(1_700_000_150));
    assert_eq!(actions(Some(actions_secret(1_700_000_150)), &wrote).await, Inspection::AsLeft);
    let (deviation, seen, unless) = found(actions(Some(actions_secret(1_700_000_151)), &wrote).await);
    assert_eq!((deviation, unless), (Rewritten, Explanation::Nothing));
    assert_eq!(seen["updated_at"], at(1_700_000_151).to_string());
    assert_eq!(found(actions(None, &wrote).await).0, Removed);

    let unread = github_receipt(None);
    assert_eq!(actions(Some(actions_secret(DONE_AT + 60)), &unread).await, Inspection::AsLeft);
    assert_eq!(found(actions(Some(actions_secret(DONE_AT + 61)), &unread).await).0, Rewritten);
}

#[tokio::test]
async fn a_target_that_does_not_answer_gives_no_finding() {
    for kind in ALL_KINDS {
        let (mut kubernetes, mut github) = (MockKubernetesSecrets::new(), MockGithubSecrets::new());
        kubernetes.expect_look().times(1).returning(move |_, _| Err(error(kind, "it said so")));
        github.expect_look().times(1).returning(move |_, _| Err(error(kind, "it said so")));
        let (left, wrote) = (kubernetes_receipt(), github_receipt(None));
        let why = "the target: it said so".to_owned();
        let away = Inspection::CouldNotLook { why };
        let key = inspected(0, kubernetes, MockGithubSecrets::new(), &left).await;
        if kind == TargetErrorKind::NotFound {
            assert_eq!(found(key).0, Deviation::Removed, "the namespace is gone");
        } else {
            assert_eq!(key, away, "{kind:?}");
        }
        // GitHub says that too when our token lost its rights.
        assert_eq!(inspected(1, MockKubernetesSecrets::new(), github, &wrote).await, away, "{kind:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_is_not_understood_is_not_watched() {
    let untouched = || (MockKubernetesSecrets::new(), MockGithubSecrets::new());
    for step in [0, 1] {
        let (kubernetes, github) = untouched();
        assert_eq!(inspected(step, kubernetes, github, &json!({"v": 2})).await, Inspection::NotWatched);
    }
}
