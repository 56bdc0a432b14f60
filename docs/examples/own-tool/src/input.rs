//! What an agent may ask, and how it is read.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use countersign_kernel::{ActionName, Environment, ProjectKey, ToolName, Violations};
use countersign_mcp_tools::{Arguments, Call, Caller};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Place;

/// The version of the input and of the plan. It grows when their form changes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

const FIELDS: [&str; 9] = [
    "action",
    "environment",
    "name",
    "type",
    "values",
    "ttl_s",
    "justification",
    "idempotency_key",
    "dry_run",
];

const NAME_RULE: &str = "must be labels of `a-z 0-9 -`, joined by dots, relative to the environment's zone, at most 100 characters";

/// Which zone an environment of a project has. What is not listed can't be written to.
#[derive(Clone, Debug, Default)]
pub struct Zones(BTreeMap<(ProjectKey, Environment), String>);

impl Zones {
    /// Adds a zone.
    #[must_use]
    pub fn with(mut self, project: ProjectKey, environment: Environment, zone: &str) -> Self {
        self.0.insert((project, environment), zone.to_owned());
        self
    }

    fn find(&self, caller: &Caller, environment: &Environment) -> Option<&str> {
        self.0.get(&(caller.project.clone(), environment.clone())).map(String::as_str)
    }
}

/// What is wanted, as it is stored in the call. Full names and sorted values, so that the same wish has the same intent digest however
/// it was spelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) zone: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    /// `None` to delete.
    pub(crate) content: Option<WantedContent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedContent {
    pub(crate) values: Vec<String>,
    pub(crate) ttl_s: u32,
}

impl Wanted {
    /// Reads what `parse` wrote; `None` for a call of another version.
    pub(crate) fn of(call: &Call) -> Option<Self> {
        (call.schema_version == SCHEMA_VERSION).then(|| serde_json::from_value(call.input.clone()).ok())?
    }

    pub(crate) fn place(&self) -> Place {
        let Self { zone, name, record_type, .. } = self.clone();
        Place { zone, name, record_type }
    }
}

/// Reads the arguments. Nothing returns early: an agent hears of everything that is wrong.
pub(crate) fn parse(
    tool: &ToolName,
    actions: &[(&str, ActionName)],
    zones: &Zones,
    arguments: &Value,
    caller: &Caller,
) -> Result<Call, Violations> {
    let mut read = Arguments::read(arguments, &FIELDS);
    for field in ["action", "environment", "name", "type", "justification"] {
        read.require(field);
    }
    let choices: Vec<_> = actions.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
    let action = read.choice("action", &choices).map(|index| actions[index].clone());
    let environment: Option<Environment> = read.name("environment");
    let zone = environment.as_ref().and_then(|environment| zones.find(caller, environment));
    if let (Some(environment), None) = (&environment, zone) {
        read.violate_with_value("environment", "has no zone for this project", environment.as_str());
    }
    let name = read.patterned("name", NAME_RULE, is_relative_name).map(str::to_owned);
    let record_type = read.choice("type", &[("A", "A"), ("AAAA", "AAAA"), ("CNAME", "CNAME")]);
    let content = content(&mut read, action.as_ref().map(|(name, _)| *name), record_type);
    let justification = read.prose("justification", 10, 500);
    let idempotency_key = read.idempotency_key("idempotency_key");
    let dry_run = read.flag("dry_run").unwrap_or(false);
    let call = (|| {
        let (zone, record_type) = (zone?.to_owned(), record_type?.to_owned());
        let name = format!("{}.{zone}", name?);
        let wanted = Wanted { zone, name, record_type, content: content? };
        Some(Call {
            tool: tool.clone(),
            schema_version: SCHEMA_VERSION,
            action: action?.1,
            environment: Some(environment?),
            input: serde_json::to_value(wanted).ok()?,
            prose: BTreeMap::from([("justification".to_owned(), justification?)]),
            links: Vec::new(),
            question: None,
            idempotency_key,
            dry_run,
        })
    })();
    read.finish(call)
}

/// The content to set, or that there is none because the record is to be deleted. `None` when it could not be read.
fn content(
    read: &mut Arguments<'_>,
    action: Option<&str>,
    record_type: Option<&str>,
) -> Option<Option<WantedContent>> {
    if action == Some("delete") {
        for field in ["values", "ttl_s"] {
            if read.has(field) {
                read.violate(field, "is not taken when a record is deleted");
            }
        }
        return Some(None);
    }
    read.require("values");
    let ttl_s = if read.has("ttl_s") { read.integer("ttl_s", 30..=86_400) } else { Some(300) };
    let most = if record_type == Some("CNAME") { 1 } else { 20 };
    let values = match record_type {
        Some("A") => read.patterned_list("values", 1..=most, "must be an IPv4 address", |text| {
            text.parse::<Ipv4Addr>().is_ok()
        }),
        Some("AAAA") => read.patterned_list("values", 1..=most, "must be an IPv6 address", |text| {
            text.parse::<Ipv6Addr>().is_ok()
        }),
        Some("CNAME") => {
            read.patterned_list("values", 1..=most, "must be a full host name ending in a dot", is_full_name)
        }
        // The type is wrong or missing, which is said; what the values have to be depends on it.
        _ => None,
    };
    let mut values: Vec<String> = values?.into_iter().map(str::to_owned).collect();
    values.sort();
    values.dedup();
    Some(Some(WantedContent { values, ttl_s: ttl_s? }))
}

fn is_relative_name(text: &str) -> bool {
    text.len() <= 100 && text.split('.').all(is_label)
}

fn is_full_name(text: &str) -> bool {
    text.len() <= 254
        && text.strip_suffix('.').is_some_and(|name| name.contains('.') && name.split('.').all(is_label))
}

/// RFC 1035, section 2.3.1, in lower case, digits first allowed by RFC 1123, section 2.1.
fn is_label(label: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(good)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The same in JSON Schema: what agents are shown. It is closed, so that a misspelt field is an error and not ignored.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["action", "environment", "name", "type", "justification"],
        "properties": {
            "action": {"enum": ["upsert", "delete"], "description": "Set the record, or delete it."},
            "environment": {"type": "string", "description": "The environment; it has one zone."},
            "name": {
                "type": "string", "maxLength": 100, "description": "The name relative to the zone, such as `api`.",
                "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
            },
            "type": {"enum": ["A", "AAAA", "CNAME"]},
            "values": {
                "type": "array", "minItems": 1, "maxItems": 20, "items": {"type": "string"},
                "description": "To upsert: addresses, or for a CNAME one full host name ending in a dot.",
            },
            "ttl_s": {"type": "integer", "minimum": 30, "maximum": 86400, "default": 300},
            "justification": {
                "type": "string", "minLength": 10, "maxLength": 500,
                "description": "Why this is needed, for the person who approves. Never write a secret here.",
            },
            "idempotency_key": {"type": "string", "pattern": "^[!-~]{1,128}$"},
            "dry_run": {"type": "boolean", "default": false},
        },
    })
}
