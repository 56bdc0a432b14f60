//! What is odd but not wrong. The place is marked by `¦` in the text, just before the word that is meant.

use crate::support::{GROUND, expected, text, warnings};

fn assert_text_warnings(marked: &str, messages: &[&str]) {
    let (plain, listed) = expected(marked, messages);
    assert_eq!(warnings(&plain), listed, "\n{plain}");
}

fn assert_warnings(marked_rules: &str, messages: &[&str]) {
    assert_text_warnings(&text(marked_rules), messages);
}

#[test]
fn a_sensible_text_has_none() {
    assert_warnings(
        r#"grants:
  - { id: a, match: { agent_key: sre, environment: [dev, staging] }, approval: delegated, delegates: [sre] }
  - { id: b, match: { agent_key: sre, environment: production }, approval: owner }
  - { id: e, match: { agent_key: dev, environment: dev }, approval: owner }
  - { id: f, match: { agent_key: dev, environment: staging }, approval: owner }
  - { id: g, match: { agent_key: qa, environment: staging }, approval: owner }
  - { id: c, match: { tool: owner.feedback.request }, approval: delegated, delegates: [sre] }
guards:
  - { id: d, match: { runtime_mode: code-only, action: [create, delete] }, approval: deny }
"#,
        &[],
    );
}

#[test]
fn grants_that_a_guard_denies_everywhere() {
    assert_warnings(
        r#"grants:
  - { id: ¦a, match: { run_label: "run:ops*", action: [create, delete], environment: dev }, approval: none }
  - { id: b, match: { run_label: "run:ops*", action: [create, describe] }, approval: none }
  - { id: c, match: { run_label: "run:ops*", action: create }, approval: deny }
guards:
  - { id: d, match: { run_label: "run:*", tool: database.lifecycle, action: [create, delete] }, approval: deny }
"#,
        &["grant `a` has no effect: guard `d` (line 17) denies all that it matches"],
    );
    // Environment by environment isn't everywhere: a call may have none.
    assert_warnings(
        r#"grants:
  - { id: a, match: { agent_key: a }, approval: none }
guards:
  - { id: d, match: { environment: [dev, staging, production] }, approval: deny }
"#,
        &[],
    );
}

#[test]
fn grants_that_a_more_specific_one_beats_everywhere() {
    assert_warnings(
        r#"grants:
  - { id: ¦wide,   match: { project: "sh*", agent_key: sre, environment: dev }, approval: none }
  - { id: narrow, match: { project: shop, agent_key: [sre, dev] }, approval: owner }
  - { id: apart,  match: { project: "sh*", agent_key: qa }, approval: none }
"#,
        &[
            "grant `wide` never wins: grant `narrow` (line 14) is more specific and matches all that it matches",
        ],
    );
}

#[test]
fn grants_that_tie_and_agree() {
    assert_warnings(
        r#"grants:
  - { id: a, match: { agent_key: [a, b] }, approval: none }
  - { id: ¦b, match: { agent_key: [b, c] }, approval: none, quorum: 1, decide_within: 60m }
"#,
        &["grant `b` overlaps `a` (line 13), is as specific and says the same"],
    );
}

#[test]
fn values_and_globs_that_nothing_has() {
    assert_warnings(
        r#"guards:
  - { id: a, match: { environment: ¦prodution }, approval: deny }
  - { id: b, match: { environment: [dev, ¦qa] }, approval: deny }
  - { id: c, match: { project: ¦"x*" }, approval: deny }
  - { id: d, match: { tool: ¦"x*", action: create }, approval: deny }
  - { id: e, match: { tool: "owner.*", action: ¦"s*" }, approval: deny }
  - { id: f, match: { runtime_mode: ¦"x*" }, approval: deny }
  - { id: g, match: { project: lab, environment: ¦"s*" }, approval: deny }
"#,
        &[
            "no project has the environment `prodution`: did you mean `production`?",
            "no project has the environment `qa`: expected one of `dev`, `production`, `staging`",
            "the glob `x*` matches no project that exists, so the rule never applies",
            "the glob `x*` matches no tool that exists, so the rule never applies",
            "the glob `s*` matches no action that exists, so the rule never applies",
            "the glob `x*` matches no runtime_mode that exists, so the rule never applies",
            "the glob `s*` matches no environment that exists, so the rule never applies",
        ],
    );
}

#[test]
fn questions_in_an_environment() {
    assert_warnings(
        "guards:\n  - { id: ¦a, match: { tool: owner.feedback.request, environment: dev }, approval: deny }\n",
        &["guard `a` never applies: a question has no environment"],
    );
}

#[test]
fn words_that_come_twice() {
    let ground =
        GROUND.replace("\"user:github:amir\"]", "\"user:github:amir\", ¦\"user:github:alice\"]").replace(
            "environments: [dev, staging, production]",
            "environments: [dev, staging, production, ¦dev]",
        );
    let rules = "guards:\n  - { id: a, match: { agent_key: [a, b, ¦a] }, approval: delegated, delegates: [sre, ¦sre] }\n";
    assert_text_warnings(
        &format!("{ground}{rules}"),
        &[
            "`user:github:alice` is listed twice in `shop-owners`",
            "`dev` is listed twice in `environments`",
            "`a` is listed twice in `agent_key`",
            "`sre` is listed twice in `delegates`",
        ],
    );
}

#[test]
fn quorums_that_some_project_cannot_meet() {
    let alone = "a quorum of 2 can't be met in project `lab`: its owners are 1 person";
    assert_warnings("grants:\n  - { id: a, match: {}, approval: owner, quorum: ¦2 }\n", &[alone]);
    let lab = "guards:\n  - { id: a, match: { project: lab }, approval: owner, quorum: ¦2 }\n";
    assert_warnings(lab, &[alone]);
    let shop = "guards:\n  - { id: a, match: { environment: staging }, approval: owner, quorum: 2 }\n";
    assert_warnings(shop, &[]);
    assert_text_warnings(&GROUND.replace("quorum: 1", "quorum: ¦2"), &[alone]);
}

#[test]
fn a_quorum_is_not_doubted_where_nobody_can_count_the_people() {
    let ground = GROUND.replace(r#"["user:github:lea"]"#, r#"["group:corp:lab"]"#);
    assert_text_warnings(&ground.replace("quorum: 1", "quorum: 2"), &[]);
    let rules =
        "grants:\n  - { id: a, match: {}, approval: delegated, delegates: [lab-owners], quorum: 9 }\n";
    assert_text_warnings(&format!("{ground}{rules}"), &[]);
}

#[test]
fn a_quorum_does_not_reach_questions() {
    // Neither the default quorum nor one of a rule for several tools makes two grants differ about a question, or lack people for it.
    let rules = r#"grants:
  - { id: a, match: { agent_key: sre, tool: owner.feedback.request }, approval: delegated, delegates: [lab-owners] }
  - { id: b, match: { agent_key: [dev], tool: "owner.*" }, approval: owner, quorum: 2 }
  - { id: ¦c, match: { agent_key: [dev], tool: "mcp_*" }, approval: owner, quorum: 1 }
"#;
    assert_text_warnings(
        &text(rules).replace("15m, quorum: 1", "15m, quorum: ¦2"),
        &[
            "a quorum of 2 can't be met in project `lab`: its owners are 1 person",
            "grant `c` overlaps `b` (line 14), is as specific and says the same",
        ],
    );
}
