//! Every answer of the target, as the kind the port has for it; and never a second attempt.

use countersign_kernel::Millis;
use countersign_mcp_tools::StepOutcome;
use countersign_mcp_tools::ports::{KubernetesSecrets as _, TargetErrorKind};
use countersign_simulators::Behaviour;

use crate::support::{APP, adapter, apply, cluster, held, namespace, pairs, sent};

#[derive(Debug, PartialEq)]
enum Means {
    Later,
    Never,
    Unclear,
}

fn means(outcome: &StepOutcome) -> Means {
    match outcome {
        StepOutcome::Transient { .. } => Means::Later,
        StepOutcome::Permanent { .. } => Means::Never,
        StepOutcome::Unclear { .. } => Means::Unclear,
        StepOutcome::Done { .. } => panic!("it was not done"),
    }
}

fn cases() -> Vec<(Behaviour, TargetErrorKind, Means)> {
    let limited =
        |seconds: Option<u64>| TargetErrorKind::RateLimited { retry_after: seconds.map(Millis::from_secs) };
    vec![
        (Behaviour::status(400), TargetErrorKind::Invalid, Means::Never),
        (Behaviour::status(401), TargetErrorKind::Unauthorized, Means::Never),
        (Behaviour::status(403), TargetErrorKind::Forbidden, Means::Never),
        (Behaviour::status(404), TargetErrorKind::NotFound, Means::Never),
        (Behaviour::status(409), TargetErrorKind::Conflict, Means::Never),
        (Behaviour::status(422), TargetErrorKind::Invalid, Means::Never),
        (Behaviour::status(429), limited(None), Means::Later),
        (Behaviour::status_retry_after(429, 7), limited(Some(7)), Means::Later),
        (Behaviour::status(500), TargetErrorKind::Broken, Means::Unclear),
        (Behaviour::status_retry_after(503, 1), TargetErrorKind::Broken, Means::Unclear),
        (Behaviour::status(504), TargetErrorKind::Broken, Means::Unclear),
        (Behaviour::DropBeforeHandling, TargetErrorKind::NoAnswer, Means::Unclear),
        (Behaviour::Hang { for_ms: 5_000 }, TargetErrorKind::NoAnswer, Means::Unclear),
    ]
}

#[tokio::test]
async fn each_refusal_of_a_write_has_its_kind_and_is_not_tried_again() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    for (n, (behaviour, kind, meaning)) in (1..).zip(cases()) {
        cluster.fail_next("PATCH", APP, behaviour.clone());
        let error = apply(&adapter, "value", "1", None).await.unwrap_err();
        assert_eq!(error.kind, kind, "{behaviour:?}: {error}");
        assert_eq!(error.target, "kubernetes secret shop-dev/app");
        assert_eq!(means(&error.into_step_outcome()), meaning, "{behaviour:?}");
        assert_eq!(sent(&cluster, "PATCH"), n, "{behaviour:?}");
    }
    assert!(cluster.journal().is_empty());
}

#[tokio::test]
async fn a_reply_cut_after_the_write_is_unclear_and_the_value_is_there() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    for behaviour in [Behaviour::DropAfterHandling, Behaviour::HangAfterHandling { for_ms: 5_000 }] {
        let version = adapter.look(&namespace(), "app").await.unwrap().map(|seen| seen.resource_version);
        let text = format!("{behaviour:?}");
        cluster.fail_next("PATCH", APP, behaviour);
        let error = apply(&adapter, "value", &text, version.as_deref()).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::NoAnswer, "{error}");
        assert_eq!(held(&cluster), pairs(&[("value", &text)]));
    }
    assert_eq!(cluster.journal().len(), 2);
}

#[tokio::test]
async fn a_write_whose_reading_before_failed_was_not_sent() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let version = apply(&adapter, "value", "1", None).await.unwrap().resource_version;
    for (behaviour, kind, _) in cases() {
        cluster.fail_next("GET", APP, behaviour.clone());
        let error = apply(&adapter, "value", "2", Some(&version)).await.unwrap_err();
        let expected = match kind {
            TargetErrorKind::NoAnswer | TargetErrorKind::Broken => TargetErrorKind::Unreachable,
            // Reading says 404: the Secret that was looked at is gone.
            TargetErrorKind::NotFound => TargetErrorKind::Conflict,
            other => other,
        };
        assert_eq!(error.kind, expected, "{behaviour:?}: {error}");
    }
    assert_eq!((sent(&cluster, "PATCH"), held(&cluster)), (1, pairs(&[("value", "1")])));
}

#[tokio::test]
async fn each_refusal_of_a_look_has_its_kind() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    for (behaviour, kind, _) in cases().into_iter().filter(|(_, kind, _)| *kind != TargetErrorKind::NotFound)
    {
        cluster.fail_next("GET", APP, behaviour.clone());
        let error = adapter.look(&namespace(), "app").await.unwrap_err();
        assert_eq!(error.kind, kind, "{behaviour:?}: {error}");
    }
    // A success that holds something else.
    cluster.fail_next("GET", APP, Behaviour::status(200));
    let error = adapter.look(&namespace(), "app").await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Broken);
    assert!(error.message.starts_with("answered 200 with something else than expected"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_down_was_never_sent_anything() {
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    apply(&adapter, "value", "1", None).await.unwrap();
    cluster.stop().await;
    // Over the idle connection of before, or a new one: nobody is there to take it.
    let error = apply(&adapter, "value", "1", None).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("onnection refused"), "{error}");
    assert_eq!(means(&error.into_step_outcome()), Means::Later);
    assert_eq!(adapter.server_version().await.unwrap_err().kind, TargetErrorKind::Unreachable);
}
