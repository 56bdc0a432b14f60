//! The parts of a policy text: version, groups, projects, defaults; rules are read beside (`read_rule`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_kernel::{ApprovalMode, GroupName, Millis, OnRunEnd, ProjectKey, SoleOwner};

use crate::catalog::ToolCatalog;
use crate::limits::MAX_RULES;
use crate::members::{Groups, Member};
use crate::notice::{Notices, Position};
use crate::project::Project;
use crate::read::{self, Fields};
use crate::read_rule::{self, Shape};
use crate::rule::{Approval, Base, Rule, RuleKind};
use crate::words::{hint, quoted};
use crate::yaml::{Entry, Node, Value};

/// The format that this code reads.
pub(crate) const VERSION: u32 = 1;

/// Everything a text says, each part as far as it could be read.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) groups: Groups,
    pub(crate) projects: BTreeMap<ProjectKey, Project>,
    /// All projects that are named, those with errors too: they aren't unknown.
    pub(crate) project_keys: BTreeSet<ProjectKey>,
    pub(crate) defaults: Base,
    /// Where to point when the default quorum can't be met.
    pub(crate) default_quorum_at: Position,
    pub(crate) grants: Vec<Rule>,
    pub(crate) guards: Vec<Rule>,
    /// Whether what rules build upon (groups, projects, defaults) had no error, so that comparing rules makes sense.
    pub(crate) sound_ground: bool,
}

const SECTIONS: [&str; 6] = ["version", "groups", "projects", "defaults", "grants", "guards"];

/// What holds where neither a rule nor `defaults` says anything.
pub(crate) const FALLBACK: Base = Base {
    approval: Approval::Mode(ApprovalMode::Owner),
    delegates: Vec::new(),
    quorum: 1,
    decide_within: Millis::from_secs(3600),
    execute_within: Millis::from_secs(15 * 60),
};

/// Reads the whole tree. `None` when it isn't a mapping at all.
pub(crate) fn read(root: &Node, catalog: &ToolCatalog, notices: &mut Notices) -> Option<Document> {
    let fields = Fields::read(root, "a policy text", &SECTIONS, notices)?;
    if let Some(entry) = fields.get("version", "`version: 1`", notices)
        && read::text(&entry.value) != Some("1")
    {
        entry.refuse("`1`, the format that this server reads", notices);
    }
    let groups = fields.get("groups", "a mapping of group names to lists of members", notices);
    let groups = groups.map(|entry| read_groups(entry, notices)).unwrap_or_default();
    let projects = fields.get("projects", "a mapping of project keys to projects", notices);
    let (projects, project_keys) =
        projects.map(|entry| read_projects(entry, &groups, notices)).unwrap_or_default();
    let defaults = fields.find("defaults").and_then(|entry| read_defaults(entry, &groups, notices));
    let (defaults, default_quorum_at) = defaults.unwrap_or((FALLBACK, Position::START));
    let mut document = Document {
        groups,
        projects,
        project_keys,
        defaults,
        default_quorum_at,
        grants: Vec::new(),
        guards: Vec::new(),
        sound_ground: !notices.has_errors(),
    };
    read_rules(&fields, &mut document, catalog, notices);
    Some(document)
}

fn read_groups(entry: &Entry, notices: &mut Notices) -> Groups {
    let mut groups = BTreeMap::new();
    for (name, members) in keyed::<GroupName>(entry, "a mapping of group names to lists of members", notices)
    {
        let read = members.words::<Member>("\"user:ISSUER:NAME\"", notices).unwrap_or_default();
        // A group whose members are wrong is still a group: its name isn't unknown elsewhere.
        groups.insert(name, read.into_iter().map(|(member, _)| member).collect());
    }
    groups
}

fn read_projects(
    entry: &Entry,
    groups: &Groups,
    notices: &mut Notices,
) -> (BTreeMap<ProjectKey, Project>, BTreeSet<ProjectKey>) {
    let (mut projects, mut keys) = (BTreeMap::new(), BTreeSet::new());
    for (key, entry) in keyed::<ProjectKey>(entry, "a mapping of project keys to projects", notices) {
        if let Some(project) = read_project(&entry.value, groups, notices) {
            projects.insert(key.clone(), project);
        }
        keys.insert(key);
    }
    (projects, keys)
}

const PROJECT_KEYS: [&str; 5] = ["owners", "repository", "environments", "sole_owner", "on_run_end"];

fn read_project(node: &Node, groups: &Groups, notices: &mut Notices) -> Option<Project> {
    let fields = Fields::read(node, "a project", &PROJECT_KEYS, notices)?;
    let owners = fields.get("owners", "a list of groups", notices);
    let owners = owners.and_then(|entry| known_groups(entry, groups, notices));
    let repository = fields.get("repository", "`owner/name`", notices);
    let repository = repository.and_then(|entry| entry.word("`owner/name`", notices));
    let environments = fields.get("environments", "a list such as `[dev, production]`", notices);
    let environments = environments.and_then(|entry| entry.words("environment", notices));
    let sole_owner = match fields.find("sole_owner") {
        Some(entry) => entry.word("`deny` or `allow`", notices),
        None => Some(SoleOwner::Deny),
    };
    let on_run_end = match fields.find("on_run_end") {
        Some(entry) => entry.word("`cancel` or `execute`", notices),
        None => Some(OnRunEnd::Cancel),
    };
    Some(Project {
        owners: owners?,
        repository: repository?,
        environments: environments?.into_iter().map(|(environment, _)| environment).collect(),
        sole_owner: sole_owner?,
        on_run_end: on_run_end?,
    })
}

/// A list of groups, each of which the text has to define; sorted.
pub(crate) fn known_groups(entry: &Entry, groups: &Groups, notices: &mut Notices) -> Option<Vec<GroupName>> {
    let named = entry.words::<GroupName>("group", notices)?;
    let mut known = Vec::new();
    let mut whole = true;
    for (name, at) in named {
        if groups.contains_key(&name) {
            known.push(name);
        } else {
            let hint = hint(name.as_str(), groups.keys().map(GroupName::as_str));
            notices.error(at, format!("unknown group {}: {hint}", quoted(name.as_str())));
            whole = false;
        }
    }
    known.sort();
    whole.then_some(known)
}

fn read_defaults(entry: &Entry, groups: &Groups, notices: &mut Notices) -> Option<(Base, Position)> {
    const KEYS: [&str; 5] = ["approval", "delegates", "decide_within", "execute_within", "quorum"];
    let fields = Fields::read(&entry.value, "defaults", &KEYS, notices)?;
    let effect = read_rule::read_effect(&fields, Shape::Defaults, entry.value.at, groups, notices)?;
    Some((effect.over(&FALLBACK), effect.quorum_at.unwrap_or(entry.at)))
}

fn read_rules(fields: &Fields<'_>, document: &mut Document, catalog: &ToolCatalog, notices: &mut Notices) {
    let mut ids = HashMap::new();
    let mut count = 0;
    for (section, kind) in [("grants", RuleKind::Grant), ("guards", RuleKind::Guard)] {
        let Some(entry) = fields.find(section) else { continue };
        let Value::List(items) = &entry.value.value else {
            // `grants:` with nothing below it is how people leave a section empty.
            if read::text(&entry.value).is_some() || matches!(entry.value.value, Value::Map(_)) {
                entry.refuse(&format!("a list of {section}"), notices);
            }
            continue;
        };
        for item in items {
            count += 1;
            if count > MAX_RULES {
                notices.error(
                    item.at,
                    format!("too many rules: expected at most {MAX_RULES} grants and guards"),
                );
                return;
            }
            let Some(rule) = read_rule::read(item, kind, document, catalog, &mut ids, notices) else {
                continue;
            };
            match kind {
                RuleKind::Grant => document.grants.push(rule),
                RuleKind::Guard => document.guards.push(rule),
            }
        }
    }
}

/// The entries of a mapping whose keys are names.
fn keyed<'n, K: std::str::FromStr<Err = countersign_kernel::ParseNameError>>(
    entry: &'n Entry,
    expected: &str,
    notices: &mut Notices,
) -> Vec<(K, &'n Entry)> {
    let Value::Map(entries) = &entry.value.value else {
        entry.refuse(expected, notices);
        return Vec::new();
    };
    if entries.is_empty() {
        notices.error(entry.value.at, format!("`{}` is empty: expected {expected}", entry.key));
    }
    let mut keyed = Vec::new();
    for entry in entries {
        match entry.key.parse::<K>() {
            Ok(key) => keyed.push((key, entry)),
            Err(error) => notices.error(entry.at, error.to_string()),
        }
    }
    keyed
}
