//! What can only be seen by comparing rules with one another and with the projects: clashes, rules that never apply, quorums that can't
//! be met.

use countersign_kernel::{AgentKey, ApprovalMode, ProjectKey, RunLabel};

use crate::catalog::ToolCatalog;
use crate::cell::{Axis, Cell};
use crate::document::Document;
use crate::matching::{Form, Specificity};
use crate::members::people;
use crate::notice::{Notices, Position};
use crate::reach::{Act, Reach, Universe};
use crate::rule::{Approval, Rule, RuleKind};

/// A rule with the part of the universe it matches.
struct Placed<'d> {
    rule: &'d Rule,
    specificity: Specificity,
    reach: Reach,
}

impl<'d> Placed<'d> {
    fn all(rules: &'d [Rule], universe: &Universe<'_>) -> Vec<Self> {
        rules
            .iter()
            .map(|rule| Self {
                rule,
                specificity: rule.when.specificity(),
                reach: universe.reach(&rule.when),
            })
            .collect()
    }

    /// Whether this surely matches every cell that `inner` matches.
    fn surely_covers(&self, inner: &Self) -> bool {
        let open = |axis| self.rule.when.pattern(axis).surely_covers(inner.rule.when.pattern(axis));
        self.reach.covers(&inner.reach) && open(Axis::AgentKey) && open(Axis::RunLabel)
    }
}

/// Checks the rules that could be read.
pub(crate) fn check(document: &Document, catalog: &ToolCatalog, notices: &mut Notices) {
    let universe = Universe::new(&document.projects, catalog);
    let grants = Placed::all(&document.grants, &universe);
    let guards = Placed::all(&document.guards, &universe);
    for (index, later) in grants.iter().enumerate() {
        for earlier in &grants[..index] {
            compare(earlier, later, document, &universe, notices);
        }
    }
    for grant in grants.iter().filter(|grant| !grant.reach.is_empty()) {
        shadows(grant, &grants, &guards, notices);
    }
    for placed in grants.iter().chain(&guards) {
        idle_question(placed, &universe, notices);
        quorum(placed, document, &universe, notices);
    }
    default_quorum(document, notices);
}

/// Two grants that tie and both match some cell have to agree there.
fn compare(
    earlier: &Placed<'_>,
    later: &Placed<'_>,
    document: &Document,
    universe: &Universe<'_>,
    notices: &mut Notices,
) {
    if earlier.specificity != later.specificity {
        return;
    }
    let both = earlier.reach.and(&later.reach);
    let meet = |axis, sample| earlier.rule.when.pattern(axis).meet(later.rule.when.pattern(axis), sample);
    if both.is_empty() {
        return;
    }
    let (Some(agent_key), Some(run_label)) = (meet(Axis::AgentKey, "agent"), meet(Axis::RunLabel, "run"))
    else {
        return;
    };
    let (first, second) = (earlier.rule, later.rule);
    let differ = |(.., traits): &Act<'_>| {
        let base = |rule: &Rule| rule.effect.over(&document.defaults).suited_to(*traits);
        base(first) != base(second)
    };
    let Some(act) = universe.acts(&both).find(differ) else {
        let (id, line) = (&first.id, first.at.line);
        let message =
            format!("grant `{}` overlaps `{id}` (line {line}), is as specific and says the same", second.id);
        notices.warn(second.at, message);
        return;
    };
    let cell = example(&both, act, &agent_key, &run_label, universe);
    let cell = cell.map_or_else(String::new, |cell| format!(", for example for {cell}"));
    let message = format!(
        "grants `{}` (line {}) and `{}` are equally specific and differ{cell}: expected one to be more specific, or both to say the same",
        first.id, first.at.line, second.id
    );
    notices.error(second.at, message);
}

/// A cell in the overlap, with an environment where that is possible for the action.
fn example(
    both: &Reach,
    (tool, action, traits): Act<'_>,
    agent_key: &str,
    run_label: &str,
    universe: &Universe<'_>,
) -> Option<Cell> {
    let place = universe.places(both).find(|(_, environment)| environment.is_none() == traits.question);
    let (project, environment) = place.or_else(|| universe.places(both).next())?;
    Some(Cell {
        project: project.clone(),
        agent_key: AgentKey::parse(agent_key).ok()?,
        run_label: RunLabel::parse(run_label).ok()?,
        runtime_mode: universe.modes(both).next()?,
        tool: tool.clone(),
        action: action.clone(),
        environment: environment.cloned(),
    })
}

/// Warns of a grant that some other rule leaves no cell to.
fn shadows(grant: &Placed<'_>, grants: &[Placed<'_>], guards: &[Placed<'_>], notices: &mut Notices) {
    let (id, at) = (&grant.rule.id, grant.rule.at);
    let denies = |rule: &Rule| rule.effect.approval == Some(Approval::Deny);
    let guard = guards.iter().find(|guard| denies(guard.rule) && guard.surely_covers(grant));
    if let Some(guard) = guard.filter(|_| !denies(grant.rule)) {
        let (guard, line) = (&guard.rule.id, guard.rule.at.line);
        notices.warn(
            at,
            format!("grant `{id}` has no effect: guard `{guard}` (line {line}) denies all that it matches"),
        );
        return;
    }
    let above = |other: &&Placed<'_>| other.specificity > grant.specificity && other.surely_covers(grant);
    if let Some(other) = grants.iter().find(above) {
        let (other, line) = (&other.rule.id, other.rule.at.line);
        let message = format!(
            "grant `{id}` never wins: grant `{other}` (line {line}) is more specific and matches all that it matches"
        );
        notices.warn(at, message);
    }
}

/// Warns of a rule for questions that names an environment, which no question has.
fn idle_question(placed: &Placed<'_>, universe: &Universe<'_>, notices: &mut Notices) {
    let rule = placed.rule;
    let named = rule.when.pattern(Axis::Environment).form() != Form::Any;
    if named && !placed.reach.is_empty() && universe.acts(&placed.reach).all(|(.., traits)| traits.question) {
        let message = format!("{} `{}` never applies: a question has no environment", rule.kind, rule.id);
        notices.warn(rule.at, message);
    }
}

/// Reports a quorum larger than the number of people who could meet it.
fn quorum(placed: &Placed<'_>, document: &Document, universe: &Universe<'_>, notices: &mut Notices) {
    let rule = placed.rule;
    let quorum = match (rule.kind, rule.effect.quorum) {
        (_, Some(quorum)) => quorum,
        (RuleKind::Grant, None) => document.defaults.quorum,
        (RuleKind::Guard, None) => return,
    };
    // A question is answered by one person whatever the quorum.
    if universe.acts(&placed.reach).all(|(.., traits)| traits.question) {
        return;
    }
    let at = rule.effect.quorum_at.unwrap_or(rule.at);
    match rule.effect.approval {
        Some(Approval::Mode(ApprovalMode::Delegated)) => {
            delegates_quorum(quorum, people(&document.groups, &rule.effect.delegates), at, notices);
        }
        Some(Approval::Mode(ApprovalMode::Owner)) => {
            let mut matched: Vec<&ProjectKey> = universe.places(&placed.reach).map(|(key, _)| key).collect();
            matched.dedup();
            let (all, short) = (matched.len(), short_of(quorum, matched, document));
            // A guard may well ask for more people in general than one small project has.
            let never = rule.kind == RuleKind::Grant && (rule.when.names_projects() || short.len() == all);
            owners_quorum(quorum, &short, never, at, notices);
        }
        Some(Approval::Mode(ApprovalMode::None) | Approval::Deny) | None => {}
    }
}

fn default_quorum(document: &Document, notices: &mut Notices) {
    let (defaults, at) = (&document.defaults, document.default_quorum_at);
    match defaults.approval {
        Approval::Mode(ApprovalMode::Delegated) => {
            delegates_quorum(defaults.quorum, people(&document.groups, &defaults.delegates), at, notices);
        }
        Approval::Mode(ApprovalMode::Owner) => {
            let short = short_of(defaults.quorum, document.projects.keys().collect(), document);
            owners_quorum(defaults.quorum, &short, short.len() == document.projects.len(), at, notices);
        }
        Approval::Mode(ApprovalMode::None) | Approval::Deny => {}
    }
}

/// Whom nobody can count may be as many as it takes.
fn delegates_quorum(quorum: u32, people: Option<usize>, at: Position, notices: &mut Notices) {
    if let Some(people) = people.filter(|people| (quorum as usize) > *people) {
        notices
            .error(at, format!("a quorum of {quorum} can't be met: the delegates are {}", persons(people)));
    }
}

fn owners_quorum(
    quorum: u32,
    short: &[(&ProjectKey, usize)],
    never: bool,
    at: Position,
    notices: &mut Notices,
) {
    for (project, people) in short {
        let owners = persons(*people);
        let message =
            format!("a quorum of {quorum} can't be met in project `{project}`: its owners are {owners}");
        if never { notices.error(at, message) } else { notices.warn(at, message) }
    }
}

/// The projects whose owners are too few, with their number; not those where nobody can count them.
fn short_of<'d>(
    quorum: u32,
    projects: Vec<&'d ProjectKey>,
    document: &Document,
) -> Vec<(&'d ProjectKey, usize)> {
    let owners = |key: &ProjectKey| {
        document.projects.get(key).map_or(Some(0), |project| people(&document.groups, &project.owners))
    };
    let counted = projects.into_iter().filter_map(|key| owners(key).map(|people| (key, people)));
    counted.filter(|(_, people)| *people < quorum as usize).collect()
}

fn persons(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}
