//! What `explain` says.

use countersign_policy::{Answer, Lost};
use serde_json::json;

use crate::support::{cell, policy};

const RULES: &str = r#"grants:
  - { id: wide, match: { agent_key: "s*" }, approval: owner }
  - { id: narrow, match: { agent_key: sre, environment: [dev, staging] }, approval: delegated, delegates: [sre], quorum: 2 }
  - { id: other, match: { agent_key: dev }, approval: none }
  - { id: twin, match: { agent_key: sre, environment: [dev] }, approval: delegated, delegates: [sre], quorum: 2 }
guards:
  - { id: quick, match: { environment: dev }, decide_within: 10m }
  - { id: prod, match: { environment: production }, approval: deny }
"#;

#[test]
fn names_the_winner_the_guards_and_every_loser_with_its_reason() {
    let explained = policy(RULES).explain(&cell("shop sre run:ops full-env secret.sync.github_k8s sync dev"));
    let base = explained.base.as_ref().unwrap();
    assert_eq!((base.rule.to_string().as_str(), base.line), ("grant `narrow`", Some(14)));
    assert_eq!(explained.guards.iter().map(|guard| guard.id.as_str()).collect::<Vec<_>>(), ["quick"]);
    let losers: Vec<String> = explained
        .losers
        .iter()
        .map(|loser| {
            format!("{} {} line {}: {}: {}", loser.kind, loser.id, loser.line, loser.why.code(), loser.why)
        })
        .collect();
    assert_eq!(
        losers,
        [
            "grant twin line 16: same_effect: `narrow` says the same and comes first",
            "grant other line 15: no_match: agent_key is `sre`, not `dev`",
            "grant wide line 13: less_specific: `narrow` is more specific on agent_key",
            "guard prod line 19: no_match: environment is `dev`, not `production`",
        ]
    );
}

#[test]
fn a_missing_environment_is_said_to_be_missing() {
    let explained = policy(RULES).explain(&cell("shop sre run:ops full-env secret.sync.github_k8s sync -"));
    let quick = explained.losers.iter().find(|loser| loser.id.as_str() == "quick").unwrap();
    assert!(matches!(quick.why, Lost::NoMatch { found: None, .. }));
    assert_eq!(quick.why.to_string(), "there is no environment, not `dev`");
}

#[test]
fn json_holds_everything() {
    let policy = policy(RULES);
    let explained =
        policy.explain(&cell("shop sre run:ops full-env secret.sync.github_k8s sync dev")).to_json();
    assert_eq!(
        explained,
        json!({
            "policy_digest": policy.digest().to_string(),
            "cell": {
                "project": "shop", "agent_key": "sre", "run_label": "run:ops", "runtime_mode": "full-env",
                "tool": "secret.sync.github_k8s", "action": "sync", "environment": "dev",
            },
            "outcome": "allow",
            "terms": {
                "mode": "delegated", "deciders": ["sre"], "quorum": 2, "decide_within_ms": 600_000,
                "execute_within_ms": 900_000, "sole_owner": "deny", "on_run_end": "cancel",
            },
            "denied": null,
            "base": {
                "kind": "grant", "id": "narrow", "line": 14, "approval": "delegated", "delegates": ["sre"], "quorum": 2,
                "decide_within_ms": 3_600_000, "execute_within_ms": 900_000,
            },
            "guards": [{
                "id": "quick", "line": 18, "approval": null, "delegates": [], "quorum": null,
                "decide_within_ms": 600_000, "execute_within_ms": null,
            }],
            "losers": [
                { "kind": "grant", "id": "twin", "line": 16, "code": "same_effect", "reason": "`narrow` says the same and comes first" },
                { "kind": "grant", "id": "other", "line": 15, "code": "no_match", "reason": "agent_key is `sre`, not `dev`" },
                { "kind": "grant", "id": "wide", "line": 13, "code": "less_specific", "reason": "`narrow` is more specific on agent_key" },
                { "kind": "guard", "id": "prod", "line": 19, "code": "no_match", "reason": "environment is `dev`, not `production`" },
            ],
        })
    );
}

#[test]
fn a_refusal_says_who_refused() {
    let policy = policy(RULES);
    let guard =
        policy.explain(&cell("shop sre run:ops full-env secret.sync.github_k8s sync production")).to_json();
    assert_eq!(
        guard["denied"],
        json!({ "code": "policy_denied", "reason": "the guard `prod` denies it", "rule": "prod" })
    );
    assert_eq!((&guard["outcome"], &guard["terms"]), (&json!("deny"), &json!(null)));
    let unknown = policy.explain(&cell("nope sre run:ops full-env secret.sync.github_k8s sync dev"));
    assert!(unknown.base.is_none() && unknown.guards.is_empty() && unknown.losers.is_empty());
    let Answer::Deny { reason } = &unknown.answer else { panic!("{:?}", unknown.answer) };
    assert_eq!(reason.to_string(), "the policy knows no project `nope`");
}
