//! Properties over random policies, checked against trying every cell of a small universe with rules written down a second time.

use std::sync::LazyLock;

use countersign_kernel::{ApprovalMode, Terms};
use countersign_policy::{Answer, Cell, CompiledPolicy};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{GROUND, catalog, cell, places};

/// Values that a pattern may take on each axis: absent, or text as it stands in the policy with the values it means.
type Axis = &'static [(&'static str, &'static [&'static str])];

const PROJECTS: Axis = &[("shop", &["shop"]), ("[lab, shop]", &["lab", "shop"]), ("\"s*\"", &["shop"])];
const AGENTS: Axis = &[
    ("sre", &["sre"]),
    ("[sre, dev]", &["sre", "dev"]),
    ("\"s*\"", &["sre", "s"]),
    ("\"*e\"", &["sre", "de"]),
    ("\"d*\"", &["dev", "de"]),
];
const LABELS: Axis =
    &[("run:a", &["run:a"]), ("\"run:*\"", &["run:a", "run:b"]), ("\"*:a\"", &["run:a", "x:a"])];
const MODES: Axis = &[("full-env", &["full-env"]), ("[code-only]", &["code-only"])];
const TOOLS: Axis = &[
    ("database.lifecycle", &["database.lifecycle"]),
    ("[secret.sync.github_k8s, database.lifecycle]", &["secret.sync.github_k8s", "database.lifecycle"]),
    ("\"*.*\"", &["secret.sync.github_k8s", "database.lifecycle", "mcp_owner_feedback_request"]),
];
const ACTIONS: Axis = &[
    ("create", &["create"]),
    ("[sync, describe]", &["sync", "describe"]),
    ("\"*e\"", &["create", "delete", "describe"]),
];
const ENVIRONMENTS: Axis = &[
    ("dev", &["dev"]),
    ("[dev, staging]", &["dev", "staging"]),
    ("\"*\"", &["dev", "staging", "production"]),
];

const AXES: [(&str, Axis); 7] = [
    ("project", PROJECTS),
    ("agent_key", AGENTS),
    ("run_label", LABELS),
    ("runtime_mode", MODES),
    ("tool", TOOLS),
    ("action", ACTIONS),
    ("environment", ENVIRONMENTS),
];

/// A pattern for each axis, as an index into the values above.
type Shape = [Option<usize>; 7];

#[derive(Clone, Debug)]
struct Rule {
    shape: Shape,
    effect: &'static str,
}

impl Rule {
    fn line(&self, id: &str) -> String {
        let axes = AXES.iter().zip(self.shape);
        let named = axes
            .filter_map(|((name, values), index)| index.map(|index| format!("{name}: {}", values[index].0)));
        format!(
            "  - {{ id: {id}, match: {{ {} }}, {} }}\n",
            named.collect::<Vec<_>>().join(", "),
            self.effect
        )
    }

    fn matches(&self, cell: &[Option<&str>; 7]) -> bool {
        AXES.iter().zip(self.shape).zip(cell).all(|(((_, values), index), value)| match (index, value) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(index), Some(value)) => values[index].1.contains(value),
        })
    }

    /// How specific each axis is written: 3 a value, 2 a list, 1 a glob, 0 nothing.
    fn specificity(&self) -> Vec<u8> {
        let axes = AXES.iter().zip(self.shape);
        axes.map(|((_, values), index)| match index.map(|index| values[index].0.as_bytes()[0]) {
            None => 0,
            Some(b'"') => 1,
            Some(b'[') => 2,
            Some(_) => 3,
        })
        .collect()
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let on = |axis: usize| option::weighted(0.35, 0..AXES[axis].1.len());
    (on(0), on(1), on(2), on(3), on(4), on(5), on(6)).prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g])
}

fn rule(effects: &'static [&'static str]) -> impl Strategy<Value = Rule> {
    (shape(), select(effects)).prop_map(|(shape, effect)| Rule { shape, effect })
}

const GRANTS: &[&str] = &[
    "approval: none",
    "approval: owner",
    "approval: owner, decide_within: 10m",
    "approval: delegated, delegates: [sre]",
    "approval: delegated, delegates: [sre, dba], quorum: 2",
    "approval: deny",
];
const GUARDS: &[&str] = &[
    "approval: owner",
    "approval: owner, quorum: 2",
    "approval: owner, quorum: 1",
    "approval: delegated, delegates: [dba]",
    "approval: delegated, delegates: [sre], quorum: 2, execute_within: 1m",
    "decide_within: 5m",
    "execute_within: 2h",
    "approval: deny",
];

/// Rules without the combinations that name an action none of the tools has, which is an error of its own.
fn sensible(rule: &Rule) -> bool {
    let tools = rule.shape[4].map_or(2, |index| index);
    let some_tool_syncs = [false, true, true][tools];
    rule.shape[5] != Some(1) || some_tool_syncs
}

/// A cell as the values on its axes, and as the crate takes it.
type Point = ([Option<&'static str>; 7], Cell);

static EVERY_CELL: LazyLock<Vec<Point>> = LazyLock::new(|| {
    let mut cells = Vec::new();
    let acts = [
        ("secret.sync.github_k8s", "sync"),
        ("database.lifecycle", "create"),
        ("database.lifecycle", "delete"),
        ("database.lifecycle", "describe"),
        ("mcp_owner_feedback_request", "ask"),
    ];
    let places = [
        ("shop", Some("dev")),
        ("shop", Some("staging")),
        ("shop", Some("production")),
        ("shop", None),
        ("lab", Some("dev")),
        ("lab", None),
    ];
    for (project, environment) in places {
        for agent in ["sre", "dev", "de", "s", "qa"] {
            for label in ["run:a", "run:b", "x:a", "y"] {
                for mode in ["full-env", "code-only"] {
                    for (tool, action) in acts {
                        let axes = [project, agent, label, mode, tool, action].map(Some);
                        let [a, b, c, d, e, f] = axes;
                        let values = [a, b, c, d, e, f, environment];
                        cells.push((values, cell(&values.map(|value| value.unwrap_or("-")).join(" "))));
                    }
                }
            }
        }
    }
    cells
});

fn text(grants: &[Rule], guards: &[Rule]) -> String {
    let section = |name: &str, prefix: &str, rules: &[Rule]| {
        let lines = rules.iter().enumerate().map(|(index, rule)| rule.line(&format!("{prefix}{index}")));
        format!("{name}:\n{}", lines.collect::<String>())
    };
    // Two owners in the lab too, so that every quorum here can be met.
    let ground = GROUND.replace("[\"user:github:lea\"]", "[\"user:github:lea\", \"user:github:lou\"]");
    format!("{ground}{}{}", section("grants", "grant", grants), section("guards", "guard", guards))
}

fn compile(grants: &[Rule], guards: &[Rule]) -> CompiledPolicy {
    match CompiledPolicy::compile(&text(grants, guards), &catalog()) {
        Ok(compiled) => compiled.policy,
        Err(errors) => panic!("{errors}\n{}", text(grants, guards)),
    }
}

/// Grants of which no two tie, whatever they say: each later one that ties with an earlier is left out.
fn without_ties(grants: Vec<Rule>) -> Vec<Rule> {
    let mut kept: Vec<Rule> = Vec::new();
    for grant in grants.into_iter().filter(sensible) {
        if kept.iter().all(|other| other.specificity() != grant.specificity()) {
            kept.push(grant);
        }
    }
    kept
}

fn terms(answer: &Answer) -> Option<&Terms> {
    match answer {
        Answer::Allow { terms, .. } => Some(terms),
        Answer::Deny { .. } => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Two grants are refused exactly if there is a cell where both match, are as specific, and each alone would give other terms.
    #[test]
    fn ambiguity_is_found_exactly_where_trying_every_cell_finds_it(a in rule(GRANTS), b in rule(GRANTS)) {
        prop_assume!(sensible(&a) && sensible(&b));
        let (alone_a, alone_b) = (compile(std::slice::from_ref(&a), &[]), compile(std::slice::from_ref(&b), &[]));
        let outcome = |policy: &CompiledPolicy, cell: &Cell| terms(&policy.evaluate(cell)).cloned();
        let clashes: Vec<&Cell> = EVERY_CELL
            .iter()
            .filter(|(values, _)| a.matches(values) && b.matches(values) && a.specificity() == b.specificity())
            .map(|(_, cell)| cell)
            .filter(|cell| outcome(&alone_a, cell) != outcome(&alone_b, cell))
            .collect();
        match CompiledPolicy::compile(&text(&[a, b], &[]), &catalog()) {
            Ok(_) => prop_assert!(clashes.is_empty(), "{:?}", clashes.first()),
            Err(errors) => {
                prop_assert_eq!(errors.notices().len(), 1, "{}", errors);
                let message = &errors.notices()[0].message;
                prop_assert!(message.starts_with("grants `grant0` (line 13) and `grant1` are equally specific"), "{}", message);
                prop_assert_eq!(errors.notices()[0].line, 14);
                prop_assert!(!clashes.is_empty(), "{}", message);
                // The cell it names is one of them, but for names that it made up where any would do.
                let shown = message.split("for example for ").nth(1).and_then(|rest| rest.split(": expected").next()).unwrap();
                let value = |axis: &str| shown.split(", ").find_map(|part| part.strip_prefix(axis)).unwrap().trim();
                let found = clashes.iter().any(|cell| {
                    cell.project.as_str() == value("project ")
                        && cell.tool.as_str() == value("tool ")
                        && cell.action.as_str() == value("action ")
                        && cell.runtime_mode.as_str() == value("runtime_mode ")
                        && cell.environment.as_ref().map_or("-", |one| one.as_str()) == value("environment ")
                });
                prop_assert!(found, "{shown}");
            }
        }
    }

}

// Each case of these tries every cell, so fewer cases do.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// The winner is the most specific rule that matches, found here by sorting all of them.
    #[test]
    fn the_winner_is_the_most_specific_match(grants in vec(rule(GRANTS), 0..8)) {
        let grants = without_ties(grants);
        let policy = compile(&grants, &[]);
        for (values, cell) in EVERY_CELL.iter() {
            let matching = grants.iter().enumerate().filter(|(_, grant)| grant.matches(values));
            let best = matching.max_by_key(|(_, grant)| grant.specificity()).map(|(index, _)| format!("grant{index}"));
            let explained = policy.explain(cell);
            let won = explained.base.unwrap().rule.id().map(|id| id.as_str().to_owned());
            prop_assert_eq!(won, best);
        }
    }

    /// One more guard never gives a looser mode, a smaller quorum or a longer clock, and never turns a refusal into a permission.
    #[test]
    fn a_guard_never_loosens(
        grants in vec(rule(GRANTS), 0..5),
        guards in vec(rule(GUARDS), 1..5),
    ) {
        let grants = without_ties(grants);
        let guards: Vec<Rule> = guards.into_iter().filter(sensible).collect();
        prop_assume!(!guards.is_empty());
        let after = compile(&grants, &guards);
        let before = compile(&grants, &guards[1..]);
        for (values, cell) in EVERY_CELL.iter() {
            let (before, after) = (before.evaluate(cell), after.evaluate(cell));
            let Some(tight) = terms(&after) else { continue };
            let loose = terms(&before);
            prop_assert!(loose.is_some(), "{cell}: was refused");
            let loose = loose.unwrap();
            prop_assert!(tight.mode >= loose.mode, "{cell}: {loose:?} {tight:?}");
            prop_assert!(tight.quorum >= loose.quorum, "{cell}: {loose:?} {tight:?}");
            prop_assert!(tight.decide_within <= loose.decide_within && tight.execute_within <= loose.execute_within);
            prop_assert!(tight.mode != loose.mode || tight.deciders.iter().all(|group| loose.deciders.contains(group)) || loose.deciders.is_empty());
            if !guards[0].matches(values) {
                prop_assert_eq!(tight, loose);
            }
        }
    }

    /// Terms are always usable: somebody can decide unless nobody has to, and a question is one person's to answer.
    #[test]
    fn explaining_agrees_with_evaluating_and_terms_are_whole(
        grants in vec(rule(GRANTS), 0..5),
        guards in vec(rule(GUARDS), 0..5),
        offset in 0..7usize,
    ) {
        let guards: Vec<Rule> = guards.into_iter().filter(sensible).collect();
        let policy = compile(&without_ties(grants), &guards);
        for (_, cell) in EVERY_CELL.iter().skip(offset).step_by(7) {
            let answer = policy.evaluate(cell);
            let explained = policy.explain(cell);
            prop_assert_eq!(&explained.answer, &answer);
            let json = explained.to_json();
            prop_assert_eq!(json["outcome"] == "allow", terms(&answer).is_some());
            let Some(terms) = terms(&answer) else { continue };
            prop_assert_eq!(&json["terms"], &terms.to_json());
            prop_assert!(terms.quorum >= 1);
            prop_assert_eq!(terms.deciders.is_empty(), terms.mode == ApprovalMode::None);
            prop_assert!(terms.deciders.is_sorted());
            if cell.action.as_str() == "ask" {
                prop_assert!(terms.quorum == 1 && terms.mode != ApprovalMode::None);
            }
        }
    }

    /// A rule that a warning calls idle may be left out without changing any answer.
    #[test]
    fn a_grant_said_to_have_no_effect_has_none(grants in vec(rule(GRANTS), 1..6), guards in vec(rule(GUARDS), 0..3)) {
        let grants = without_ties(grants);
        let guards: Vec<Rule> = guards.into_iter().filter(sensible).collect();
        let compiled = CompiledPolicy::compile(&text(&grants, &guards), &catalog()).unwrap();
        for index in 0..grants.len() {
            let idle = |message: &String| {
                message.contains(&format!("grant `grant{index}` has no effect")) || message.contains(&format!("grant `grant{index}` never wins"))
            };
            if !places(&compiled.warnings).iter().any(idle) {
                continue;
            }
            let mut fewer = grants.clone();
            fewer.remove(index);
            let without = compile(&fewer, &guards);
            for (_, cell) in EVERY_CELL.iter() {
                let (with, without) = (compiled.policy.evaluate(cell), without.evaluate(cell));
                prop_assert_eq!(terms(&with), terms(&without));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever the text, compiling ends with an answer, and every place it names is in the text.
    #[test]
    fn no_text_makes_compiling_panic(
        noise in "[ -~\n\t\u{e9}]{0,80}",
        at in 0..1500usize,
        cut in 0..40usize,
        rules in vec(rule(GRANTS), 0..3),
    ) {
        let whole: Vec<char> = text(&rules, &rules).chars().collect();
        let at = at.min(whole.len());
        let rest = (at + cut).min(whole.len());
        let damaged: String = whole[..at].iter().copied().chain(noise.chars()).chain(whole[rest..].iter().copied()).collect();
        for text in [&damaged, &noise] {
            if let Err(errors) = CompiledPolicy::compile(text, &catalog()) {
                prop_assert!(!errors.notices().is_empty());
                let lines = text.split('\n').count();
                for notice in errors.notices() {
                    prop_assert!((1..=lines + 1).contains(&notice.line) && notice.column >= 1, "{notice} of {lines}");
                }
            }
        }
    }
}
