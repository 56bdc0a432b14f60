//! Every kind of error of a text as a whole, its groups, projects and defaults, with its exact place. The place is marked by `¦` in the text, just before the word that is wrong.

use countersign_kernel::{Fault, Kind};
use countersign_policy::CompiledPolicy;

use crate::support::{GROUND, assert_errors, catalog, errors, text};

#[test]
fn the_text_has_to_be_one_plain_yaml_document() {
    for (marked, message) in [
        ("¦", "the text is empty: expected a mapping that begins with `version: 1`"),
        ("¦# nothing but a comment", "the text is empty: expected a mapping that begins with `version: 1`"),
        (
            "¦[version, 1]",
            "expected a policy text: a mapping of `version`, `groups`, `projects`, `defaults`, `grants`, `guards`; found a list",
        ),
        (
            "¦hello",
            "expected a policy text: a mapping of `version`, `groups`, `projects`, `defaults`, `grants`, `guards`; found `hello`",
        ),
        ("version: 1\n¦---\nversion: 1", "a second document begins here: expected one document"),
        ("version: 1\n¦version: 1", "`version` is given twice: first in line 1"),
        ("version: ¦&a 1", "anchors are not supported: write the value out where it is needed"),
        ("version: ¦!!int 1", "tags are not supported: every word is read as text"),
        ("? ¦[a, b]\n: 1", "a list or mapping as a key: expected a word"),
        ("a: [[[[[[[[[[[[[[[¦[[]]]]]]]]]]]]]]]]]", "nested too deep: expected at most 16 levels"),
    ] {
        assert_errors(marked, &[message]);
    }
}

#[test]
fn aliases_are_refused_and_a_glob_has_to_be_quoted() {
    assert_errors(
        "a: ¦&a [x, x]\nb: [¦*a, ¦*a]",
        &[
            "anchors are not supported: write the value out where it is needed",
            "aliases are not supported: write the value out, and quote a glob that begins with `*`",
            "aliases are not supported: write the value out, and quote a glob that begins with `*`",
        ],
    );
    let unquoted = errors(&text("guards:\n  - { id: a, match: { run_label: *:ops }, approval: deny }\n"));
    assert_eq!(unquoted.len(), 1);
    assert!(unquoted[0].starts_with("13:34 not YAML: "), "{unquoted:?}");
    assert!(unquoted[0].ends_with("; quote a word that begins with `*` or `&`"), "{unquoted:?}");
}

#[test]
fn broken_yaml_says_where() {
    let broken = errors("version: 1\ngroups: { a: [b }\n");
    assert_eq!(broken.len(), 1);
    assert!(broken[0].starts_with("2:17 not YAML: "), "{broken:?}");
}

#[test]
fn a_text_of_more_than_a_mebibyte_is_not_read() {
    let long = format!("# {}", "x".repeat(1024 * 1024));
    assert_eq!(errors(&long), ["1:1 the text has 1048578 bytes: expected at most 1048576"]);
}

#[test]
fn sections_are_known_and_complete() {
    assert_errors(
        "¦¦version: ¦2\n¦grnats: []\n",
        &[
            "`groups` is missing in a policy text: expected a mapping of group names to lists of members",
            "`projects` is missing in a policy text: expected a mapping of project keys to projects",
            "`version`: expected `1`, the format that this server reads; found `2`",
            "unknown key `grnats` in a policy text: did you mean `grants`?",
        ],
    );
}

#[test]
fn groups_have_members() {
    assert_errors(
        r#"version: 1
groups:
  ¦Owners: ["user:github:alice"]
  ¦a:
  b: ¦[]
  c: ["user:github:alice", ¦alice, ¦[x], ¦""]
  d: ¦{ e: f }
projects: ¦{}
"#,
        &[
            "`Owners` is not a group name: expected 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
            "`a`: expected a list, such as `[\"user:ISSUER:NAME\"]`; found nothing",
            "`b` is empty: expected at least one \"user:ISSUER:NAME\"",
            "`alice` is not a principal: expected `user:ISSUER:NAME` or `service:ISSUER:NAME`",
            "expected \"user:ISSUER:NAME\"; found a list",
            "`` is not a principal: expected `user:ISSUER:NAME` or `service:ISSUER:NAME`",
            "`d`: expected a list, such as `[\"user:ISSUER:NAME\"]`; found a mapping",
            "`projects` is empty: expected a mapping of project keys to projects",
        ],
    );
}

#[test]
fn outside_groups_have_their_form() {
    assert_errors(
        r#"version: 1
groups:
  a: ["group:corp:sre", ¦"group:Corp:sre", ¦"group:corp:"]
projects: ¦{}
"#,
        &[
            "`group:Corp:sre` is not an outside group: expected `group:ISSUER:NAME`",
            "`group:corp:` is not an outside group: expected `group:ISSUER:NAME`",
            "`projects` is empty: expected a mapping of project keys to projects",
        ],
    );
}

#[test]
fn projects_are_whole() {
    assert_errors(
        r#"version: 1
groups:
  shop-owners: ["user:github:alice"]
projects:
  a: { owners: [¦shop-owner], repository: ¦acme, environments: [¦Dev], sole_owner: ¦yes, on_run_end: ¦stop }
  b: ¦¦¦{ ¦owner: [shop-owners] }
  c: { owners: [shop-owners], repository: acme/c, environments: ¦dev }
"#,
        &[
            "unknown group `shop-owner`: did you mean `shop-owners`?",
            "`acme` is not a repository: expected `owner/name`",
            "`Dev` is not an environment: expected 1 to 63 of `a-z 0-9 _ -`, beginning with a letter or digit",
            "`yes` is not a sole_owner setting: expected `deny` or `allow`",
            "`stop` is not an on_run_end setting: expected `cancel` or `execute`",
            "`owners` is missing in a project: expected a list of groups",
            "`repository` is missing in a project: expected `owner/name`",
            "`environments` is missing in a project: expected a list such as `[dev, production]`",
            "unknown key `owner` in a project: did you mean `owners`?",
            "`environments`: expected a list, such as `[environment]`; found `dev`",
        ],
    );
}

#[test]
fn defaults_are_checked() {
    let clock = "a duration from 1s to 30d, such as `30s`, `15m`, `1h30m` or `2d` (units d, h, m, s, each once, largest first)";
    let cases = [
        ("{ approval: ¦ask }", "`ask` is not an approval: expected `none`, `delegated`, `owner` or `deny`".to_owned()),
        ("{ decide_within: ¦1w }", format!("`decide_within`: expected {clock}; found `1w`")),
        ("{ decide_within: ¦31d }", format!("`decide_within`: expected {clock}; found `31d`")),
        ("{ execute_within: ¦15 }", format!("`execute_within`: expected {clock}; found `15`")),
        ("{ ¦execute_within: }", format!("`execute_within`: expected {clock}; found nothing")),
        ("{ quorum: ¦0 }", "`quorum`: expected a whole number from 1 to 100; found `0`".to_owned()),
        ("{ quorum: ¦two }", "`quorum`: expected a whole number from 1 to 100; found `two`".to_owned()),
        ("{ quorum: ¦101 }", "`quorum`: expected a whole number from 1 to 100; found `101`".to_owned()),
        ("{ quorum: ¦[1] }", "`quorum`: expected a whole number from 1 to 100; found a list".to_owned()),
        ("{ approval: ¦delegated }", "`approval: delegated`: expected `delegates` with at least one group beside it".to_owned()),
        ("{ delegates: ¦[sre] }", "`delegates` means nothing here: expected `approval: delegated` beside it".to_owned()),
        ("{ ¦timeout: 1h }", "unknown key `timeout` in defaults: expected one of `approval`, `decide_within`, `delegates`, `execute_within`, `quorum`".to_owned()),
        ("¦owner", "expected defaults: a mapping of `approval`, `delegates`, `decide_within`, `execute_within`, `quorum`; found `owner`".to_owned()),
        ("{ approval: delegated, delegates: [sre], quorum: ¦3 }", "a quorum of 3 can't be met: the delegates are 2 people".to_owned()),
    ];
    for (defaults, message) in cases {
        let ground =
            GROUND.lines().filter(|line| !line.starts_with("defaults")).collect::<Vec<_>>().join("\n");
        assert_errors(&format!("{ground}\ndefaults: {defaults}\n"), &[&message]);
    }
}

#[test]
fn a_default_quorum_that_no_project_meets_is_an_error() {
    let text = GROUND.replace("quorum: 1", "quorum: ¦¦3");
    assert_errors(
        &text,
        &[
            "a quorum of 3 can't be met in project `lab`: its owners are 1 person",
            "a quorum of 3 can't be met in project `shop`: its owners are 2 people",
        ],
    );
}

#[test]
fn rules_are_not_compared_while_what_they_build_on_is_wrong() {
    let rules = "grants:\n  - { id: a, match: {}, approval: owner }\n  - { id: b, match: {}, approval: owner, quorum: 2 }\n";
    let text = text(rules).replace("quorum: 1", "quorum: ¦one");
    assert_errors(&text, &["`quorum`: expected a whole number from 1 to 100; found `one`"]);
}

#[test]
fn every_error_is_told_at_once_in_the_order_of_the_text() {
    assert_errors(
        r#"version: ¦3
groups:
  shop-owners: ["user:github:alice", ¦bob]
projects:
  shop: { owners: [shop-owners], repository: ¦acme-shop, environments: [dev] }
defaults: { approval: owner, decide_within: ¦soon }
grants:
  - { id: a, match: { project: shop, tool: ¦nothing, environment: dev }, approval: ¦maybe }
guards:
  - { id: b, match: { project: ¦nowhere }, approval: deny }
"#,
        &[
            "`version`: expected `1`, the format that this server reads; found `3`",
            "`bob` is not a principal: expected `user:ISSUER:NAME` or `service:ISSUER:NAME`",
            "`acme-shop` is not a repository: expected `owner/name`",
            "`decide_within`: expected a duration from 1s to 30d, such as `30s`, `15m`, `1h30m` or `2d` (units d, h, m, s, each once, largest first); found `soon`",
            "unknown tool `nothing`: expected one of `database.lifecycle`, `mcp_owner_feedback_request`, `owner.feedback.request`, `secret.sync.github_k8s`",
            "`maybe` is not an approval: expected `none`, `delegated`, `owner` or `deny`",
            "unknown project `nowhere`: expected `shop`",
        ],
    );
}

#[test]
fn the_fault_carries_every_place_as_a_path() {
    let fault = CompiledPolicy::compile("version: 2\ngroups: {}\n", &catalog()).unwrap_err();
    assert_eq!((fault.kind(), fault.code()), (Kind::Invalid, "policy_invalid"));
    let paths: Vec<&str> =
        fault.violations().unwrap().iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["1:1", "1:10", "2:9"]);
    assert!(fault.to_string().contains("\n  line 1, column 10: `version`: expected `1`"), "{fault}");
}
