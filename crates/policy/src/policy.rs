//! The compiled policy: immutable, checked, ready to answer.

use std::collections::{BTreeMap, BTreeSet};

use countersign_kernel::terms::Membership;
use countersign_kernel::{Digest, GroupName, OutsideGroup, Principal, ProjectKey};

use crate::analysis;
use crate::answer::Answer;
use crate::catalog::ToolCatalog;
use crate::cell::Cell;
use crate::document::{self, VERSION};
use crate::evaluate;
use crate::explain::{self, Explanation};
use crate::matching::Point;
use crate::members::{Groups, Members, people};
use crate::notice::{Notices, PolicyErrors, PolicyNotice};
use crate::project::Project;
use crate::rule::{Base, Rule};
use crate::yaml;

/// A policy text that was read and checked against a catalog of tools. Answers cells; never changes.
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    digest: Digest,
    pub(crate) catalog: ToolCatalog,
    groups: Groups,
    projects: BTreeMap<ProjectKey, Project>,
    pub(crate) defaults: Base,
    /// Most specific first; in the order of the text where they tie.
    pub(crate) grants: Vec<Rule>,
    /// In the order of the text.
    pub(crate) guards: Vec<Rule>,
}

/// What compiling gives: the policy, and what is odd but not wrong.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The policy.
    pub policy: CompiledPolicy,
    /// Rules that can't apply, quorums that some project can't meet and the like, in the order of the text.
    pub warnings: Vec<PolicyNotice>,
}

impl CompiledPolicy {
    /// Reads and checks a policy text. Tools and actions that rules name are looked up in `catalog`, where an alias stands for its tool.
    ///
    /// # Errors
    /// The text is not a policy: every error, each with its line and column.
    pub fn compile(text: &str, catalog: &ToolCatalog) -> Result<Compiled, PolicyErrors> {
        let mut notices = Notices::default();
        let document =
            yaml::read(text, &mut notices).and_then(|root| document::read(&root, catalog, &mut notices));
        if let Some(document) = document.as_ref().filter(|document| document.sound_ground) {
            analysis::check(document, catalog, &mut notices);
        }
        let warnings = notices.finish()?;
        let Some(mut document) = document else {
            // Every way to have no document leaves an error behind; should one not, it is still no policy.
            let message = "the text is not a policy".to_owned();
            return Err(PolicyErrors::new(vec![PolicyNotice { line: 1, column: 1, message }]));
        };
        document.grants.sort_by_key(|grant| std::cmp::Reverse(grant.when.specificity()));
        let policy = Self {
            digest: Digest::of_bytes(text.as_bytes()),
            catalog: catalog.clone(),
            groups: document.groups,
            projects: document.projects,
            defaults: document.defaults,
            grants: document.grants,
            guards: document.guards,
        };
        Ok(Compiled { policy, warnings })
    }

    /// The digest of the text's bytes, by which events and snapshots name this policy.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The version of the text's format.
    pub fn version(&self) -> u32 {
        VERSION
    }

    /// The answer for one cell.
    ///
    /// The most specific grant that matches wins; without one, a writing action takes the text's `defaults` and a reading one its
    /// tool's own default. Then every guard that matches tightens: strictest mode, largest quorum, shortest clocks. Delegates are those
    /// on whom the grant and all delegating guards agree, and the owners where there is none. A question is answered by one person:
    /// where a rule for everything would have nobody or several decide it, one owner or one delegate does.
    pub fn evaluate(&self, cell: &Cell) -> Answer {
        let ground = match self.ground(cell) {
            Ok(ground) => ground,
            Err(reason) => return Answer::Deny { reason },
        };
        let point = Point::new(cell, ground.tool);
        let (base, rule) = self.base(self.winner(&point), ground.traits);
        evaluate::answer(&ground, base, rule, &self.applying_guards(&point))
    }

    /// The answer for one cell with everything that led to it, and what didn't.
    pub fn explain(&self, cell: &Cell) -> Explanation {
        explain::explain(self, cell)
    }

    /// What the text says of a project.
    pub fn project(&self, key: &ProjectKey) -> Option<&Project> {
        self.projects.get(key)
    }

    /// The groups that somebody belongs to who is called this and has proved these outside groups, sorted.
    pub fn groups_of(&self, who: &Principal, proved: &BTreeSet<OutsideGroup>) -> Vec<GroupName> {
        let belongs = |members: &Members| members.named.contains(who) || !members.outside.is_disjoint(proved);
        self.groups.iter().filter(|(_, members)| belongs(members)).map(|(name, _)| name.clone()).collect()
    }

    /// All projects, sorted by key.
    pub fn projects(&self) -> impl Iterator<Item = (&ProjectKey, &Project)> {
        self.projects.iter()
    }
}

impl Membership for CompiledPolicy {
    fn is_member(&self, who: &Principal, groups: &[GroupName]) -> bool {
        self.members_of(groups).any(|members| members.named.contains(who))
    }

    fn has_outside(&self, outside: &OutsideGroup, groups: &[GroupName]) -> bool {
        self.members_of(groups).any(|members| members.outside.contains(outside))
    }

    /// A policy by itself doesn't know who asks.
    fn proved_by(&self, _who: &Principal, _groups: &[GroupName]) -> Option<OutsideGroup> {
        None
    }

    fn size(&self, groups: &[GroupName]) -> Option<usize> {
        people(&self.groups, groups)
    }
}

impl CompiledPolicy {
    fn members_of(&self, groups: &[GroupName]) -> impl Iterator<Item = &Members> {
        groups.iter().filter_map(|group| self.groups.get(group))
    }
}
