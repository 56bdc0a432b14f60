//! Reading grants and guards, and what a rule or the defaults say about approval.

use std::collections::HashMap;

use countersign_kernel::ApprovalMode;

use crate::catalog::{ActionTraits, ToolCatalog};
use crate::cell::Axis;
use crate::document::{Document, known_groups};
use crate::matching::{Match, Pattern};
use crate::members::Groups;
use crate::notice::{Notices, Position};
use crate::read::Fields;
use crate::read_match;
use crate::rule::{Approval, Base, Effect, Rule, RuleId, RuleKind};
use crate::yaml::Node;

/// What kind of thing an effect belongs to: they differ in what they have to say and may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Defaults,
    Rule(RuleKind),
}

const RULE_KEYS: [&str; 7] =
    ["id", "match", "approval", "delegates", "quorum", "decide_within", "execute_within"];

/// Reads one rule; `None` if anything in it is wrong.
pub(crate) fn read(
    node: &Node,
    kind: RuleKind,
    document: &Document,
    catalog: &ToolCatalog,
    ids: &mut HashMap<RuleId, Position>,
    notices: &mut Notices,
) -> Option<Rule> {
    let what = match kind {
        RuleKind::Grant => "a grant",
        RuleKind::Guard => "a guard",
    };
    let fields = Fields::read(node, what, &RULE_KEYS, notices)?;
    let id = fields.get("id", "a name such as `sre-syncs-secrets`", notices);
    let at = id.map_or(node.at, |entry| entry.value.at);
    let id = id.and_then(|entry| entry.word::<RuleId>("a name", notices)).filter(|id| {
        let first = *ids.entry(id.clone()).or_insert(at);
        if first != at {
            notices.error(at, format!("the id `{id}` is taken: first used in line {}", first.line));
        }
        first == at
    });
    // An absent `match` would be a rule for everything by oversight; `match: {}` says it.
    let when = fields.get("match", "a mapping of axes, or `{}` for everything", notices);
    let when = when.and_then(|entry| read_match::read(entry, document, catalog, notices));
    let effect = read_effect(&fields, Shape::Rule(kind), node.at, &document.groups, notices);
    let (id, when, effect) = (id?, when?, effect?);
    let rule = Rule { kind, id, at, when, effect };
    check_questions(&rule, &fields, catalog, notices).then_some(rule)
}

/// Reads what is said about approval; `None` if anything in it is wrong.
pub(crate) fn read_effect(
    fields: &Fields<'_>,
    shape: Shape,
    at: Position,
    groups: &Groups,
    notices: &mut Notices,
) -> Option<Effect> {
    let mut effect = Effect::default();
    let mut whole = true;
    if let Some(entry) = fields.find("approval") {
        effect.approval = entry.word("`none`, `delegated`, `owner` or `deny`", notices);
        whole &= effect.approval.is_some();
    }
    if let Some(entry) = fields.find("delegates") {
        let delegates = known_groups(entry, groups, notices);
        whole &= delegates.is_some();
        effect.delegates = delegates.unwrap_or_default();
    }
    if let Some(entry) = fields.find("quorum") {
        effect.quorum = entry.quorum(notices);
        effect.quorum_at = Some(entry.place());
        whole &= effect.quorum.is_some();
    }
    if let Some(entry) = fields.find("decide_within") {
        effect.decide_within = entry.duration(notices);
        whole &= effect.decide_within.is_some();
    }
    if let Some(entry) = fields.find("execute_within") {
        effect.execute_within = entry.duration(notices);
        whole &= effect.execute_within.is_some();
    }
    // What is missing or idle can only be told once every word was understood.
    (whole && fits(&effect, fields, shape, at, notices)).then_some(effect)
}

/// Whether what is said fits together.
fn fits(effect: &Effect, fields: &Fields<'_>, shape: Shape, at: Position, notices: &mut Notices) -> bool {
    let mut fits = true;
    let mut refuse = |key: &str, message: &str| {
        let place = fields.find(key).map_or(at, |entry| entry.place());
        notices.error(place, message);
        fits = false;
    };
    let guard = shape == Shape::Rule(RuleKind::Guard);
    match effect.approval {
        None if shape == Shape::Rule(RuleKind::Grant) => {
            refuse(
                "approval",
                "`approval` is missing in a grant: expected `none`, `delegated`, `owner` or `deny`",
            );
        }
        None if guard && effect.quorum.is_some() => {
            // Alone it would do nothing where a grant asks nobody, which is just where its author counts on it.
            refuse("quorum", "`quorum` in a guard: expected `approval: owner` or `delegated` beside it");
        }
        None if guard && effect.decide_within.is_none() && effect.execute_within.is_none() => {
            refuse(
                "id",
                "this guard tightens nothing: expected `approval`, `decide_within` or `execute_within`",
            );
        }
        Some(Approval::Mode(ApprovalMode::None)) if guard => {
            refuse("approval", "a guard can't loosen: expected `delegated`, `owner` or `deny`");
        }
        Some(Approval::Mode(ApprovalMode::None)) if effect.quorum.is_some_and(|quorum| quorum > 1) => {
            refuse("quorum", "nobody decides with `approval: none`: expected no `quorum` above 1");
        }
        Some(Approval::Deny) => {
            for key in ["quorum", "decide_within", "execute_within"] {
                if fields.find(key).is_some() && shape != Shape::Defaults {
                    refuse(
                        key,
                        "`approval: deny` leaves nothing to decide: expected no quorum and no clocks",
                    );
                }
            }
        }
        None | Some(Approval::Mode(ApprovalMode::None | ApprovalMode::Delegated | ApprovalMode::Owner)) => {}
    }
    let delegated = effect.approval == Some(Approval::Mode(ApprovalMode::Delegated));
    if delegated && effect.delegates.is_empty() {
        refuse("approval", "`approval: delegated`: expected `delegates` with at least one group beside it");
    }
    if !delegated && !effect.delegates.is_empty() {
        refuse("delegates", "`delegates` means nothing here: expected `approval: delegated` beside it");
    }
    fits
}

/// A question is settled by one person's answer: a rule that means a question can't ask for nobody or for several.
fn check_questions(rule: &Rule, fields: &Fields<'_>, catalog: &ToolCatalog, notices: &mut Notices) -> bool {
    let named = rule.when.pattern(Axis::Tool).named();
    let actions = rule.when.pattern(Axis::Action);
    let asks = named.iter().filter_map(|name| catalog.find(name)).find(|(_, entry)| {
        let mut matched = entry.actions.iter().filter(|(action, _)| actions.matches(Some(action.as_str())));
        let only_questions = entry.actions.values().all(|traits| traits.question);
        matched.any(|(_, traits)| traits.question && (only_questions || !actions.named().is_empty()))
    });
    let Some((tool, _)) = asks else { return true };
    let place = |key: &str| fields.find(key).map_or(rule.at, |entry| entry.place());
    if rule.effect.approval == Some(Approval::Mode(ApprovalMode::None)) {
        let message = format!(
            "`{tool}` asks a question, which somebody has to answer: expected `owner`, `delegated` or `deny`"
        );
        notices.error(place("approval"), message);
        return false;
    }
    if rule.effect.quorum.is_some_and(|quorum| quorum > 1) {
        let message =
            format!("`{tool}` asks a question, which one person answers: expected no `quorum` above 1");
        notices.error(place("quorum"), message);
        return false;
    }
    true
}

impl Effect {
    /// This with its gaps filled from `defaults`.
    pub(crate) fn over(&self, defaults: &Base) -> Base {
        let (approval, delegates) = match self.approval {
            Some(approval) => (approval, self.delegates.clone()),
            None => (defaults.approval, defaults.delegates.clone()),
        };
        Base {
            approval,
            delegates,
            quorum: self.quorum.unwrap_or(defaults.quorum),
            decide_within: self.decide_within.unwrap_or(defaults.decide_within),
            execute_within: self.execute_within.unwrap_or(defaults.execute_within),
        }
    }
}

impl Base {
    /// The same for an action of these traits. A rule for everything reaches questions too, but can't make a question be answered by
    /// nobody or by several: there it means one owner.
    pub(crate) fn suited_to(mut self, traits: ActionTraits) -> Self {
        if traits.question {
            self.quorum = 1;
            if self.approval == Approval::Mode(ApprovalMode::None) {
                self.approval = Approval::Mode(ApprovalMode::Owner);
            }
        }
        self
    }
}

impl Match {
    /// Whether the rule names projects one by one, so that its environments have to exist there.
    pub(crate) fn names_projects(&self) -> bool {
        matches!(self.pattern(Axis::Project), Pattern::Exact(_) | Pattern::List(_))
    }
}
