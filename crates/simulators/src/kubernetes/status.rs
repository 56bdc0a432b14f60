//! `Status` answers, shaped as the API server shapes them (`apimachinery/pkg/api/errors`).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

/// One violated field of an invalid object.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    reason: &'static str,
    message: String,
    field: String,
}

impl Cause {
    pub(super) fn forbidden(field: &str, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.to_owned() }
    }

    pub(super) fn invalid(field: &str, value: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value:?}: {why}"),
            field: field.to_owned(),
        }
    }

    pub(super) fn required(field: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueRequired",
            message: format!("Required value: {why}"),
            field: field.to_owned(),
        }
    }

    pub(super) fn too_long(field: &str, max_bytes: usize) -> Self {
        let message = format!("Too long: may not be more than {max_bytes} bytes");
        Self { reason: "FieldValueTooLong", message, field: field.to_owned() }
    }

    fn json(&self) -> Value {
        json!({ "reason": self.reason, "message": self.message, "field": self.field })
    }
}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn unsupported_media_type(content_type: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: \
             application/merge-patch+json, application/apply-patch+yaml; it was `{content_type}`"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    pub(super) fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self { details: Some(json!({})), ..Self::new(StatusCode::NOT_FOUND, "NotFound", message) }
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        Self { details: Some(json!({})), ..refusal }
    }

    /// `why` is the whole sentence after `is forbidden:`.
    pub(super) fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let message = match name {
            "" => format!("{resource} is forbidden: {why}"),
            name => format!("{resource} {name:?} is forbidden: {why}"),
        };
        let details = match name {
            "" => json!({ "kind": resource }),
            name => json!({ "name": name, "kind": resource }),
        };
        Self { details: Some(details), ..Self::new(StatusCode::FORBIDDEN, "Forbidden", message) }
    }

    pub(super) fn not_found(resource: &str, name: &str) -> Self {
        let message = format!("{resource} {name:?} not found");
        let details = json!({ "name": name, "kind": resource });
        Self { details: Some(details), ..Self::new(StatusCode::NOT_FOUND, "NotFound", message) }
    }

    pub(super) fn already_exists(name: &str) -> Self {
        let message = format!("secrets {name:?} already exists");
        let details = json!({ "name": name, "kind": "secrets" });
        Self { details: Some(details), ..Self::new(StatusCode::CONFLICT, "AlreadyExists", message) }
    }

    pub(super) fn conflict(name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on secrets {name:?}: {why}");
        let details = json!({ "name": name, "kind": "secrets" });
        Self { details: Some(details), ..Self::new(StatusCode::CONFLICT, "Conflict", message) }
    }

    /// Fields that other managers own, as (manager as it is printed, field path).
    pub(super) fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(manager, field)| {
                let message = format!("conflict with {manager}");
                json!({ "reason": "FieldManagerConflict", "message": message, "field": field })
            })
            .collect();
        let refusal = Self::new(StatusCode::CONFLICT, "Conflict", conflict_message(conflicts));
        Self { details: Some(json!({ "causes": causes })), ..refusal }
    }

    /// `kind` is the kind of the object, not the resource: that is what the API server puts here.
    pub(super) fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut each = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message));
        let list = match causes {
            [_] => each.next().unwrap_or_default(),
            _ => format!("[{}]", each.collect::<Vec<_>>().join(", ")),
        };
        let (group, bare_kind) = match kind.split_once('.') {
            Some((kind, group)) => (Some(group), kind),
            None => (None, kind),
        };
        let mut details = json!({
            "kind": bare_kind,
            "causes": causes.iter().map(Cause::json).collect::<Vec<_>>(),
        });
        for (key, value) in [("group", group.unwrap_or("")), ("name", name)] {
            if !value.is_empty() {
                details[key] = value.into();
            }
        }
        let message = format!("{kind} {name:?} is invalid: {list}");
        Self { details: Some(details), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message) }
    }

    pub(super) fn response(&self) -> Response {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code.as_u16(),
        });
        if let Some(details) = &self.details {
            body["details"] = details.clone();
        }
        (self.code, Json(body)).into_response()
    }
}

/// The wording of `getConflictMessage`: conflicts with one manager are kept together.
fn conflict_message(conflicts: &[(String, String)]) -> String {
    if let [(manager, field)] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {field}");
    }
    let mut managers: Vec<&String> = conflicts.iter().map(|(manager, _)| manager).collect();
    managers.sort();
    managers.dedup();
    let mut lines = Vec::new();
    for manager in managers {
        lines.push(format!("conflicts with {manager}:"));
        lines.extend(
            conflicts.iter().filter(|(who, _)| who == manager).map(|(_, field)| format!("- {field}")),
        );
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// An error answered on command.
pub(super) fn on_command(status: StatusCode, retry_after_s: Option<u32>, message: Option<&str>) -> Response {
    let (reason, usual) = match status {
        StatusCode::BAD_REQUEST => ("BadRequest", "the server rejected our request for an unknown reason"),
        StatusCode::UNAUTHORIZED => ("Unauthorized", "Unauthorized"),
        StatusCode::FORBIDDEN => ("Forbidden", "forbidden on command"),
        StatusCode::NOT_FOUND => ("NotFound", "the server could not find the requested resource"),
        StatusCode::CONFLICT => ("Conflict", "the object has been modified; please apply your changes again"),
        StatusCode::UNPROCESSABLE_ENTITY => ("Invalid", "the object is invalid"),
        StatusCode::TOO_MANY_REQUESTS => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("ServiceUnavailable", "the server is currently unable to handle the request")
        }
        StatusCode::GATEWAY_TIMEOUT => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
    };
    let mut refusal = Refusal::new(status, reason, message.unwrap_or(usual));
    refusal.details = retry_after_s.map(|seconds| json!({ "retryAfterSeconds": seconds }));
    refusal.response()
}
