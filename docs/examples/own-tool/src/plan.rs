//! What was seen, and what would be done. Pure: the same call and the same observation give the same plan, byte for byte, because its
//! digest is what people approve.

use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use countersign_mcp_tools::{
    Fact, Observation, Plan, PlanRefusal, Reversibility, Step, Unseen, UnseenReason,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Content, Found};
use crate::input::{SCHEMA_VERSION, Wanted, WantedContent};

/// What looking gave, in the form of this version. A refusal is something that was seen, too: asking again won't help.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
enum Seen {
    Absent,
    Present { etag: String, values: Vec<String>, ttl_s: u32, ours: bool },
    Refused { code: String, message: String },
}

/// What has to hold when the step is taken, and what it then writes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepParams {
    /// The version that is replaced; `None` where there is no record.
    pub(crate) expected: Option<String>,
    /// Whether the record was looked at when this was planned.
    pub(crate) looked: bool,
}

pub(crate) fn observed(looked: Result<Option<Found>, TargetError>) -> Observation {
    let seen = match looked {
        Ok(None) => Seen::Absent,
        Ok(Some(Found { content: Content { values, ttl_s, comment }, etag })) => {
            Seen::Present { etag, values: sorted(values), ttl_s, ours: is_ours(&comment) }
        }
        Err(error) => match error.kind {
            TargetErrorKind::Unreachable
            | TargetErrorKind::NoAnswer
            | TargetErrorKind::RateLimited { .. }
            | TargetErrorKind::Broken => {
                return Observation::CouldNotLook { why: vec![Unseen::from(&error)] };
            }
            kind @ (TargetErrorKind::Unauthorized
            | TargetErrorKind::Forbidden
            | TargetErrorKind::NotFound
            | TargetErrorKind::Conflict
            | TargetErrorKind::Fenced
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid) => {
                Seen::Refused { code: kind.code().to_owned(), message: error.to_string() }
            }
        },
    };
    match serde_json::to_value(seen) {
        Ok(value) => Observation::Seen(value),
        Err(error) => Observation::could_not_look(UnseenReason::Unreadable, error.to_string()),
    }
}

pub(crate) fn plan(wanted: &Wanted, observed: &Observation) -> Result<Plan, PlanRefusal> {
    let seen = match observed {
        Observation::CouldNotLook { why } => {
            // People are told, and may still decide. Before anything is done it is looked at again, and what is seen then is a plan that
            // differs: it is asked again.
            let said: Vec<_> = why.iter().map(|unseen| unseen.said.as_str()).collect();
            let fact = Fact::new("dns_not_looked_at", json!({"name": wanted.name, "why": said.join("; ")}));
            return Ok(plan_of(wanted, fact, StepParams { expected: None, looked: false }));
        }
        Observation::Seen(value) => serde_json::from_value(value.clone()).map_err(|_| PlanRefusal {
            code: "observation_unreadable",
            message: format!("what was seen of `{}` can't be read by this version", wanted.name),
        })?,
    };
    let refuse = |code, message| Err(PlanRefusal { code, message });
    let (before, expected) = match seen {
        Seen::Refused { code, message } => return refuse(known_code(&code), message),
        Seen::Absent if wanted.content.is_none() => {
            return refuse(
                "dns_record_absent",
                format!("there is no record `{}` {}", wanted.name, wanted.record_type),
            );
        }
        Seen::Absent => (Value::Null, None),
        Seen::Present { values, ttl_s, .. }
            if wanted.content == Some(WantedContent { values: values.clone(), ttl_s }) =>
        {
            return refuse(
                "dns_record_unchanged",
                format!("`{}` {} is so already", wanted.name, wanted.record_type),
            );
        }
        Seen::Present { etag, values, ttl_s, ours } => {
            (json!({"values": values, "ttl_s": ttl_s, "written_by_us": ours}), Some(etag))
        }
    };
    let code = match (&expected, &wanted.content) {
        (None, _) => "dns_record_created",
        (Some(_), Some(_)) => "dns_record_replaced",
        (Some(_), None) => "dns_record_deleted",
    };
    let params = json!({
        "name": wanted.name, "type": wanted.record_type, "before": before, "after": wanted.content,
    });
    Ok(plan_of(wanted, Fact::new(code, params), StepParams { expected, looked: true }))
}

fn plan_of(wanted: &Wanted, fact: Fact, params: StepParams) -> Plan {
    let kind = if wanted.content.is_some() { "dns.put" } else { "dns.delete" };
    Plan {
        schema_version: SCHEMA_VERSION,
        facts: vec![fact],
        steps: vec![Step {
            number: 1,
            kind: kind.to_owned(),
            target: wanted.place().target(),
            // It can be read back; and the service refuses a version that is no longer the present one, which is all a fence does.
            reversibility: Reversibility::ReadBackAndFence,
            params: json!({"expected": params.expected, "looked": params.looked}),
        }],
        secret: None,
        ownership: None,
    }
}

pub(crate) fn word(fact: &Fact) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let side = |value: &Value| {
        let values: Vec<String> = value["values"].as_array().into_iter().flatten().map(text).collect();
        format!("{} (for {} s)", values.join(", "), value["ttl_s"])
    };
    let param = |name: &str| fact.params.get(name).cloned().unwrap_or_default();
    let (name, record_type) = (text(&param("name")), text(&param("type")));
    let (before, after) = (side(&param("before")), side(&param("after")));
    let whose =
        if param("before")["written_by_us"] == true { "" } else { ", which was not written by Countersign," };
    match fact.code.as_str() {
        "dns_record_created" => format!("`{name}` {record_type} does not exist and will be {after}."),
        "dns_record_replaced" => format!("`{name}` {record_type} is {before}{whose} and will be {after}."),
        "dns_record_deleted" => format!("`{name}` {record_type} is {before}{whose} and will be deleted."),
        "dns_not_looked_at" => format!("`{name}` could not be looked at: {}", text(&param("why"))),
        _ => fact.to_string(),
    }
}

/// The remark on a record that a request wrote.
pub(crate) fn mark(request: countersign_kernel::RequestId) -> String {
    format!("countersign request {request}")
}

fn is_ours(comment: &str) -> bool {
    comment.starts_with("countersign request ")
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

/// A refusal's code back from the observation: codes are literals, so that each can have its page.
fn known_code(code: &str) -> &'static str {
    let kinds = [
        TargetErrorKind::Unauthorized,
        TargetErrorKind::Forbidden,
        TargetErrorKind::NotFound,
        TargetErrorKind::Conflict,
        TargetErrorKind::Fenced,
        TargetErrorKind::QuotaExceeded,
        TargetErrorKind::Invalid,
    ];
    kinds.iter().map(|kind| kind.code()).find(|known| *known == code).unwrap_or("target_broken")
}
