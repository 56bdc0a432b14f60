//! From a cell to an answer: the winning grant or a default, tightened by every guard that matches.

use std::collections::BTreeSet;

use countersign_kernel::{ApprovalMode, GroupName, Millis, Terms};

use crate::answer::{Answer, DenyReason, RuleRef};
use crate::catalog::ActionTraits;
use crate::cell::Cell;
use crate::matching::Point;
use crate::policy::CompiledPolicy;
use crate::project::Project;
use crate::rule::{Approval, Base, Rule};

/// What a cell names, found in the policy and the catalog.
pub(crate) struct Ground<'p> {
    pub(crate) project: &'p Project,
    pub(crate) tool: &'p str,
    pub(crate) traits: ActionTraits,
}

impl CompiledPolicy {
    /// Finds everything that the cell names; what is unknown is denied.
    pub(crate) fn ground(&self, cell: &Cell) -> Result<Ground<'_>, DenyReason> {
        let Some(project) = self.project(&cell.project) else {
            return Err(DenyReason::UnknownProject(cell.project.clone()));
        };
        let Some((tool, entry)) = self.catalog.find(cell.tool.as_str()) else {
            return Err(DenyReason::UnknownTool(cell.tool.clone()));
        };
        let Some(traits) = entry.actions.get(&cell.action) else {
            return Err(DenyReason::UnknownAction { tool: tool.clone(), action: cell.action.clone() });
        };
        if let Some(environment) = cell.environment.as_ref().filter(|one| !project.environments.contains(one))
        {
            let (project, environment) = (cell.project.clone(), environment.clone());
            return Err(DenyReason::UnknownEnvironment { project, environment });
        }
        Ok(Ground { project, tool: tool.as_str(), traits: *traits })
    }

    /// The most specific grant that matches.
    pub(crate) fn winner(&self, point: &Point<'_>) -> Option<&Rule> {
        // INVARIANT: grants are sorted, most specific first, and two that tie and both match have the same effect.
        self.grants.iter().find(|grant| grant.when.check(point).is_ok())
    }

    /// Every guard that matches, in the order of the text.
    pub(crate) fn applying_guards<'p>(&'p self, point: &Point<'_>) -> Vec<&'p Rule> {
        self.guards.iter().filter(|guard| guard.when.check(point).is_ok()).collect()
    }

    /// What holds before guards, and where it comes from.
    pub(crate) fn base(&self, winner: Option<&Rule>, traits: ActionTraits) -> (Base, RuleRef) {
        let (base, rule) = match (winner, traits.default) {
            (Some(grant), _) => (grant.effect.over(&self.defaults), RuleRef::Grant(grant.id.clone())),
            (None, Some(mode)) if !traits.writes => {
                // A tool can't name groups: its `delegated` is the owner's. The default quorum is for writing actions.
                let mode = if mode == ApprovalMode::Delegated { ApprovalMode::Owner } else { mode };
                let approval = Approval::Mode(mode);
                let base = Base { approval, delegates: Vec::new(), quorum: 1, ..self.defaults.clone() };
                (base, RuleRef::ToolDefault)
            }
            (None, _) => (self.defaults.clone(), RuleRef::Defaults),
        };
        (base.suited_to(traits), rule)
    }
}

/// The answer from what holds and the guards that apply.
pub(crate) fn answer(ground: &Ground<'_>, base: Base, rule: RuleRef, guards: &[&Rule]) -> Answer {
    if let Some(guard) = guards.iter().find(|guard| guard.effect.approval == Some(Approval::Deny)) {
        return Answer::Deny { reason: DenyReason::Guard { id: guard.id.clone() } };
    }
    let Approval::Mode(mode) = base.approval else {
        let reason = match rule {
            RuleRef::Grant(id) => DenyReason::Grant { id },
            // A tool's own default is a mode, never a refusal.
            RuleRef::Defaults | RuleRef::ToolDefault => DenyReason::Defaults,
        };
        return Answer::Deny { reason };
    };
    Answer::Allow { terms: tighten(ground, &base, mode, guards), rule }
}

/// The strictest of all: mode, quorum and clocks each by itself.
fn tighten(ground: &Ground<'_>, base: &Base, mode: ApprovalMode, guards: &[&Rule]) -> Terms {
    let effects = || guards.iter().map(|guard| &guard.effect);
    let modes = effects().filter_map(|effect| match effect.approval {
        Some(Approval::Mode(mode)) => Some(mode),
        Some(Approval::Deny) | None => None,
    });
    let mut mode = modes.fold(mode, Ord::max);
    let base_delegates =
        (base.approval == Approval::Mode(ApprovalMode::Delegated)).then_some(&base.delegates);
    let guard_delegates = effects().map(|effect| &effect.delegates).filter(|delegates| !delegates.is_empty());
    let delegates = common(base_delegates.into_iter().chain(guard_delegates));
    if mode == ApprovalMode::Delegated && delegates.is_empty() {
        // Rules that name different delegates leave none on whom all agree: then it is the owner's to decide.
        mode = ApprovalMode::Owner;
    }
    if mode == ApprovalMode::None && ground.traits.question {
        mode = ApprovalMode::Owner;
    }
    let deciders = match mode {
        ApprovalMode::None => Vec::new(),
        ApprovalMode::Delegated => delegates,
        ApprovalMode::Owner => ground.project.owners.clone(),
    };
    let alone = ground.traits.question || mode == ApprovalMode::None;
    let quorum = effects().filter_map(|effect| effect.quorum).fold(base.quorum, Ord::max);
    let shortest = |first: Millis, clocks: &mut dyn Iterator<Item = Millis>| clocks.fold(first, Ord::min);
    Terms {
        mode,
        deciders,
        quorum: if alone { 1 } else { quorum },
        decide_within: shortest(base.decide_within, &mut effects().filter_map(|effect| effect.decide_within)),
        execute_within: shortest(
            base.execute_within,
            &mut effects().filter_map(|effect| effect.execute_within),
        ),
        sole_owner: ground.project.sole_owner,
        on_run_end: ground.project.on_run_end,
    }
}

/// The groups that are in all of the lists, sorted.
fn common<'g>(mut lists: impl Iterator<Item = &'g Vec<GroupName>>) -> Vec<GroupName> {
    let Some(first) = lists.next() else { return Vec::new() };
    let mut common: BTreeSet<&GroupName> = first.iter().collect();
    for list in lists {
        common.retain(|group| list.contains(group));
    }
    common.into_iter().cloned().collect()
}
