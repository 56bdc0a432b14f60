//! Fields and their managers: what server-side apply and updates do to a Secret, as `structured-merge-diff` does it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// One field that a manager can own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Label(String),
    Annotation(String),
    Type,
    Immutable,
    Data(String),
    /// Write-only: its value is stored under `Data`, its ownership stays here, as in the real server.
    StringData(String),
}

impl Field {
    fn segments(&self) -> Vec<&str> {
        match self {
            Self::Label(key) => vec!["metadata", "labels", key],
            Self::Annotation(key) => vec!["metadata", "annotations", key],
            Self::Type => vec!["type"],
            Self::Immutable => vec!["immutable"],
            Self::Data(key) => vec!["data", key],
            Self::StringData(key) => vec!["stringData", key],
        }
    }

    /// As conflicts print it: `.data.value`.
    pub(super) fn path(&self) -> String {
        self.segments().iter().map(|segment| format!(".{segment}")).collect()
    }
}

/// The value of one field.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    Text(String),
    Bytes(Vec<u8>),
    Flag(bool),
}

/// Never the value: it may be a secret.
impl std::fmt::Debug for Leaf {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Leaf")
    }
}

/// Everything of a Secret that has an owner.
pub(super) type Content = BTreeMap<Field, Leaf>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// One entry of `metadata.managedFields`.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    name: String,
    operation: Operation,
    time: Timestamp,
    fields: BTreeSet<Field>,
}

/// Two entries say the same; their times don't count, as a write that changes nothing but times is none.
impl PartialEq for Manager {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.operation == other.operation && self.fields == other.fields
    }
}

impl Manager {
    fn is(&self, name: &str, operation: Operation) -> bool {
        self.name == name && self.operation == operation
    }

    /// As conflicts print it: appliers by name, updaters with the version they used.
    fn print(&self) -> String {
        match self.operation {
            Operation::Apply => format!("{:?}", self.name),
            Operation::Update => format!("{:?} using v1", self.name),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut fields = Map::new();
        for field in &self.fields {
            let mut at = &mut fields;
            for segment in field.segments() {
                let entry = at.entry(format!("f:{segment}")).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(next) = entry else { break };
                at = next;
            }
        }
        json!({
            "manager": self.name,
            "operation": match self.operation { Operation::Apply => "Apply", Operation::Update => "Update" },
            "apiVersion": "v1",
            "time": self.time.to_string(),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        })
    }
}

/// A write's outcome before it is validated and stored.
pub(super) struct Merged {
    pub(super) content: Content,
    pub(super) managers: Vec<Manager>,
}

/// Who writes, how and when.
#[derive(Clone, Copy)]
pub(super) struct Author<'a> {
    pub(super) manager: &'a str,
    pub(super) time: Timestamp,
}

/// Server-side apply: sets the desired fields, removes those that this manager applied before and no one else owns, and
/// refuses to change what others own, unless forced to take it.
pub(super) fn apply(
    live: (&Content, &[Manager]),
    desired: &Content,
    author: Author<'_>,
    force: bool,
) -> Result<Merged, Vec<(String, String)>> {
    let (content, managers) = live;
    let mine = |manager: &&Manager| manager.is(author.manager, Operation::Apply);
    let changed: BTreeSet<&Field> = desired
        .iter()
        .filter(|(field, leaf)| content.get(*field) != Some(*leaf))
        .map(|(field, _)| field)
        .collect();
    let mut conflicts = Vec::new();
    let mut others = Vec::new();
    for manager in managers.iter().filter(|manager| !mine(manager)) {
        let lost: BTreeSet<Field> =
            manager.fields.iter().filter(|field| changed.contains(field)).cloned().collect();
        conflicts.extend(lost.iter().map(|field| (manager.print(), field.path())));
        others.push(Manager { fields: &manager.fields - &lost, ..manager.clone() });
    }
    if !conflicts.is_empty() && !force {
        return Err(conflicts);
    }
    let mut merged = content.clone();
    merged.extend(desired.iter().map(|(field, leaf)| (field.clone(), leaf.clone())));
    let before = managers.iter().find(mine).map(|manager| manager.fields.clone()).unwrap_or_default();
    let fields: BTreeSet<Field> = desired.keys().cloned().collect();
    for dropped in before.difference(&fields) {
        if !others.iter().any(|manager| manager.fields.contains(dropped)) {
            merged.remove(dropped);
        }
    }
    let entry =
        Manager { name: author.manager.to_owned(), operation: Operation::Apply, time: author.time, fields };
    Ok(Merged { content: merged, managers: with_entry(others, entry) })
}

/// A create, update or merge patch: the new content stands, and ownership follows what changed.
pub(super) fn update(live: (&Content, &[Manager]), content: Content, author: Author<'_>) -> Merged {
    let (before, managers) = live;
    let changed: BTreeSet<Field> = content
        .iter()
        .filter(|(field, leaf)| before.get(*field) != Some(*leaf))
        .map(|(field, _)| field.clone())
        .collect();
    let removed: BTreeSet<Field> =
        before.keys().filter(|field| !content.contains_key(*field)).cloned().collect();
    let mut mine = BTreeSet::new();
    let mut others = Vec::new();
    for manager in managers {
        if manager.is(author.manager, Operation::Update) {
            mine = &manager.fields - &removed;
        } else {
            let fields = &(&manager.fields - &removed) - &changed;
            others.push(Manager { fields, ..manager.clone() });
        }
    }
    mine.extend(changed);
    let entry = Manager {
        name: author.manager.to_owned(),
        operation: Operation::Update,
        time: author.time,
        fields: mine,
    };
    Merged { content, managers: with_entry(others, entry) }
}

fn with_entry(mut managers: Vec<Manager>, entry: Manager) -> Vec<Manager> {
    managers.push(entry);
    managers.retain(|manager| !manager.fields.is_empty());
    managers.sort_by(|a, b| (a.operation as u8, &a.name).cmp(&(b.operation as u8, &b.name)));
    managers
}
