//! Reading what a rule matches, axis by axis, against what exists.

use std::collections::BTreeSet;
use std::str::FromStr;

use countersign_kernel::{ActionName, AgentKey, Environment, ProjectKey, RunLabel, RuntimeMode};

use crate::catalog::ToolCatalog;
use crate::cell::Axis;
use crate::document::Document;
use crate::glob::Glob;
use crate::limits::MAX_GLOB_CHARS;
use crate::matching::{Match, Pattern};
use crate::notice::{Notices, Position};
use crate::read::{self, Fields};
use crate::words::{hint, quoted};
use crate::yaml::{Entry, Node, Value};

/// What is known when the values of an axis are checked.
struct Known<'a> {
    document: &'a Document,
    catalog: &'a ToolCatalog,
    /// The axes before the one being read.
    when: Match,
}

/// Reads the mapping; `None` if anything in it is wrong.
pub(crate) fn read(
    entry: &Entry,
    document: &Document,
    catalog: &ToolCatalog,
    notices: &mut Notices,
) -> Option<Match> {
    let fields = Fields::read(&entry.value, "match", &Axis::ALL.map(Axis::as_str), notices)?;
    let mut known = Known { document, catalog, when: Match::default() };
    let mut whole = true;
    // In the order of the axes: actions are checked against the tools, environments against the projects.
    for axis in Axis::ALL {
        let Some(entry) = fields.find(axis.as_str()) else { continue };
        match read_pattern(axis, entry, &known, notices) {
            Some(pattern) => known.when.set(axis, pattern),
            None => whole = false,
        }
    }
    whole.then_some(known.when)
}

fn read_pattern(axis: Axis, entry: &Entry, known: &Known<'_>, notices: &mut Notices) -> Option<Pattern> {
    match &entry.value.value {
        Value::List(items) => read_list(axis, entry, items, known, notices),
        Value::Text { .. } => match read::text(&entry.value) {
            Some(text) if text.contains('*') => read_glob(axis, text, entry.value.at, known, notices),
            Some(text) => known.value(axis, text, entry.value.at, notices).map(Pattern::Exact),
            None => {
                entry.refuse("a value, a list of values or a glob such as `run:*`", notices);
                None
            }
        },
        Value::Map(_) => {
            entry.refuse("a value, a list of values or a glob such as `run:*`", notices);
            None
        }
    }
}

fn read_list(
    axis: Axis,
    entry: &Entry,
    items: &[Node],
    known: &Known<'_>,
    notices: &mut Notices,
) -> Option<Pattern> {
    if items.is_empty() {
        notices.error(
            entry.value.at,
            format!("`{axis}` is empty and would match nothing: expected at least one value"),
        );
        return None;
    }
    let mut values = Vec::new();
    let mut whole = true;
    for item in items {
        let value = match read::text(item) {
            Some(text) if text.contains('*') => {
                let message =
                    format!("the glob {} in a list: expected a value; a glob stands alone", quoted(text));
                notices.error(item.at, message);
                None
            }
            Some(text) => known.value(axis, text, item.at, notices),
            None => {
                notices.error(item.at, format!("expected a value for `{axis}`; found {}", item.describe()));
                None
            }
        };
        match value {
            Some(value) if values.contains(&value) => {
                notices.warn(item.at, format!("`{value}` is listed twice in `{axis}`"));
            }
            Some(value) => values.push(value),
            None => whole = false,
        }
    }
    whole.then_some(Pattern::List(values))
}

fn read_glob(
    axis: Axis,
    text: &str,
    at: Position,
    known: &Known<'_>,
    notices: &mut Notices,
) -> Option<Pattern> {
    if text.chars().count() > MAX_GLOB_CHARS {
        notices.error(
            at,
            format!("the glob {} is too long: expected at most {MAX_GLOB_CHARS} characters", quoted(text)),
        );
        return None;
    }
    let glob = Glob::new(text);
    let matched: Vec<&str> = match axis {
        // Any name may come on these axes; the glob has to be one that a name can fit.
        Axis::AgentKey => return open_glob::<AgentKey>(glob, text, "agent key", at, notices),
        Axis::RunLabel => return open_glob::<RunLabel>(glob, text, "run label", at, notices),
        Axis::Tool => {
            let tools = known
                .catalog
                .tools()
                .filter(|(tool, entry)| entry.answers_to(tool, |name| glob.matches(name)));
            tools.map(|(tool, _)| tool.as_str()).collect()
        }
        Axis::Project => known.projects().filter(|key| glob.matches(key)).collect(),
        Axis::RuntimeMode => MODES.into_iter().filter(|mode| glob.matches(mode)).collect(),
        Axis::Action => known.actions().into_iter().filter(|action| glob.matches(action)).collect(),
        Axis::Environment => known.environments().into_iter().filter(|name| glob.matches(name)).collect(),
    };
    if matched.is_empty() {
        notices.warn(
            at,
            format!("the glob {} matches no {axis} that exists, so the rule never applies", quoted(text)),
        );
    }
    if axis == Axis::Tool {
        let tools = matched.into_iter().map(str::to_owned).collect();
        return Some(Pattern::ToolGlob(glob, tools));
    }
    Some(Pattern::Glob(glob))
}

/// A glob on an axis where any name of kind `T` may come.
fn open_glob<T: FromStr>(
    glob: Glob,
    text: &str,
    what: &str,
    at: Position,
    notices: &mut Notices,
) -> Option<Pattern> {
    if glob.example().is_some_and(|name| name.parse::<T>().is_ok()) {
        return Some(Pattern::Glob(glob));
    }
    let message =
        format!("no {what} can match the glob {}: expected only characters that {what}s have", quoted(text));
    notices.error(at, message);
    None
}

const MODES: [&str; 2] = [RuntimeMode::FullEnv.as_str(), RuntimeMode::CodeOnly.as_str()];

impl<'a> Known<'a> {
    fn projects(&self) -> impl Iterator<Item = &'a str> {
        self.document.project_keys.iter().map(ProjectKey::as_str)
    }

    /// The actions of the tools that the rule matches.
    fn actions(&self) -> BTreeSet<&'a str> {
        let tools = self.when.pattern(Axis::Tool);
        // A glob that matches no tool has been warned of; an action then is one of any tool.
        let none = matches!(tools, Pattern::ToolGlob(_, names) if names.is_empty());
        let matched = self.catalog.tools().filter(|(tool, _)| none || tools.matches(Some(tool.as_str())));
        matched.flat_map(|(_, entry)| entry.actions.keys().map(ActionName::as_str)).collect()
    }

    /// The environments of the projects that the rule matches.
    fn environments(&self) -> BTreeSet<&'a str> {
        let projects = self.when.pattern(Axis::Project);
        let matched = self.document.projects.iter().filter(|(key, _)| projects.matches(Some(key.as_str())));
        matched.flat_map(|(_, project)| project.environments.iter().map(Environment::as_str)).collect()
    }

    /// One value that is written out; as rules keep it.
    fn value(&self, axis: Axis, text: &str, at: Position, notices: &mut Notices) -> Option<String> {
        match axis {
            Axis::AgentKey => parsed::<AgentKey>(text, at, notices),
            Axis::RunLabel => parsed::<RunLabel>(text, at, notices),
            Axis::RuntimeMode => parsed::<RuntimeMode>(text, at, notices),
            Axis::Project => existing(axis, text, self.projects(), at, notices),
            Axis::Tool => match self.catalog.canonical(text) {
                Some(tool) => Some(tool.to_string()),
                None => existing(axis, text, self.catalog.names(), at, notices),
            },
            Axis::Action => existing(axis, text, self.actions(), at, notices),
            Axis::Environment => self.environment(text, at, notices),
        }
    }

    fn environment(&self, text: &str, at: Position, notices: &mut Notices) -> Option<String> {
        let value = parsed::<Environment>(text, at, notices)?;
        let known = self.environments();
        // While projects have errors of their own, what is missing in them says nothing.
        if known.contains(text) || !self.document.sound_ground {
            return Some(value);
        }
        let hint = hint(text, known);
        if self.when.names_projects() {
            notices.error(
                at,
                format!("unknown environment {} in the projects of this rule: {hint}", quoted(text)),
            );
            return None;
        }
        notices.warn(at, format!("no project has the environment {}: {hint}", quoted(text)));
        Some(value)
    }
}

fn parsed<T: FromStr<Err = countersign_kernel::ParseNameError>>(
    text: &str,
    at: Position,
    notices: &mut Notices,
) -> Option<String> {
    match text.parse::<T>() {
        Ok(_) => Some(text.to_owned()),
        Err(error) => {
            notices.error(at, error.to_string());
            None
        }
    }
}

fn existing<'k>(
    axis: Axis,
    text: &str,
    known: impl IntoIterator<Item = &'k str>,
    at: Position,
    notices: &mut Notices,
) -> Option<String> {
    let known: BTreeSet<&str> = known.into_iter().collect();
    if known.contains(text) {
        return Some(text.to_owned());
    }
    notices.error(at, format!("unknown {axis} {}: {}", quoted(text), hint(text, known)));
    None
}
