//! The tool's input: its schema, its rules, and the typed form that is stored.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_kernel::{
    ActionName, Environment, ParseNameError, RedactedText, Repository, ToolName, Violations,
};
use serde_json::{Value, json};

use super::SecretSyncConfig;
use crate::arguments::Arguments;
use crate::call::{Call, Caller, DecodeError, parsed, small};
use crate::plan::SecretSpec;
use crate::ports::SecretPlace;
use crate::tool::{ActionDescriptor, ToolDescriptor};
use crate::tools::kubernetes_key::{KeyPlace, place};
use crate::tools::schema;

pub(super) const SCHEMA_VERSION: u32 = 1;
const NAME: &str = "secret.sync.github_k8s";
const ACTION: &str = "sync";
const MIN_LENGTH: u32 = 16;
const MAX_LENGTH: u32 = 256;

const FIELDS: [&str; 14] = [
    "environment",
    "github_secret_name",
    "kubernetes_secret_name",
    "kubernetes_secret_key",
    "kubernetes_namespace",
    "repository",
    "scope",
    "policy",
    "length",
    "idempotency_key",
    "justification",
    "risk_assessment",
    "links_to_code",
    "dry_run",
];

/// What to do with a value that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValuePolicy {
    /// Put a new random one in its place.
    Random,
    /// Leave it.
    KeepExisting,
}

/// The spellings of the two scopes: whether the GitHub secret belongs to the environment.
const SCOPES: [(&str, bool); 2] = [("environment", true), ("repository", false)];
const POLICIES: [(&str, ValuePolicy); 2] =
    [("random", ValuePolicy::Random), ("keep_existing", ValuePolicy::KeepExisting)];

/// What is wanted, typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyncInput {
    pub(super) kubernetes: KeyPlace,
    pub(super) place: SecretPlace,
    pub(super) github_name: String,
    pub(super) policy: ValuePolicy,
    pub(super) spec: SecretSpec,
}

impl SyncInput {
    fn to_json(&self) -> Value {
        json!({
            "kubernetes_namespace": self.kubernetes.namespace.as_str(),
            "kubernetes_secret_name": self.kubernetes.name,
            "kubernetes_secret_key": self.kubernetes.key,
            "repository": self.place.repository.as_str(),
            "scope": spelling(&SCOPES, self.place.environment.is_some()),
            "github_secret_name": self.github_name,
            "policy": spelling(&POLICIES, self.policy),
            "length": self.spec.length,
        })
    }

    /// Reads the typed input of a call back.
    pub(super) fn of_call(call: &Call) -> Result<Self, DecodeError> {
        let input = &call.input;
        let bad = |field: &str| DecodeError::new("secret.sync input", field);
        let text = |field: &str| input[field].as_str().ok_or_else(|| bad(field));
        let environment = call.environment.clone().ok_or_else(|| bad("environment"))?;
        let environment_scope = choice(&SCOPES, text("scope")?).ok_or_else(|| bad("scope"))?;
        Ok(Self {
            kubernetes: KeyPlace {
                namespace: parsed(&input["kubernetes_namespace"])
                    .ok_or_else(|| bad("kubernetes_namespace"))?,
                name: text("kubernetes_secret_name")?.to_owned(),
                key: text("kubernetes_secret_key")?.to_owned(),
            },
            place: SecretPlace {
                repository: parsed(&input["repository"]).ok_or_else(|| bad("repository"))?,
                environment: environment_scope.then_some(environment),
            },
            github_name: text("github_secret_name")?.to_owned(),
            policy: choice(&POLICIES, text("policy")?).ok_or_else(|| bad("policy"))?,
            spec: SecretSpec { length: small(&input["length"]).ok_or_else(|| bad("length"))? },
        })
    }
}

fn spelling<T: PartialEq>(choices: &[(&'static str, T)], wanted: T) -> &'static str {
    choices.iter().find(|(_, choice)| *choice == wanted).map_or("", |(spelling, _)| *spelling)
}

fn choice<T: Copy>(choices: &[(&str, T)], text: &str) -> Option<T> {
    choices.iter().find(|(spelling, _)| *spelling == text).map(|(_, choice)| *choice)
}

/// GitHub's rules for secret names; upper and lower case are the same to it.
fn github_name(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.to_ascii_uppercase().starts_with("GITHUB_")
}

/// Kubernetes' rules for a key under `data`.
fn kubernetes_key(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && text != "."
        && !text.starts_with("..")
}

pub(super) fn parse(
    config: &SecretSyncConfig,
    arguments: &Value,
    caller: &Caller,
) -> Result<Call, Violations> {
    let mut read = Arguments::read(arguments, &FIELDS);
    for field in ["environment", "github_secret_name", "kubernetes_secret_name", "justification"] {
        read.require(field);
    }
    let environment: Option<Environment> = read.name("environment");
    let github_name = read.patterned("github_secret_name", GITHUB_RULE, github_name);
    let name = place::read_secret_name(&mut read, "kubernetes_secret_name");
    let key = match read.has("kubernetes_secret_key") {
        true => read.patterned("kubernetes_secret_key", KEY_RULE, kubernetes_key),
        false => Some("value"),
    };
    let namespace = place::read_namespace(&mut read, &config.namespaces, caller, environment.as_ref());
    let repository = read_repository(&mut read, caller);
    let environment_scope = read.choice("scope", &SCOPES).unwrap_or(true);
    let policy = read.choice("policy", &POLICIES).unwrap_or(ValuePolicy::Random);
    let length = read.integer("length", MIN_LENGTH..=MAX_LENGTH);
    let idempotency_key = read.idempotency_key("idempotency_key");
    let prose = read_prose(&mut read);
    let links = read.links("links_to_code");
    let dry_run = read.flag("dry_run").unwrap_or(false);

    let input = (|| {
        Some(SyncInput {
            kubernetes: KeyPlace { namespace: namespace?, name: name?.to_owned(), key: key?.to_owned() },
            place: SecretPlace {
                repository: repository?,
                environment: environment.clone().filter(|_| environment_scope),
            },
            // GitHub keeps names in capitals: one secret gets one spelling in intents, plans and receipts.
            github_name: github_name?.to_ascii_uppercase(),
            policy,
            spec: SecretSpec {
                length: length.unwrap_or(config.default_length.clamp(MIN_LENGTH, MAX_LENGTH)),
            },
        })
    })();
    read.finish(input.map(|input| Call {
        tool: NAMES.0.clone(),
        schema_version: SCHEMA_VERSION,
        action: NAMES.1.clone(),
        environment,
        input: input.to_json(),
        prose,
        links,
        question: None,
        idempotency_key,
        dry_run,
    }))
}

fn read_prose(read: &mut Arguments<'_>) -> BTreeMap<String, RedactedText> {
    let justification = read.prose("justification", 10, 500);
    let risk = read.prose("risk_assessment", 0, 500).filter(|text| !text.as_str().is_empty());
    let named = [("justification", justification), ("risk_assessment", risk)];
    named.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text?))).collect()
}

fn read_repository(read: &mut Arguments<'_>, caller: &Caller) -> Option<Repository> {
    const FIELD: &str = "repository";
    let named: Option<Repository> = read.name(FIELD);
    let Some(own) = &caller.repository else {
        read.violate(FIELD, "can't be synced to, since this run has no repository");
        return None;
    };
    match named {
        Some(other) if !other.as_str().eq_ignore_ascii_case(own.as_str()) => {
            read.violate_with_value(FIELD, format!("must be the run's own, `{own}`"), other.as_str());
            None
        }
        Some(_) | None => Some(own.clone()),
    }
}

#[expect(
    clippy::expect_used,
    reason = "the names are literals of this file, parsed by every test of the tool"
)]
static NAMES: LazyLock<(ToolName, ActionName)> =
    LazyLock::new(|| names().expect("the tool's own names are well-formed"));

fn names() -> Result<(ToolName, ActionName), ParseNameError> {
    Ok((ToolName::parse(NAME)?, ActionName::parse(ACTION)?))
}

const GITHUB_RULE: &str =
    "must be 1 to 255 letters, digits and underscores, not beginning with a digit or with `GITHUB_`";
const KEY_RULE: &str = "must be 1 to 253 of `A-Z a-z 0-9 - . _`, not `.` and not beginning with `..`";

pub(super) fn descriptor() -> ToolDescriptor {
    let (name, action) = NAMES.clone();
    ToolDescriptor {
        name,
        aliases: Vec::new(),
        summary: "Creates or replaces one generated secret in a Kubernetes Secret and a GitHub Actions secret of an \
                  environment. The value is made inside and never shown."
            .to_owned(),
        schema_version: SCHEMA_VERSION,
        input_schema: input_schema(),
        actions: vec![ActionDescriptor { name: action, writes: true, default_approval: None, question: false }],
    }
}

fn input_schema() -> Value {
    let mut github = schema::patterned(
        "The name of the GitHub Actions secret: letters, digits, underscores; not beginning with a digit or `GITHUB_`. The name, never \
         the value.",
        "^[A-Za-z_][A-Za-z0-9_]{0,254}$",
    );
    github["not"] = json!({ "pattern": "^[Gg][Ii][Tt][Hh][Uu][Bb]_" });
    let mut key = schema::patterned(
        "The key inside the Kubernetes Secret; other keys stay as they are.",
        "^[-._a-zA-Z0-9]{1,253}$",
    );
    key["not"] = json!({ "pattern": "^(\\.$|\\.\\.)" });
    key["default"] = json!("value");
    let properties = json!({
        "environment": schema::environment(),
        "github_secret_name": github,
        "kubernetes_secret_name": place::name_schema(
            "The name of the Kubernetes Secret (RFC 1123 subdomain). It is created if it doesn't exist.",
        ),
        "kubernetes_secret_key": key,
        "kubernetes_namespace": place::namespace_schema(),
        "repository": schema::patterned(
            "The GitHub repository as `owner/name`; must be the run's own, which is the default.",
            "^(?:[A-Za-z0-9._-]{1,100})/(?:[A-Za-z0-9._-]{1,100})$",
        ),
        "scope": {
            "type": "string", "enum": ["environment", "repository"], "default": "environment",
            "description": "Whether the GitHub secret belongs to the deployment environment or to the whole repository.",
        },
        "policy": {
            "type": "string", "enum": ["random", "keep_existing"], "default": "random",
            "description": "`random` puts a new random value into both places. `keep_existing` changes nothing where both exist and \
                            is refused where only one does, since a value can't be copied.",
        },
        "length": {
            "type": "integer", "minimum": MIN_LENGTH, "maximum": MAX_LENGTH,
            "description": "The length of the random value in characters of `A-Z a-z 0-9`. The operator sets the default; 32 unless set.",
        },
        "idempotency_key": schema::idempotency_key(),
        "justification": schema::justification(),
        "risk_assessment": schema::prose(
            "What could go wrong, for the person who approves. At most 500 characters. Never write a secret here.", 0, 500,
        ),
        "links_to_code": schema::links_to_code(),
        "dry_run": schema::dry_run(),
    });
    schema::closed_object(
        properties,
        &["environment", "github_secret_name", "kubernetes_secret_name", "justification"],
    )
}
