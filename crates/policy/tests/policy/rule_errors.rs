//! Every kind of error of grants and guards with its exact place. The place is marked by `¦` in the text, just before the word that is
//! wrong.

use countersign_policy::{ActionTraits, CompiledPolicy};

use crate::support::{action, assert_errors, catalog, cell, errors, shown, text, tool};

/// One rule in a grants or guards section, below the ground.
fn assert_rule(section: &str, rule: &str, message: &str) {
    assert_errors(&text(&format!("{section}:\n  - {{ {rule} }}\n")), &[message]);
}

#[test]
fn rules_are_lists_of_mappings_with_known_keys() {
    assert_errors(
        &text("grants: ¦{ id: a }\nguards: ¦deny\n"),
        &[
            "`grants`: expected a list of grants; found a mapping",
            "`guards`: expected a list of guards; found `deny`",
        ],
    );
    assert_errors(
        &text("grants:\n  - ¦deny\n"),
        &[
            "expected a grant: a mapping of `id`, `match`, `approval`, `delegates`, `quorum`, `decide_within`, `execute_within`; found `deny`",
        ],
    );
    assert_errors(
        &text("grants:\n  - ¦¦¦{}\n"),
        &[
            "`id` is missing in a grant: expected a name such as `sre-syncs-secrets`",
            "`match` is missing in a grant: expected a mapping of axes, or `{}` for everything",
            "`approval` is missing in a grant: expected `none`, `delegated`, `owner` or `deny`",
        ],
    );
    assert_rule(
        "grants",
        "id: a, match: {}, ¦aproval: none, approval: owner",
        "unknown key `aproval` in a grant: did you mean `approval`?",
    );
    assert_rule(
        "guards",
        "id: ¦Not A Name, match: {}, approval: deny",
        "`Not A Name` is not a rule id: expected 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
    );
    assert!(errors(&text("grants:\nguards: ~\n")).is_empty(), "empty sections are fine");
}

#[test]
fn ids_are_unique_across_grants_and_guards() {
    assert_errors(
        &text(
            "grants:\n  - { id: a, match: {}, approval: owner }\nguards:\n  - { id: ¦a, match: {}, approval: deny }\n  - { id: ¦a, match: {}, approval: deny }\n",
        ),
        &["the id `a` is taken: first used in line 13", "the id `a` is taken: first used in line 13"],
    );
    assert_errors(
        &text("grants: [{ id: a, match: {}, approval: owner }, { id: ¦a, match: {}, approval: owner }]\n"),
        &["the id `a` is taken: first used in line 12"],
    );
}

#[test]
fn a_rule_with_a_taken_id_is_not_compared_too() {
    let rules =
        "grants:\n  - { id: a, match: {}, approval: none }\n  - { id: ¦a, match: {}, approval: owner }\n";
    assert_errors(&text(rules), &["the id `a` is taken: first used in line 13"]);
}

#[test]
fn what_a_rule_says_has_to_fit_together() {
    for (section, rule, message) in [
        (
            "grants",
            "id: a, match: {}, approval: ¦delegated",
            "`approval: delegated`: expected `delegates` with at least one group beside it",
        ),
        (
            "grants",
            "id: a, match: {}, approval: owner, delegates: ¦[sre]",
            "`delegates` means nothing here: expected `approval: delegated` beside it",
        ),
        (
            "grants",
            "id: a, match: {}, approval: delegated, delegates: ¦[]",
            "`delegates` is empty: expected at least one group",
        ),
        (
            "grants",
            "id: a, match: {}, approval: delegated, delegates: [sre, ¦srr]",
            "unknown group `srr`: did you mean `sre`?",
        ),
        (
            "grants",
            "id: a, match: {}, approval: none, quorum: ¦2",
            "nobody decides with `approval: none`: expected no `quorum` above 1",
        ),
        (
            "grants",
            "id: a, match: {}, approval: deny, decide_within: ¦1h",
            "`approval: deny` leaves nothing to decide: expected no quorum and no clocks",
        ),
        (
            "guards",
            "id: a, match: {}, approval: ¦none",
            "a guard can't loosen: expected `delegated`, `owner` or `deny`",
        ),
        (
            "guards",
            "id: a, match: {}, quorum: ¦2",
            "`quorum` in a guard: expected `approval: owner` or `delegated` beside it",
        ),
        (
            "guards",
            "id: ¦a, match: {}",
            "this guard tightens nothing: expected `approval`, `decide_within` or `execute_within`",
        ),
    ] {
        assert_rule(section, rule, message);
    }
}

/// What a match may not say, with the mark and the message.
const MATCHES: &[(&str, &str)] = &[
    ("¦environments: dev", "unknown key `environments` in match: did you mean `environment`?"),
    ("project: ¦shoop", "unknown project `shoop`: did you mean `shop`?"),
    ("project: [shop, ¦depot]", "unknown project `depot`: expected one of `lab`, `shop`"),
    (
        "tool: ¦secret.sync.github",
        "unknown tool `secret.sync.github`: did you mean `secret.sync.github_k8s`?",
    ),
    (
        "tool: [¦owner.feedbak.request]",
        "unknown tool `owner.feedbak.request`: did you mean `owner.feedback.request`?",
    ),
    ("action: ¦drop", "unknown action `drop`: expected one of `ask`, `create`, `delete`, `describe`, `sync`"),
    (
        "tool: database.lifecycle, action: ¦sync",
        "unknown action `sync`: expected one of `create`, `delete`, `describe`",
    ),
    ("tool: \"secret.*\", action: [¦creat]", "unknown action `creat`: expected `sync`"),
    ("runtime_mode: ¦full", "`full` is not a runtime mode: expected `full-env` or `code-only`"),
    (
        "agent_key: ¦SRE",
        "`SRE` is not an agent key: expected 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
    ),
    (
        "run_label: [run:ops, ¦run ops]",
        "`run ops` is not a run label: expected 1 to 64 of `a-z 0-9 . _ : -`, beginning with a letter or digit",
    ),
    (
        "environment: ¦Dev",
        "`Dev` is not an environment: expected 1 to 63 of `a-z 0-9 _ -`, beginning with a letter or digit",
    ),
    (
        "project: lab, environment: ¦production",
        "unknown environment `production` in the projects of this rule: expected `dev`",
    ),
    (
        "project: [shop], environment: [dev, ¦prodution]",
        "unknown environment `prodution` in the projects of this rule: did you mean `production`?",
    ),
    ("environment: ¦[]", "`environment` is empty and would match nothing: expected at least one value"),
    (
        "¦environment: ",
        "`environment`: expected a value, a list of values or a glob such as `run:*`; found nothing",
    ),
    (
        "environment: ¦{ a: b }",
        "`environment`: expected a value, a list of values or a glob such as `run:*`; found a mapping",
    ),
    ("environment: [¦[dev]]", "expected a value for `environment`; found a list"),
    ("run_label: [¦run:*]", "the glob `run:*` in a list: expected a value; a glob stands alone"),
    (
        "run_label: ¦Run:*",
        "no run label can match the glob `Run:*`: expected only characters that run labels have",
    ),
    ("agent_key: ¦-*", "no agent key can match the glob `-*`: expected only characters that agent keys have"),
];

#[test]
fn matches_name_what_exists() {
    for (matched, message) in MATCHES {
        let rule = format!("id: a, match: {{ {matched} }}, approval: deny");
        assert_rule("guards", &rule, message);
        assert_rule("grants", &rule.replace("approval: deny", "approval: owner"), message);
    }
    let long = format!("id: a, match: {{ agent_key: ¦{}* }}, approval: deny", "a".repeat(64));
    assert_rule(
        "guards",
        &long,
        &format!("the glob `{}…` is too long: expected at most 64 characters", "a".repeat(64)),
    );
    assert_rule(
        "guards",
        "id: a, match: ¦all, approval: deny",
        "expected match: a mapping of `project`, `agent_key`, `run_label`, `runtime_mode`, `tool`, `action`, `environment`; found `all`",
    );
}

#[test]
fn a_rule_that_means_a_question_keeps_it_a_question() {
    let nobody = "`mcp_owner_feedback_request` asks a question, which somebody has to answer: expected `owner`, `delegated` or `deny`";
    let several = "`mcp_owner_feedback_request` asks a question, which one person answers: expected no `quorum` above 1";
    for (section, rule, message) in [
        ("grants", "id: a, match: { tool: mcp_owner_feedback_request }, approval: ¦none", nobody),
        ("grants", "id: a, match: { tool: owner.feedback.request }, approval: ¦none", nobody),
        (
            "grants",
            "id: a, match: { tool: [database.lifecycle, owner.feedback.request] }, approval: ¦none",
            nobody,
        ),
        (
            "grants",
            "id: a, match: { project: shop, tool: mcp_owner_feedback_request }, approval: owner, quorum: ¦2",
            several,
        ),
        (
            "guards",
            "id: a, match: { tool: mcp_owner_feedback_request, action: ask }, approval: owner, quorum: ¦2",
            several,
        ),
    ] {
        assert_rule(section, rule, message);
    }
    let wide = "grants:\n  - { id: a, match: { project: shop }, approval: owner, quorum: 2 }\n  - { id: b, match: { tool: [database.lifecycle, owner.feedback.request], action: create }, approval: none }\n";
    assert!(
        errors(&text(wide)).is_empty(),
        "a rule for everything, or for other actions, is no rule about questions"
    );
}

#[test]
fn a_tool_that_also_asks_is_free_in_its_other_actions() {
    let traits = [(action("ask"), ActionTraits::question()), (action("note"), ActionTraits::writing())];
    let catalog = catalog().with_tool(tool("desk"), [], traits);
    let compile = |matched: &str| {
        let rules = format!("grants:\n  - {{ id: a, match: {{ {matched} }}, approval: none }}\n");
        CompiledPolicy::compile(&text(&rules), &catalog)
    };
    assert!(compile("tool: desk, action: [ask, note]").is_err(), "it names the question");
    assert!(compile("tool: desk, action: note").is_ok());
    let policy = compile("tool: desk").unwrap().policy;
    assert_eq!(shown(&policy.evaluate(&cell("shop x r full-env desk note -"))), "none - 1 3600 900 from a");
    assert_eq!(
        shown(&policy.evaluate(&cell("shop x r full-env desk ask -"))),
        "owner shop-owners 1 3600 900 from a"
    );
}

#[test]
fn two_grants_that_tie_and_differ_name_both_and_a_clashing_cell() {
    assert_errors(
        &text(
            r#"grants:
  - { id: first,  match: { run_label: "run:*", tool: [database.lifecycle], environment: [dev, staging] }, approval: none }
  - { id: ¦second, match: { run_label: "*:ops", tool: [database.lifecycle, secret.sync.github_k8s], environment: [staging, production] }, approval: owner }
"#,
        ),
        &[
            "grants `first` (line 13) and `second` are equally specific and differ, for example for project shop, agent_key agent, run_label run:ops, runtime_mode full-env, tool database.lifecycle, action create, environment staging: expected one to be more specific, or both to say the same",
        ],
    );
}

#[test]
fn a_quorum_that_can_never_be_met_is_an_error() {
    for (rule, messages) in [
        (
            "id: a, match: {}, approval: delegated, delegates: [sre], quorum: ¦3",
            vec!["a quorum of 3 can't be met: the delegates are 2 people"],
        ),
        // Three different people, though each group has two.
        (
            "id: a, match: {}, approval: delegated, delegates: [sre, dba], quorum: ¦4",
            vec!["a quorum of 4 can't be met: the delegates are 3 people"],
        ),
        (
            "id: a, match: { project: lab }, approval: owner, quorum: ¦2",
            vec!["a quorum of 2 can't be met in project `lab`: its owners are 1 person"],
        ),
        (
            "id: a, match: { project: [lab, shop] }, approval: owner, quorum: ¦2",
            vec!["a quorum of 2 can't be met in project `lab`: its owners are 1 person"],
        ),
        (
            "id: a, match: {}, approval: owner, quorum: ¦¦3",
            vec![
                "a quorum of 3 can't be met in project `lab`: its owners are 1 person",
                "a quorum of 3 can't be met in project `shop`: its owners are 2 people",
            ],
        ),
    ] {
        assert_errors(&text(&format!("grants:\n  - {{ {rule} }}\n")), &messages);
    }
    assert_rule(
        "guards",
        "id: a, match: {}, approval: delegated, delegates: [sre], quorum: ¦3",
        "a quorum of 3 can't be met: the delegates are 2 people",
    );
}

#[test]
fn the_number_of_rules_is_bounded() {
    let rule = |n: usize| format!("  - {{ id: g{n}, match: {{ agent_key: a{n} }}, approval: owner }}\n");
    let rules: String = (0..2001).map(rule).collect();
    assert_eq!(
        errors(&text(&format!("grants:\n{rules}"))),
        ["2013:5 too many rules: expected at most 2000 grants and guards"]
    );
}
