//! The tool's input: its schema, its rules, and the typed form that is stored.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_kernel::{
    ActionName, ApprovalMode, DatabaseName, Environment, ParseNameError, ToolName, Violations,
};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::call::{Call, DecodeError, parsed};
use crate::ports::DatabaseServers;
use crate::tool::{ActionDescriptor, ToolDescriptor};
use crate::tools::schema;

pub(super) const SCHEMA_VERSION: u32 = 1;
/// Names that begin so are those of quarantined databases.
pub(super) const QUARANTINE_PREFIX: &str = "_q_";
const NAME: &str = "database.lifecycle";

const FIELDS: [&str; 8] = [
    "action",
    "environment",
    "database_name",
    "confirm_delete",
    "delete_mode",
    "idempotency_key",
    "justification",
    "dry_run",
];

/// What is to be done. Quarantine and drop are both `delete` to the agent; policy knows them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Create it.
    Create,
    /// Delete it by keeping it under another name: the policy cell `delete`.
    Quarantine,
    /// Delete it for good: the policy cell `drop`.
    Drop,
    /// Tell what it is like.
    Describe,
}

impl Action {
    const ALL: [Self; 4] = [Self::Create, Self::Quarantine, Self::Drop, Self::Describe];

    /// The action's name in the policy matrix.
    const fn cell(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Quarantine => "delete",
            Self::Drop => "drop",
            Self::Describe => "describe",
        }
    }
}

/// What an agent writes into `action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Create,
    Delete,
    Describe,
}

const ASKED: [(&str, Asked); 3] =
    [("create", Asked::Create), ("delete", Asked::Delete), ("describe", Asked::Describe)];
const DELETE_MODES: [(&str, Action); 2] = [("quarantine", Action::Quarantine), ("drop", Action::Drop)];

/// What is wanted, typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DatabaseInput {
    pub(super) action: Action,
    pub(super) environment: Environment,
    pub(super) database: DatabaseName,
}

impl DatabaseInput {
    /// Reads the typed input of a call back.
    pub(super) fn of_call(call: &Call) -> Result<Self, DecodeError> {
        let bad = |field: &str| DecodeError::new("database.lifecycle input", field);
        let action = Action::ALL.into_iter().find(|action| action.cell() == call.action.as_str());
        Ok(Self {
            action: action.ok_or_else(|| bad("action"))?,
            environment: call.environment.clone().ok_or_else(|| bad("environment"))?,
            database: parsed(&call.input["database_name"]).ok_or_else(|| bad("database_name"))?,
        })
    }
}

/// Names that belong to PostgreSQL itself or to our quarantine.
pub(super) fn reserved(name: &str) -> bool {
    matches!(name, "postgres" | "template0" | "template1")
        || name.starts_with("pg_")
        || name.starts_with(QUARANTINE_PREFIX)
}

pub(super) fn parse(servers: &dyn DatabaseServers, arguments: &Value) -> Result<Call, Violations> {
    let mut read = Arguments::read(arguments, &FIELDS);
    for field in ["action", "environment", "database_name", "justification"] {
        read.require(field);
    }
    let asked = read.choice("action", &ASKED);
    let environment = read_environment(&mut read, servers);
    let database = read_database(&mut read);
    let action = read_action(&mut read, asked);
    let justification = read.prose("justification", 10, 500);
    let idempotency_key = read.idempotency_key("idempotency_key");
    let dry_run = read.flag("dry_run").unwrap_or(false);

    let named = action.and_then(|action| NAMES.action(action)).zip(environment).zip(database);
    read.finish(named.map(|((action, environment), database)| {
        Call {
            tool: NAMES.tool.clone(),
            schema_version: SCHEMA_VERSION,
            action,
            environment: Some(environment),
            input: json!({ "database_name": database.as_str() }),
            prose: justification
                .map(|text| ("justification".to_owned(), text))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            links: Vec::new(),
            question: None,
            idempotency_key,
            dry_run,
        }
    }))
}

fn read_environment(read: &mut Arguments<'_>, servers: &dyn DatabaseServers) -> Option<Environment> {
    let environment: Environment = read.name("environment")?;
    if servers.find_server(&environment).is_none() {
        read.violate_with_value("environment", "has no database server configured", environment.as_str());
        return None;
    }
    Some(environment)
}

fn read_database(read: &mut Arguments<'_>) -> Option<DatabaseName> {
    let database: DatabaseName = read.name("database_name")?;
    if reserved(database.as_str()) {
        let rule = "is reserved: not `postgres`, `template0`, `template1`, nor beginning with `pg_` or `_q_`";
        read.violate_with_value("database_name", rule, database.as_str());
        return None;
    }
    Some(database)
}

fn read_action(read: &mut Arguments<'_>, asked: Option<Asked>) -> Option<Action> {
    let confirmed = read.flag("confirm_delete");
    let mode = read.choice("delete_mode", &DELETE_MODES);
    match asked? {
        Asked::Delete => {
            if confirmed != Some(true) && (!read.has("confirm_delete") || confirmed.is_some()) {
                read.violate("confirm_delete", "must be `true` to delete");
            }
            Some(mode.unwrap_or(Action::Quarantine))
        }
        other => {
            if confirmed == Some(true) {
                read.violate("confirm_delete", "may be `true` only for action `delete`");
            }
            if read.has("delete_mode") {
                read.violate("delete_mode", "is only for action `delete`");
            }
            match other {
                Asked::Create => Some(Action::Create),
                Asked::Describe => Some(Action::Describe),
                Asked::Delete => None,
            }
        }
    }
}

struct Names {
    tool: ToolName,
    actions: Vec<(Action, ActionName)>,
}

impl Names {
    fn action(&self, wanted: Action) -> Option<ActionName> {
        self.actions.iter().find(|(action, _)| *action == wanted).map(|(_, name)| name.clone())
    }
}

#[expect(
    clippy::expect_used,
    reason = "the names are literals of this file, parsed by every test of the tool"
)]
static NAMES: LazyLock<Names> = LazyLock::new(|| names().expect("the tool's own names are well-formed"));

fn names() -> Result<Names, ParseNameError> {
    let mut actions = Vec::new();
    for action in Action::ALL {
        actions.push((action, ActionName::parse(action.cell())?));
    }
    Ok(Names { tool: ToolName::parse(NAME)?, actions })
}

pub(super) fn descriptor() -> ToolDescriptor {
    let describe = |(action, name): &(Action, ActionName)| {
        let reads = *action == Action::Describe;
        ActionDescriptor {
            name: name.clone(),
            writes: !reads,
            default_approval: reads.then_some(ApprovalMode::None),
            question: false,
        }
    };
    ToolDescriptor {
        name: NAMES.tool.clone(),
        aliases: Vec::new(),
        summary: "Creates, deletes or describes a database of the project in an environment. Deleting keeps the data in quarantine \
                  unless `delete_mode` is `drop`."
            .to_owned(),
        schema_version: SCHEMA_VERSION,
        input_schema: input_schema(),
        actions: NAMES.actions.iter().map(describe).collect(),
    }
}

fn input_schema() -> Value {
    let mut database = schema::patterned(
        "The database: a letter or underscore, then letters, digits, underscores; lower case, at most 63. Not `postgres`, `template0`, \
         `template1`, nor beginning with `pg_` or `_q_`.",
        "^[a-z_][a-z0-9_]{0,62}$",
    );
    database["not"] = json!({ "pattern": "^(postgres$|template0$|template1$|pg_|_q_)" });
    let properties = json!({
        "action": {
            "type": "string", "enum": ["create", "delete", "describe"],
            "description": "What to do. `describe` changes nothing.",
        },
        "environment": schema::environment(),
        "database_name": database,
        "confirm_delete": {
            "type": "boolean", "default": false,
            "description": "Must be `true` for action `delete`, and not `true` for any other.",
        },
        "delete_mode": {
            "type": "string", "enum": ["quarantine", "drop"], "default": "quarantine",
            "description": "Only for action `delete`: `quarantine` renames the database and closes it to connections, so that staff can \
                            restore it; `drop` destroys it for good and is a separate cell of the policy.",
        },
        "idempotency_key": schema::idempotency_key(),
        "justification": schema::justification(),
        "dry_run": schema::dry_run(),
    });
    let required = ["action", "environment", "database_name", "justification"];
    let mut schema = schema::closed_object(properties, &required);
    schema["if"] = json!({ "properties": { "action": { "const": "delete" } }, "required": ["action"] });
    schema["then"] =
        json!({ "properties": { "confirm_delete": { "const": true } }, "required": ["confirm_delete"] });
    schema["else"] = json!({ "properties": { "confirm_delete": { "const": false }, "delete_mode": false } });
    schema
}
