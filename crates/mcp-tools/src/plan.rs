//! What exactly will be done: the thing an approver sees, a digest names and an executor follows.

use std::fmt;
use std::str::FromStr;

use countersign_kernel::{DatabaseName, Environment, RequestId, Terms};
use serde_json::{Map, Value, json};

use crate::call::{Call, DecodeError, parsed, small};

/// One fact about the target or the change: a message code and its parameters, so that every surface can word it in its own language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The message code, such as `kubernetes_key_changes`.
    pub code: String,
    /// The parameters by name. Never a secret value, length or hash.
    pub params: Map<String, Value>,
}

/// Whether a step can be taken back or at least be seen afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversibility {
    /// The target can be read back and refuses an older fence.
    ReadBackAndFence,
    /// The target can be read back.
    ReadBack,
    /// The value can't be read back: such steps come last.
    WriteOnly,
}

impl Reversibility {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadBackAndFence => "read_back_and_fence",
            Self::ReadBack => "read_back",
            Self::WriteOnly => "write_only",
        }
    }
}

impl FromStr for Reversibility {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "read_back_and_fence" => Ok(Self::ReadBackAndFence),
            "read_back" => Ok(Self::ReadBack),
            "write_only" => Ok(Self::WriteOnly),
            _ => Err(DecodeError::new("step", "reversibility")),
        }
    }
}

/// One write (or, for a reading tool, one read) against one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// 1, 2, 3 in the order of execution.
    pub number: u32,
    /// What is done, such as `kubernetes.apply_key`.
    pub kind: String,
    /// Which target, such as `kubernetes:shop-dev/app#value`. No two active steps share one.
    pub target: String,
    /// Whether it can be read back.
    pub reversibility: Reversibility,
    /// Parameters and preconditions of the tool's own.
    pub params: Value,
}

/// A secret value the executor has to make before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretSpec {
    /// Characters of the alphabet `A-Z a-z 0-9`, 16 to 256.
    pub length: u32,
}

/// A change of who owns a database, committed with the request's own states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The configured server's name.
    pub server: String,
    /// The database.
    pub database: DatabaseName,
    /// Its environment.
    pub environment: Environment,
    /// What changes.
    pub change: OwnershipChange,
}

/// What changes about a database's owner row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnershipChange {
    /// Reserved when `applying` commits, owned when `applied`, free again when failed with nothing done.
    Reserve,
    /// Marked as quarantined under another name when `applied`.
    Quarantine(Quarantine),
    /// Freed when `applied`.
    Release,
}

/// What the owner row has to know of a database in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The name it is kept under.
    pub kept_as: DatabaseName,
    /// What identifies this very database, not its name.
    pub database_id: String,
    /// The request that created it, whose mark it carries.
    pub created_by: RequestId,
    /// How many days it is kept.
    pub days: u32,
}

/// The plan: facts for people, steps for the executor, and what has to be made or reserved on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The version of the tool's plan form.
    pub schema_version: u32,
    /// What is so now and what will change.
    pub facts: Vec<Fact>,
    /// The steps in order; empty for a question.
    pub steps: Vec<Step>,
    /// The secret to make, if any.
    pub secret: Option<SecretSpec>,
    /// The change of ownership, if any.
    pub ownership: Option<Ownership>,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        for (name, value) in &self.params {
            match value {
                Value::String(text) => write!(f, " {name}={text}")?,
                other => write!(f, " {name}={other}")?,
            }
        }
        Ok(())
    }
}

impl Fact {
    /// A fact from a code and its parameters; `params` has to be an object, as `json!({...})` gives.
    pub fn new(code: &str, params: Value) -> Self {
        let params = match params {
            Value::Object(members) => members,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Self { code: code.to_owned(), params }
    }
}

impl Plan {
    /// The plan as it is stored (`target_snapshot`).
    pub fn to_json(&self) -> Value {
        json!({
            "schema_version": self.schema_version,
            "facts": self.facts.iter().map(fact_json).collect::<Vec<_>>(),
            "steps": self.steps.iter().map(step_json).collect::<Vec<_>>(),
            "secret": self.secret.map(|spec| json!({"length": spec.length})),
            "ownership": self.ownership.as_ref().map(ownership_json),
        })
    }

    /// Reads a stored plan back.
    ///
    /// # Errors
    /// A member is missing or has the wrong form.
    pub fn from_json(stored: &Value) -> Result<Self, DecodeError> {
        let bad = |field: &str| DecodeError::new("plan", field);
        let facts = stored["facts"].as_array().ok_or_else(|| bad("facts"))?;
        let steps = stored["steps"].as_array().ok_or_else(|| bad("steps"))?;
        let secret = match &stored["secret"] {
            Value::Null => None,
            value => Some(SecretSpec { length: small(&value["length"]).ok_or_else(|| bad("secret"))? }),
        };
        let ownership = match &stored["ownership"] {
            Value::Null => None,
            value => Some(ownership_from(value).ok_or_else(|| bad("ownership"))?),
        };
        Ok(Self {
            schema_version: small(&stored["schema_version"]).ok_or_else(|| bad("schema_version"))?,
            facts: facts.iter().map(fact_from).collect::<Option<_>>().ok_or_else(|| bad("facts"))?,
            steps: steps.iter().map(step_from).collect::<Option<_>>().ok_or_else(|| bad("steps"))?,
            secret,
            ownership,
        })
    }

    /// What the plan digest is taken over: everything the approver saw and everything that will run.
    pub fn digest_input(&self, call: &Call, terms: &Terms) -> Value {
        json!({ "call": call.to_json(), "plan": self.to_json(), "terms": terms.to_json() })
    }
}

fn step_json(step: &Step) -> Value {
    json!({
        "number": step.number, "kind": step.kind, "target": step.target,
        "reversibility": step.reversibility.as_str(), "params": step.params,
    })
}

fn step_from(stored: &Value) -> Option<Step> {
    Some(Step {
        number: small(&stored["number"])?,
        kind: stored["kind"].as_str()?.to_owned(),
        target: stored["target"].as_str()?.to_owned(),
        reversibility: stored["reversibility"].as_str()?.parse().ok()?,
        params: stored["params"].clone(),
    })
}

pub(crate) fn fact_json(fact: &Fact) -> Value {
    json!({"code": fact.code, "params": fact.params})
}

pub(crate) fn fact_from(stored: &Value) -> Option<Fact> {
    Some(Fact { code: stored["code"].as_str()?.to_owned(), params: stored["params"].as_object()?.clone() })
}

fn ownership_json(ownership: &Ownership) -> Value {
    let (change, quarantine) = match &ownership.change {
        OwnershipChange::Reserve => ("reserve", None),
        OwnershipChange::Quarantine(quarantine) => ("quarantine", Some(quarantine_json(quarantine))),
        OwnershipChange::Release => ("release", None),
    };
    json!({
        "server": ownership.server, "database": ownership.database.as_str(),
        "environment": ownership.environment.as_str(), "change": change, "quarantine": quarantine,
    })
}

fn quarantine_json(quarantine: &Quarantine) -> Value {
    json!({
        "kept_as": quarantine.kept_as.as_str(), "database_id": quarantine.database_id,
        "created_by": quarantine.created_by.to_string(), "days": quarantine.days,
    })
}

fn quarantine_from(stored: &Value) -> Option<Quarantine> {
    Some(Quarantine {
        kept_as: parsed(&stored["kept_as"])?,
        database_id: stored["database_id"].as_str()?.to_owned(),
        created_by: parsed(&stored["created_by"])?,
        days: small(&stored["days"])?,
    })
}

fn ownership_from(stored: &Value) -> Option<Ownership> {
    let change = match stored["change"].as_str()? {
        "reserve" => OwnershipChange::Reserve,
        "quarantine" => OwnershipChange::Quarantine(quarantine_from(&stored["quarantine"])?),
        "release" => OwnershipChange::Release,
        _ => return None,
    };
    Some(Ownership {
        server: stored["server"].as_str()?.to_owned(),
        database: parsed(&stored["database"])?,
        environment: parsed(&stored["environment"])?,
        change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            schema_version: 1,
            facts: vec![Fact::new("kubernetes_key_changes", json!({"namespace": "shop-dev"}))],
            steps: vec![Step {
                number: 1,
                kind: "kubernetes.apply_key".to_owned(),
                target: "kubernetes:shop-dev/app#value".to_owned(),
                reversibility: Reversibility::ReadBackAndFence,
                params: json!({"resource_version": "17"}),
            }],
            secret: Some(SecretSpec { length: 32 }),
            ownership: Some(Ownership {
                server: "main".to_owned(),
                database: DatabaseName::parse("orders").unwrap(),
                environment: Environment::parse("dev").unwrap(),
                change: OwnershipChange::Quarantine(Quarantine {
                    kept_as: DatabaseName::parse("_q_orders_16384").unwrap(),
                    database_id: "16384".to_owned(),
                    created_by: "018f5a3c-1111-7000-8000-000000000001".parse().unwrap(),
                    days: 7,
                }),
            }),
        }
    }

    #[test]
    fn comes_back_from_storage_as_it_was() {
        assert_eq!(Plan::from_json(&plan().to_json()).unwrap(), plan());
    }

    #[test]
    fn damage_is_named() {
        let mut stored = plan().to_json();
        stored["steps"][0]["reversibility"] = json!("perhaps");
        assert_eq!(Plan::from_json(&stored).unwrap_err().to_string(), "stored plan has no valid `steps`");
    }
}
