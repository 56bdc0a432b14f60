//! Tables of cells and the answers they have to get, written by hand.

use countersign_kernel::terms::Membership;
use countersign_kernel::{
    ApprovalMode, Digest, GroupName, OnRunEnd, OutsideGroup, Principal, ProjectKey, SoleOwner,
};
use countersign_policy::{ActionTraits, Answer, Approval, CompiledPolicy};

use crate::support::{action, catalog, cell, policy, shown, text, tool, warnings};

const EXAMPLE: &str = include_str!("fixtures/example.yaml");
const DOCUMENTED: &str = include_str!("../../../../docs/examples/policy.yaml");

fn assert_table(policy: &CompiledPolicy, table: &[(&str, &str)]) {
    for (line, expected) in table {
        assert_eq!(shown(&policy.evaluate(&cell(line))), *expected, "{line}");
    }
}

#[test]
fn the_example_of_the_domain_page_compiles_and_answers() {
    let policy = CompiledPolicy::compile(EXAMPLE, &catalog()).unwrap().policy;
    assert_eq!(policy.version(), 1);
    assert_eq!(policy.digest(), Digest::of_bytes(EXAMPLE.as_bytes()));
    let table = [
        // The grant, with its list of labels and of environments.
        (
            "shop sre run:ops full-env secret.sync.github_k8s sync dev",
            "delegated sre 1 3600 900 from sre-syncs-secrets",
        ),
        (
            "shop sre run:ops:revise full-env secret.sync.github_k8s sync staging",
            "delegated sre 1 3600 900 from sre-syncs-secrets",
        ),
        // One axis away from it: the defaults.
        (
            "shop sre run:ops full-env secret.sync.github_k8s sync production",
            "owner shop-owners 1 3600 900 from defaults",
        ),
        (
            "shop sre run:dev full-env secret.sync.github_k8s sync dev",
            "owner shop-owners 1 3600 900 from defaults",
        ),
        (
            "shop dev run:ops full-env secret.sync.github_k8s sync dev",
            "owner shop-owners 1 3600 900 from defaults",
        ),
        // The guards.
        (
            "shop sre run:ops full-env database.lifecycle delete production",
            "owner shop-owners 2 3600 900 from defaults",
        ),
        (
            "shop sre run:ops full-env database.lifecycle delete staging",
            "owner shop-owners 1 3600 900 from defaults",
        ),
        (
            "shop sre run:ops code-only secret.sync.github_k8s sync dev",
            "deny policy_denied no-code-only-writes",
        ),
        (
            "shop sre run:ops code-only database.lifecycle create dev",
            "deny policy_denied no-code-only-writes",
        ),
        // Reading has the tool's own default, and so does asking.
        (
            "shop sre run:ops code-only database.lifecycle describe production",
            "none - 1 3600 900 from tool_default",
        ),
        (
            "shop dev run:dev code-only mcp_owner_feedback_request ask -",
            "owner shop-owners 1 3600 900 from tool_default",
        ),
        (
            "shop dev run:dev code-only owner.feedback.request ask -",
            "owner shop-owners 1 3600 900 from tool_default",
        ),
        // What is unknown is denied.
        ("shoe sre run:ops full-env secret.sync.github_k8s sync dev", "deny unknown_project -"),
        ("shop sre run:ops full-env secret.sync sync dev", "deny unknown_tool -"),
        ("shop sre run:ops full-env secret.sync.github_k8s delete dev", "deny unknown_action -"),
        ("shop sre run:ops full-env secret.sync.github_k8s sync test", "deny unknown_environment -"),
    ];
    assert_table(&policy, &table);
}

#[test]
fn a_policy_can_be_shared_between_threads() {
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    shareable(&policy(""));
}

#[test]
fn the_example_warns_that_one_owner_is_no_quorum_of_two() {
    assert_eq!(
        warnings(EXAMPLE),
        ["17:13 a quorum of 2 can't be met in project `shop`: its owners are 1 person"]
    );
}

#[test]
fn the_documented_example_is_that_example() {
    let without_header: String =
        DOCUMENTED.lines().skip_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert_eq!(without_header, EXAMPLE);
    assert!(CompiledPolicy::compile(DOCUMENTED, &catalog()).is_ok());
}

#[test]
fn a_project_says_who_owns_it_and_where_it_runs() {
    let policy = policy("");
    let key = ProjectKey::parse("lab").unwrap();
    let lab = policy.project(&key).unwrap();
    assert_eq!(lab.repository.as_str(), "acme/lab");
    assert_eq!(lab.owners, [GroupName::parse("lab-owners").unwrap()]);
    assert_eq!((lab.sole_owner, lab.on_run_end), (SoleOwner::Allow, OnRunEnd::Execute));
    let shop = policy.project(&ProjectKey::parse("shop").unwrap()).unwrap();
    assert_eq!((shop.sole_owner, shop.on_run_end), (SoleOwner::Deny, OnRunEnd::Cancel));
    assert_eq!(policy.projects().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["lab", "shop"]);
    let answer = policy.evaluate(&cell("lab a run full-env database.lifecycle create dev"));
    let Answer::Allow { terms, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((terms.sole_owner, terms.on_run_end), (SoleOwner::Allow, OnRunEnd::Execute));
}

#[test]
fn membership_counts_people_and_not_seats() {
    let policy = policy("");
    let group = |name| GroupName::parse(name).unwrap();
    let carol = Principal::parse("user:github:carol").unwrap();
    assert!(policy.is_member(&carol, &[group("shop-owners"), group("dba")]));
    assert!(!policy.is_member(&carol, &[group("shop-owners")]));
    assert!(!policy.is_member(&carol, &[group("nobody")]));
    assert!(!policy.is_member(&carol, &[]));
    assert_eq!(policy.size(&[group("sre"), group("dba")]), Some(3), "carol is in both");
    assert_eq!(policy.size(&[group("nobody")]), Some(0));
}

#[test]
fn the_most_specific_grant_wins_axis_by_axis() {
    let policy = policy(
        r#"grants:
  - { id: any,          match: {},                                                   approval: none, execute_within: 1s }
  - { id: label-glob,   match: { run_label: "run:*" },                               approval: none, execute_within: 2s }
  - { id: label-list,   match: { run_label: [run:a, run:b] },                        approval: none, execute_within: 3s }
  - { id: label-exact,  match: { run_label: run:a },                                 approval: none, execute_within: 4s }
  - { id: everything-after, match: { runtime_mode: full-env, tool: database.lifecycle, action: create, environment: dev }, approval: none, execute_within: 5s }
  - { id: agent-glob,   match: { agent_key: "s*" },                                  approval: none, execute_within: 6s }
  - { id: project-list, match: { project: [lab] },                                   approval: none, execute_within: 7s }
"#,
    );
    let table = [
        ("shop dev ops code-only database.lifecycle create dev", "none - 1 3600 1 from any"),
        ("shop dev run:c full-env database.lifecycle create dev", "none - 1 3600 2 from label-glob"),
        ("shop dev run:b full-env database.lifecycle create dev", "none - 1 3600 3 from label-list"),
        ("shop dev run:a full-env database.lifecycle create dev", "none - 1 3600 4 from label-exact"),
        // No number of later axes outweighs an earlier one.
        ("shop dev ops full-env database.lifecycle create dev", "none - 1 3600 5 from everything-after"),
        ("shop sre run:a full-env database.lifecycle create dev", "none - 1 3600 6 from agent-glob"),
        ("lab sre run:a full-env database.lifecycle create dev", "none - 1 3600 7 from project-list"),
    ];
    assert_table(&policy, &table);
}

#[test]
fn guards_tighten_mode_quorum_and_clocks_each_by_itself() {
    let policy = policy(
        r#"grants:
  - { id: free,  match: { agent_key: free },  approval: none, decide_within: 2h, execute_within: 10m }
  - { id: sre,   match: { agent_key: sre },   approval: delegated, delegates: [sre], quorum: 2 }
  - { id: both,  match: { agent_key: both },  approval: delegated, delegates: [sre, dba] }
  - { id: never, match: { agent_key: never }, approval: deny }
guards:
  - { id: quick, match: { environment: staging }, decide_within: 10m }
  - { id: dba-creates, match: { action: create, environment: [staging, production] }, approval: delegated, delegates: [dba], execute_within: 5m }
  - { id: owner-deletes, match: { action: delete }, approval: owner, quorum: 2 }
  - { id: one-suffices, match: { agent_key: sre }, approval: delegated, delegates: [sre, dba], quorum: 1 }
  - { id: sooner, match: { action: delete, environment: production }, decide_within: 30m, execute_within: 1h }
  - { id: frozen, match: { project: lab, action: delete }, approval: deny }
"#,
    );
    let table = [
        ("shop free r full-env database.lifecycle create dev", "none - 1 7200 600 from free"),
        ("shop free r full-env secret.sync.github_k8s sync staging", "none - 1 600 600 from free"),
        // Delegates come from the guard where the grant asks nobody, from the owners where it asks them.
        ("shop free r full-env database.lifecycle create staging", "delegated dba 1 600 300 from free"),
        (
            "shop dev r full-env database.lifecycle create staging",
            "owner shop-owners 1 600 300 from defaults",
        ),
        // Grant and guard have to agree on delegates; the owners decide where they don't.
        ("shop both r full-env database.lifecycle create production", "delegated dba 1 3600 300 from both"),
        ("shop both r full-env database.lifecycle create dev", "delegated dba+sre 1 3600 900 from both"),
        ("shop sre r full-env database.lifecycle create production", "owner shop-owners 2 3600 300 from sre"),
        ("shop sre r full-env database.lifecycle create dev", "delegated sre 2 3600 900 from sre"),
        // A longer clock in a guard loosens nothing.
        (
            "shop free r full-env database.lifecycle delete production",
            "owner shop-owners 2 1800 600 from free",
        ),
        // A refusal ends it, whoever refuses.
        ("lab free r full-env database.lifecycle delete dev", "deny policy_denied frozen"),
        ("shop never r full-env database.lifecycle create dev", "deny policy_denied never"),
    ];
    assert_table(&policy, &table);
}

#[test]
fn a_question_is_answered_by_one_person_whatever_the_rules_for_everything_say() {
    let policy = policy(
        r#"grants:
  - { id: free, match: { agent_key: free }, approval: none }
  - { id: two,  match: { agent_key: two },  approval: owner, quorum: 2 }
"#,
    );
    let table = [
        ("shop free r full-env database.lifecycle create dev", "none - 1 3600 900 from free"),
        ("shop free r full-env mcp_owner_feedback_request ask -", "owner shop-owners 1 3600 900 from free"),
        ("shop two r full-env database.lifecycle create dev", "owner shop-owners 2 3600 900 from two"),
        ("shop two r full-env mcp_owner_feedback_request ask -", "owner shop-owners 1 3600 900 from two"),
    ];
    assert_table(&policy, &table);
}

#[test]
fn a_rule_with_an_environment_does_not_match_a_call_without_one() {
    let policy = policy(
        r#"grants:
  - { id: somewhere, match: { environment: "*" }, approval: none }
guards:
  - { id: dev, match: { environment: dev }, approval: deny }
"#,
    );
    let table = [
        ("shop a r full-env secret.sync.github_k8s sync staging", "none - 1 3600 900 from somewhere"),
        ("shop a r full-env secret.sync.github_k8s sync dev", "deny policy_denied dev"),
        ("shop a r full-env secret.sync.github_k8s sync -", "owner shop-owners 1 3600 900 from defaults"),
    ];
    assert_table(&policy, &table);
}

#[test]
fn an_alias_in_a_rule_means_its_tool_even_through_a_glob() {
    for pattern in
        ["owner.feedback.request", "[owner.feedback.request]", "\"owner.*\"", "mcp_owner_feedback_request"]
    {
        let rules = format!("guards:\n  - {{ id: quiet, match: {{ tool: {pattern} }}, approval: deny }}\n");
        let table = [
            ("shop a r full-env mcp_owner_feedback_request ask -", "deny policy_denied quiet"),
            ("shop a r full-env owner.feedback.request ask -", "deny policy_denied quiet"),
            ("shop a r full-env database.lifecycle create dev", "owner shop-owners 1 3600 900 from defaults"),
        ];
        assert_table(&policy(&rules), &table);
    }
}

#[test]
fn defaults_fill_what_a_grant_leaves_out_and_may_deny() {
    let defaults = "defaults: { approval: deny, decide_within: 2h, execute_within: 20m, quorum: 2 }";
    let text = crate::support::GROUND.replace(
        "defaults: { approval: owner, decide_within: 1h, execute_within: 15m, quorum: 1 }",
        defaults,
    );
    let text = format!(
        "{text}grants:\n  - {{ id: some, match: {{ project: shop, agent_key: some }}, approval: owner }}\n"
    );
    let policy = CompiledPolicy::compile(&text, &catalog()).unwrap().policy;
    let table = [
        ("shop some r full-env database.lifecycle create dev", "owner shop-owners 2 7200 1200 from some"),
        ("shop dev r full-env database.lifecycle create dev", "deny policy_denied -"),
        // The defaults are for writing actions; a reading one and a question have their tool's.
        ("shop dev r full-env database.lifecycle describe dev", "none - 1 7200 1200 from tool_default"),
        (
            "shop dev r full-env mcp_owner_feedback_request ask -",
            "owner shop-owners 1 7200 1200 from tool_default",
        ),
    ];
    assert_table(&policy, &table);
}

#[test]
fn a_tool_of_ones_own_brings_its_default_for_reading_only() {
    let traits = |writes, default| ActionTraits { writes, default, question: false };
    let catalog = catalog().with_tool(
        tool("pager"),
        [],
        [
            (action("list"), traits(false, Some(ApprovalMode::Owner))),
            (action("show"), traits(false, Some(ApprovalMode::Delegated))),
            (action("count"), traits(false, None)),
            (action("mute"), traits(true, Some(ApprovalMode::None))),
        ],
    );
    let text =
        crate::support::GROUND.replace("execute_within: 15m, quorum: 1", "execute_within: 15m, quorum: 2");
    let policy = CompiledPolicy::compile(&text, &catalog).unwrap().policy;
    let table = [
        // The default quorum is for writing actions.
        ("shop a r full-env pager list -", "owner shop-owners 1 3600 900 from tool_default"),
        // A tool can't name groups.
        ("shop a r full-env pager show -", "owner shop-owners 1 3600 900 from tool_default"),
        ("shop a r full-env pager count -", "owner shop-owners 2 3600 900 from defaults"),
        ("shop a r full-env pager mute dev", "owner shop-owners 2 3600 900 from defaults"),
    ];
    assert_table(&policy, &table);
    let show = policy.explain(&cell("shop a r full-env pager show -")).base.unwrap();
    assert_eq!(show.approval, Approval::Mode(ApprovalMode::Owner), "and that is how it is explained");
}

#[test]
fn without_a_defaults_section_the_owner_decides() {
    let text = crate::support::GROUND
        .lines()
        .filter(|line| !line.starts_with("defaults"))
        .collect::<Vec<_>>()
        .join("\n");
    let policy = CompiledPolicy::compile(&text, &catalog()).unwrap().policy;
    let table =
        [("shop a r full-env database.lifecycle create dev", "owner shop-owners 1 3600 900 from defaults")];
    assert_table(&policy, &table);
}

#[test]
fn outside_groups_are_members_whom_nobody_can_count() {
    let text = text("").replace(r#"["user:github:lea"]"#, r#"["user:github:lea", "group:corp:/staff/lab"]"#);
    let policy = CompiledPolicy::compile(&text, &catalog()).unwrap().policy;
    let lab = [GroupName::parse("lab-owners").unwrap()];
    let staff = OutsideGroup::parse("group:corp:/staff/lab").unwrap();
    assert!(policy.has_outside(&staff, &lab));
    assert!(!policy.has_outside(&staff, &[GroupName::parse("sre").unwrap()]));
    assert!(
        !policy.has_outside(&OutsideGroup::parse("group:other:/staff/lab").unwrap(), &lab),
        "another provider's"
    );
    assert_eq!(policy.size(&lab), None);
    let lea = Principal::parse("user:github:lea").unwrap();
    assert!(policy.is_member(&lea, &lab));
    assert_eq!(policy.proved_by(&lea, &lab), None, "a text doesn't know who asks");
}
