//! The tool's input: its schema, its rules, and the typed form that is stored.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_kernel::{
    ActionName, ApprovalMode, DatabaseName, Environment, ParseNameError, ToolName, Violations,
};
use serde_json::{Value, json};

use super::credentials::{self, Credentials, KEY};
use crate::arguments::Arguments;
use crate::call::{Call, Caller, DecodeError, parsed};
use crate::ports::DatabaseServers;
use crate::tool::{ActionDescriptor, ToolDescriptor};
use crate::tools::kubernetes_key::KeyPlace;
use crate::tools::kubernetes_key::place::{self, NAMESPACE_FIELD};
use crate::tools::schema;

pub(super) const SCHEMA_VERSION: u32 = 1;
/// Names that begin so are those of quarantined databases.
pub(super) const QUARANTINE_PREFIX: &str = "_q_";
const NAME: &str = "database.lifecycle";
const SECRET_FIELD: &str = "credentials_secret";

const FIELDS: [&str; 10] = [
    "action",
    "environment",
    "database_name",
    SECRET_FIELD,
    NAMESPACE_FIELD,
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
    /// Where the password of a login role goes, if there is to be one.
    pub(super) credentials: Option<KeyPlace>,
}

/// What is configured, and who calls.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) servers: &'a dyn DatabaseServers,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) caller: &'a Caller,
}

impl DatabaseInput {
    /// Reads the typed input of a call back.
    pub(super) fn of_call(call: &Call) -> Result<Self, DecodeError> {
        let bad = |field: &str| DecodeError::new("database.lifecycle input", field);
        let action = Action::ALL.into_iter().find(|action| action.cell() == call.action.as_str());
        let credentials = match &call.input[SECRET_FIELD] {
            Value::Null => None,
            secret => Some(KeyPlace {
                namespace: parsed(&call.input[NAMESPACE_FIELD]).ok_or_else(|| bad(NAMESPACE_FIELD))?,
                name: secret.as_str().ok_or_else(|| bad(SECRET_FIELD))?.to_owned(),
                key: KEY.to_owned(),
            }),
        };
        Ok(Self {
            action: action.ok_or_else(|| bad("action"))?,
            environment: call.environment.clone().ok_or_else(|| bad("environment"))?,
            database: parsed(&call.input["database_name"]).ok_or_else(|| bad("database_name"))?,
            credentials,
        })
    }
}

/// The input as it is stored: what isn't asked for isn't there, so that the intent of a call without it stays what it was.
fn to_json(database: &DatabaseName, credentials: Option<&KeyPlace>) -> Value {
    let mut input = json!({ "database_name": database.as_str() });
    if let Some(place) = credentials {
        input[SECRET_FIELD] = json!(place.name);
        input[NAMESPACE_FIELD] = json!(place.namespace.as_str());
    }
    input
}

/// Words that mean something else to PostgreSQL where a role is named, however they are quoted.
const NO_ROLE: [&str; 2] = ["none", "public"];

/// Names that belong to PostgreSQL itself or to our quarantine.
pub(super) fn reserved(name: &str) -> bool {
    matches!(name, "postgres" | "template0" | "template1")
        || name.starts_with("pg_")
        || name.starts_with(QUARANTINE_PREFIX)
}

pub(super) fn parse(around: Surroundings<'_>, arguments: &Value) -> Result<Call, Violations> {
    let mut read = Arguments::read(arguments, &FIELDS);
    for field in ["action", "environment", "database_name", "justification"] {
        read.require(field);
    }
    let asked = read.choice("action", &ASKED);
    let environment = read_environment(&mut read, around.servers);
    let database = read_database(&mut read);
    let credentials = read_credentials(&mut read, asked, around, environment.as_ref());
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
            input: to_json(&database, credentials.as_ref()),
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
    if read.has(SECRET_FIELD) && NO_ROLE.contains(&database.as_str()) {
        let rule = "can't be the name of a login role, which `credentials_secret` asks for";
        read.violate_with_value("database_name", rule, database.as_str());
        return None;
    }
    Some(database)
}

/// Where the password goes. Whatever is wrong is a violation, so that `None` is either that or no wish for one.
fn read_credentials(
    read: &mut Arguments<'_>,
    asked: Option<Asked>,
    around: Surroundings<'_>,
    environment: Option<&Environment>,
) -> Option<KeyPlace> {
    let given: Vec<_> = [SECRET_FIELD, NAMESPACE_FIELD].into_iter().filter(|one| read.has(one)).collect();
    match asked {
        Some(Asked::Delete | Asked::Describe) => {
            for field in given {
                read.violate(field, "is only for action `create`");
            }
            return None;
        }
        Some(Asked::Create) | None => {}
    }
    if given == [NAMESPACE_FIELD] {
        read.violate(NAMESPACE_FIELD, "is only for a `credentials_secret`");
    }
    if !given.contains(&SECRET_FIELD) {
        return None;
    }
    let name = place::read_secret_name(read, SECRET_FIELD).map(str::to_owned);
    if let Some(environment) = environment {
        let server = around.servers.find_server(environment);
        for rule in credentials::unavailable(around.credentials, server.as_deref(), environment) {
            read.violate(SECRET_FIELD, rule);
        }
    }
    let rules = &around.credentials?.config.namespaces;
    let namespace = place::read_namespace(read, rules, around.caller, environment);
    Some(KeyPlace { namespace: namespace?, name: name?, key: KEY.to_owned() })
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
        summary: "Creates, deletes or describes a database of the project in an environment. A new one can have a login role, whose \
                  password goes into a Kubernetes Secret. Deleting keeps the data in quarantine unless `delete_mode` is `drop`."
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
        SECRET_FIELD: place::name_schema(
            "Only for action `create`: the name of a Kubernetes Secret (RFC 1123 subdomain). Together with the database a login role of the \
             same name is made, to which alone the database is open; its generated password goes into the key `password` of that Secret and is \
             never shown. The Secret is created if it doesn't exist; its other keys stay.",
        ),
        NAMESPACE_FIELD: place::namespace_schema(),
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
    schema["allOf"] = json!([
        {
            "if": { "properties": { "action": { "enum": ["delete", "describe"] } }, "required": ["action"] },
            "then": { "properties": { SECRET_FIELD: false, NAMESPACE_FIELD: false } },
        },
        {
            "if": { "required": [SECRET_FIELD] },
            "then": { "properties": { "database_name": { "not": { "enum": NO_ROLE } } } },
            "else": { "properties": { NAMESPACE_FIELD: false } },
        },
    ]);
    schema
}
