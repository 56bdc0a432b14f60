//! Every answer of the target, as the kind the port has for it; and never a second attempt.

use countersign_kernel::Millis;
use countersign_mcp_tools::StepOutcome;
use countersign_mcp_tools::ports::{GithubSecrets as _, TargetErrorKind};
use countersign_simulators::{Behaviour, GithubChange};

use crate::support::{KEY, SECRETS, TOKEN, adapter, github, in_repository, sent, value};

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
        (Behaviour::status_retry_after(403, 60), limited(Some(60)), Means::Later),
        (Behaviour::status(404), TargetErrorKind::NotFound, Means::Never),
        (Behaviour::status(409), TargetErrorKind::Conflict, Means::Never),
        (Behaviour::status(422), TargetErrorKind::Invalid, Means::Never),
        (Behaviour::status(429), limited(None), Means::Later),
        (Behaviour::status_retry_after(429, 7), limited(Some(7)), Means::Later),
        (Behaviour::status(500), TargetErrorKind::Broken, Means::Unclear),
        (Behaviour::status(503), TargetErrorKind::Broken, Means::Unclear),
        (Behaviour::DropBeforeHandling, TargetErrorKind::NoAnswer, Means::Unclear),
        (Behaviour::Hang { for_ms: 5_000 }, TargetErrorKind::NoAnswer, Means::Unclear),
    ]
}

#[tokio::test]
async fn each_refusal_of_a_write_has_its_kind_and_is_not_tried_again() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    for (n, (behaviour, kind, meaning)) in (1..).zip(cases()) {
        github.fail_next("PUT", TOKEN, behaviour.clone());
        let error = adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{behaviour:?}: {error}");
        assert_eq!(error.target, "github secret API_TOKEN in repository `acme/shop`");
        assert_eq!(means(&error.into_step_outcome()), meaning, "{behaviour:?}");
        assert_eq!(sent(&github, "PUT"), n, "{behaviour:?}");
    }
    assert!(github.journal().is_empty());
}

#[tokio::test]
async fn a_reply_cut_after_the_write_is_unclear_and_the_value_is_there() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    for behaviour in [Behaviour::DropAfterHandling, Behaviour::HangAfterHandling { for_ms: 5_000 }] {
        let text = format!("{behaviour:?}");
        github.fail_next("PUT", TOKEN, behaviour);
        let error = adapter.put(&in_repository(), "API_TOKEN", &value(&text)).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::NoAnswer, "{error}");
        assert_eq!(github.secrets("acme/shop", None).unwrap()["API_TOKEN"], text.as_bytes());
    }
    assert_eq!(github.journal().len(), 2);
}

#[tokio::test]
async fn a_write_whose_key_was_not_read_was_not_sent() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    for (behaviour, kind, _) in cases() {
        github.fail_next("GET", KEY, behaviour.clone());
        let error = adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap_err();
        let expected = match kind {
            TargetErrorKind::NoAnswer | TargetErrorKind::Broken => TargetErrorKind::Unreachable,
            other => other,
        };
        assert_eq!(error.kind, expected, "{behaviour:?}: {error}");
    }
    assert_eq!(sent(&github, "PUT"), 0);
}

#[tokio::test]
async fn each_refusal_of_a_look_has_its_kind() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    for (behaviour, kind, _) in cases().into_iter().filter(|(_, kind, _)| *kind != TargetErrorKind::NotFound)
    {
        github.fail_next("GET", TOKEN, behaviour.clone());
        let error = adapter.look(&in_repository(), "API_TOKEN").await.unwrap_err();
        assert_eq!(error.kind, kind, "{behaviour:?}: {error}");
    }
    // A success that holds something else.
    github.fail_next("GET", TOKEN, Behaviour::status(200));
    let error = adapter.look(&in_repository(), "API_TOKEN").await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Broken);
    // The secret is not there, and whether the place is can't be told.
    github.fail_next("GET", KEY, Behaviour::DropBeforeHandling);
    let error = adapter.look(&in_repository(), "API_TOKEN").await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NoAnswer);
}

#[tokio::test]
async fn a_key_rotated_in_the_last_moment_writes_nothing_and_may_be_tried_again() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    github.fail_next("PUT", &format!("{SECRETS}/*"), Behaviour::Delay { for_ms: 200 });
    let (place, secret) = (in_repository(), value("value"));
    let write = adapter.put(&place, "API_TOKEN", &secret);
    let rotate = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        github.set(GithubChange::RotateKey { repository: "acme/shop".into(), environment: None }).unwrap();
    };
    let (outcome, ()) = tokio::join!(write, rotate);
    let error = outcome.unwrap_err();
    assert_eq!(error.message, "nothing was written, the public key of the place was replaced meanwhile");
    assert_eq!(means(&error.into_step_outcome()), Means::Later);
    assert!(github.secrets("acme/shop", None).unwrap().is_empty());
}

#[tokio::test]
async fn a_spent_hour_says_when_it_ends() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    github.set(GithubChange::SetRemaining { login: "countersign".into(), remaining: 0 }).unwrap();
    let error = adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap_err();
    let TargetErrorKind::RateLimited { retry_after: Some(wait) } = error.kind else {
        panic!("not a limit with an end: {error:?}");
    };
    assert!((3_590_000..=3_601_000).contains(&wait.0), "{wait:?}");
}

#[tokio::test]
async fn a_server_that_is_down_was_never_sent_anything() {
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap();
    github.stop().await;
    let error = adapter.put(&in_repository(), "API_TOKEN", &value("value")).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("onnection refused"), "{error}");
    assert_eq!(adapter.check_credentials().await.unwrap_err().kind, TargetErrorKind::Unreachable);
}
