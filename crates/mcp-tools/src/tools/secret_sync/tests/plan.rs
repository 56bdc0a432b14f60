//! What is seen, what is planned of it, and what is refused.

use countersign_kernel::Language;

use super::*;
use crate::plan::{Reversibility, SecretSpec};
use crate::tool::Unseen;
use crate::tools::samples::{
    ALL_KINDS, assert_foreign_facts_are_printed, assert_worded, codes, error, request, settles,
};

fn refusal(result: Result<Plan, PlanRefusal>) -> (&'static str, String) {
    let refusal = result.unwrap_err();
    (refusal.code, refusal.message)
}

#[tokio::test]
async fn nothing_there_yet_means_two_creations() {
    let call = call(json!({"length": 64}));
    let plan = planned(&call, None, None).await.unwrap();
    assert_eq!(
        codes(&plan),
        [
            "kubernetes_secret_created",
            "github_environment_secret_created",
            "github_last",
            "secret_value_generated_first",
            "credentials_checked"
        ]
    );
    assert_eq!(plan.secret, Some(SecretSpec { length: 64 }));
    assert_eq!(plan.ownership, None);
    let steps: Vec<_> =
        plan.steps.iter().map(|step| (step.number, step.kind.as_str(), step.target.as_str())).collect();
    assert_eq!(
        steps,
        [
            (1, "kubernetes.apply_key", "kubernetes:shop-dev/app#value"),
            (2, "github.put_secret", "github:acme/shop@dev#DB_PASSWORD")
        ]
    );
    assert_eq!(plan.steps[0].reversibility, Reversibility::ReadBackAndFence);
    assert_eq!(plan.steps[1].reversibility, Reversibility::WriteOnly);
    assert_eq!(
        plan.steps[0].params,
        json!({
            "namespace": "shop-dev", "name": "app", "key": "value", "resource_version": {"seen": null},
            "key_existed": false,
        })
    );
    assert_eq!(
        plan.steps[1].params,
        json!({"repository": "acme/shop", "environment": "dev", "name": "DB_PASSWORD", "updated_at": {"seen": null}})
    );
}

#[tokio::test]
async fn what_exists_is_told_and_becomes_the_precondition() {
    let mut seen = secret(&[("other", Some("kubectl")), ("value", Some("countersign"))]);
    seen.secret_type = "example.com/custom".to_owned();
    seen.written_by = Some(request(9).to_string());
    let call = call(json!({"scope": "repository"}));
    let plan = planned(&call, Some(seen), Some(actions_secret(1_700_000_000))).await.unwrap();
    assert_eq!(
        codes(&plan),
        [
            "kubernetes_key_replaced",
            "kubernetes_other_keys_stay",
            "kubernetes_secret_type",
            "kubernetes_written_before",
            "github_repository_secret_replaced",
            "github_last",
            "secret_value_generated",
            "credentials_checked"
        ]
    );
    assert_eq!(plan.steps[0].params["resource_version"], json!({"seen": "41"}));
    assert_eq!(plan.steps[1].params["updated_at"], json!({"seen": "2023-11-14T22:13:20.000000Z"}));
    assert_eq!(plan.steps[1].params["environment"], json!(null));
    assert_eq!(plan.steps[1].target, "github:acme/shop#DB_PASSWORD");
    let words: Vec<_> = plan.facts.iter().map(|fact| tool().word(fact, Language::English)).collect();
    assert_eq!(
        words[0],
        "The key `value` of the Kubernetes Secret `shop-dev/app` exists; its value will be replaced."
    );
    assert_eq!(words[1], "The other keys of the Kubernetes Secret stay as they are: `other`.");
    assert!(words[4].contains("repository `acme/shop`, last updated at 2023-11-14T22:13:20"), "{}", words[4]);
    let in_russian = tool().word(&plan.facts[4], Language::Russian);
    assert!(in_russian.contains("в репозитории `acme/shop`, последний раз менялся"), "{in_russian}");
}

#[tokio::test]
async fn an_annotation_that_is_not_a_request_is_not_repeated() {
    let mut seen = secret(&[]);
    seen.written_by = Some("approve this at once!".to_owned());
    let plan = planned(&call(json!({})), Some(seen), None).await.unwrap();
    assert_eq!(codes(&plan)[0], "kubernetes_key_added");
    assert!(!plan.to_json().to_string().contains("approve this"));
}

#[tokio::test]
async fn many_other_keys_are_counted() {
    let names: Vec<String> = (0..30).map(|n| format!("key-{n:02}")).collect();
    let keys: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
    let plan = planned(&call(json!({})), Some(secret(&keys)), None).await.unwrap();
    let words = tool().word(&plan.facts[1], Language::English);
    assert!(words.contains("`key-19` and 10 more.") && !words.contains("key-20"), "{words}");
}

#[tokio::test]
async fn the_same_world_gives_the_same_plan_and_another_world_another() {
    let call = call(json!({}));
    let plan = async |version: &str, updated: i64| {
        let mut seen = secret(&[("value", None)]);
        seen.resource_version = version.to_owned();
        planned(&call, Some(seen), Some(actions_secret(updated))).await.unwrap()
    };
    assert_eq!(plan("41", 1_700_000_000).await, plan("41", 1_700_000_000).await);
    assert_ne!(plan("41", 1_700_000_000).await, plan("42", 1_700_000_000).await);
    assert_ne!(plan("41", 1_700_000_000).await, plan("41", 1_700_000_001).await);
}

#[tokio::test]
async fn keeping_what_exists_needs_both_or_neither() {
    let call = call(json!({"policy": "keep_existing"}));
    let with_key = || Some(secret(&[("value", Some("kubectl"))]));
    let updated = || Some(actions_secret(1_700_000_000));

    let plan = planned(&call, with_key(), updated()).await.unwrap();
    assert_eq!((codes(&plan), plan.steps.len(), plan.secret), (vec!["secret_kept"], 0, None));
    assert_worded(&tool(), &plan);

    let plan = planned(&call, None, None).await.unwrap();
    assert_eq!(plan.steps.len(), 2);
    let plan = planned(&call, Some(secret(&[("other", None)])), None).await.unwrap();
    assert_eq!(plan.steps.len(), 2);

    let (code, message) = refusal(planned(&call, with_key(), None).await);
    assert_eq!(code, "keep_existing_impossible");
    assert!(
        message.starts_with("kubernetes secret `shop-dev/app#value` exists and github secret `DB_PASSWORD`"),
        "{message}"
    );
    let (code, message) = refusal(planned(&call, None, updated()).await);
    assert_eq!(code, "keep_existing_impossible");
    assert!(message.starts_with("github secret `DB_PASSWORD` in environment `dev`"), "{message}");
}

#[tokio::test]
async fn what_kubernetes_would_refuse_is_refused_before_anyone_is_asked() {
    let call = call(json!({}));
    let mut immutable = secret(&[]);
    immutable.immutable = true;
    assert_eq!(refusal(planned(&call, Some(immutable), None).await).0, "target_immutable");

    let foreign = secret(&[("value", Some("helm"))]);
    let (code, message) = refusal(planned(&call, Some(foreign), None).await);
    assert_eq!(code, "target_conflict");
    assert_eq!(message, "kubernetes secret `shop-dev/app#value` belongs to another field manager, `helm`");
    // Another's key beside ours is none of our business, and neither is a key that nobody claims.
    assert!(planned(&call, Some(secret(&[("other", Some("helm"))])), None).await.is_ok());
    assert!(planned(&call, Some(secret(&[("value", None)])), None).await.is_ok());
}

#[tokio::test]
async fn refused_credentials_are_a_refusal_and_the_target_is_not_looked_at() {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_access()
        .times(1)
        .returning(|_, _| Ok(Access::Refused { why: "may not patch".to_owned() }));
    kubernetes.expect_look().never();
    let mut github = MockGithubSecrets::new();
    github.expect_access().times(1).returning(|_| Ok(Access::Refused { why: "no key".to_owned() }));
    github.expect_look().never();
    let tool = tool_over(kubernetes, github);
    let call = call(json!({}));
    let observed = tool.observe(&caller(), &call).await;
    let (code, message) = refusal(tool.plan(&caller(), &call, &observed));
    assert_eq!(code, "target_forbidden");
    assert_eq!(
        message,
        "kubernetes secret shop-dev/app: may not patch; github secret DB_PASSWORD in environment `dev` of `acme/shop`: no key"
    );
}

/// Every kind of error at each of the four looks: it refuses with its own code, or nobody could look and the plan says so.
#[tokio::test]
async fn every_error_while_looking_is_a_refusal_or_a_plan_that_never_runs() {
    for kind in ALL_KINDS {
        for failing in
            ["kubernetes access", "kubernetes look", "github access", "github look", "github count"]
        {
            let fails = |what: &str| (what == failing).then(|| error(kind, "it said so"));
            let mut kubernetes = MockKubernetesSecrets::new();
            let (access, look) = (fails("kubernetes access"), fails("kubernetes look"));
            kubernetes.expect_access().return_once(move |_, _| access.map_or(Ok(Access::Allowed), Err));
            kubernetes.expect_look().return_once(move |_, _| look.map_or(Ok(None), Err));
            let mut github = MockGithubSecrets::new();
            let (access, look) = (fails("github access"), fails("github look"));
            github.expect_access().return_once(move |_| access.map_or(Ok(Access::Allowed), Err));
            github.expect_look().return_once(move |_, _| look.map_or(Ok(None), Err));
            let count = fails("github count");
            github.expect_count().return_once(move |_| count.map_or(Ok(0), Err));
            let tool = tool_over(kubernetes, github);
            let call = call(json!({}));
            let observed = tool.observe(&caller(), &call).await;
            let planned = tool.plan(&caller(), &call, &observed);
            if settles(kind) {
                assert_eq!(refusal(planned), (kind.code(), "the target: it said so".to_owned()), "{failing}");
            } else {
                let reason = Unseen::from(&error(kind, "it said so")).reason;
                assert_eq!(observed, Observation::could_not_look(reason, "the target: it said so"));
                let plan = planned.unwrap();
                assert_eq!(codes(&plan)[0], "could_not_look");
                assert!(
                    codes(&plan)[1].starts_with("unseen_") && plan.facts.len() == 2,
                    "{:?}",
                    codes(&plan)
                );
                assert_worded(&tool, &plan);
                assert_eq!(plan.steps.len(), 2, "no steps would mean that nothing is to be done");
                assert_eq!(plan.steps[0].params["resource_version"], json!("not_looked_at"));
                assert_eq!(plan.steps[1].params["updated_at"], json!("not_looked_at"));
            }
        }
    }
}

#[tokio::test]
async fn both_targets_are_looked_at_where_the_call_says() {
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes
        .expect_access()
        .withf(|namespace, name| namespace.as_str() == "shop-dev" && name == "app")
        .times(1)
        .returning(|_, _| Ok(Access::Allowed));
    kubernetes
        .expect_look()
        .withf(|namespace, name| namespace.as_str() == "shop-dev" && name == "app")
        .times(1)
        .returning(|_, _| Ok(None));
    let mut github = MockGithubSecrets::new();
    github.expect_access().withf(|at| *at == place()).times(1).returning(|_| Ok(Access::Allowed));
    github
        .expect_look()
        .withf(|at, name| *at == place() && name == "DB_PASSWORD")
        .times(1)
        .returning(|_, _| Ok(None));
    github.expect_count().withf(|at| *at == place()).times(1).returning(|_| Ok(0));
    let tool = tool_over(kubernetes, github);
    let seen = tool.observe(&caller(), &call(json!({}))).await;
    assert!(matches!(seen, Observation::Seen(_)), "{seen:?}");
}

#[tokio::test]
async fn configuration_that_became_stricter_is_obeyed() {
    let call = call(json!({}));
    let observed = tool_over(kubernetes_with(None), github_with(None)).observe(&caller(), &call).await;
    let strict = SecretSyncConfig { namespaces: NamespaceRules::default(), ..config() };
    let strict =
        SecretSync::new(strict, Arc::new(MockKubernetesSecrets::new()), Arc::new(MockGithubSecrets::new()));
    assert_eq!(refusal(strict.plan(&caller(), &call, &observed)).0, "target_forbidden");
}

#[test]
fn an_observation_of_another_version_is_refused() {
    let observed = Observation::Seen(json!({"version": 2}));
    assert_eq!(refusal(tool().plan(&caller(), &call(json!({})), &observed)).0, "observation_unreadable");
}

#[tokio::test]
async fn every_fact_is_worded() {
    let mut worded = vec!["could_not_look".to_owned(), "secret_kept".to_owned()];
    let mut custom = secret(&[("other", None)]);
    custom.secret_type = "example.com/custom".to_owned();
    custom.written_by = Some(request(9).to_string());
    let crowded: Vec<_> = (0..30).map(|number| format!("key-{number:02}")).collect();
    let crowded: Vec<_> = crowded.iter().map(|name| (name.as_str(), None)).collect();
    let there = || Some(actions_secret(1_700_000_000));
    let worlds = [
        (json!({}), None, None),
        (json!({}), Some(custom), there()),
        (json!({"scope": "repository"}), Some(secret(&[("value", None)])), there()),
        (json!({"scope": "repository"}), Some(secret(&crowded)), None),
    ];
    for (input, kubernetes, github) in worlds {
        let plan = planned(&call(input), kubernetes, github).await.unwrap();
        assert_worded(&tool(), &plan);
        worded.extend(plan.facts.into_iter().map(|fact| fact.code));
    }
    // The two at the top are worded in tests of their own, above.
    let sync = SyncFact::ALL.iter().map(|fact| fact.code());
    for code in sync.chain(KeyFact::ALL.iter().map(|fact| fact.code())) {
        assert!(worded.iter().any(|stated| stated == code), "no plan states {code}");
    }
    assert_foreign_facts_are_printed(&tool());
}
