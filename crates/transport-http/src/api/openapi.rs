//! The OpenAPI document, made from the handlers and finished here: what all operations have in common is said once.

mod forms;

use countersign_usecases::access::{Access, Operation};
use countersign_usecases::voice::AudioKind;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::path::Paths;
use utoipa_axum::router::OpenApiRouter;

use super::dto::change::Change;
use super::dto::words::ListOrder;
use super::problem::{FieldProblem, Place, ProblemBody, RefusedDecision};
use super::{BASE, operations};

/// Requests and answers by operation, as they look on the wire. Tests hold them against the schemas.
const EXAMPLES: &str = include_str!("openapi/examples.json");

/// Where one can go from an answer, by operation.
const LINKS: &str = include_str!("openapi/links.json");

const ABOUT: &str = "Staff look at what agents ask for, decide, and see what became of it. Every refusal is a problem (RFC 9457) with a \
stable `code`. Roles say who may ask for an operation; only policy says whose decision counts.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Countersign", version = "1", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    servers((url = "/", description = "The server that serves this document.")),
    tags(
        (name = "approvals", description = "Requests: look, decide, withdraw, settle."),
        (name = "questions", description = "Questions to the owner."),
        (name = "runs", description = "Agents' runs, and what is connected with them."),
        (name = "events", description = "The audited facts."),
        (name = "policy", description = "The policy matrix."),
    ),
    components(schemas(ProblemBody, FieldProblem, Place, RefusedDecision, Change, ListOrder)),
)]
struct Base;

/// The OpenAPI 3.1 document of the surface.
pub fn document() -> Value {
    let routes = OpenApiRouter::with_openapi(Base::openapi()).nest(BASE, operations(&|_, route| route));
    // INVARIANT: the document is text, numbers and lists: it is always written.
    let mut document = serde_json::to_value(routes.into_openapi()).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a person or service; `countersign token new` makes one."}
    });
    document["security"] = json!([{"bearer": []}]);
    let schemas =
        document["components"]["schemas"].as_object_mut().into_iter().flat_map(|all| all.values_mut());
    schemas.for_each(without_doubt);
    let explain = &mut document["components"]["schemas"]["ExplainRequest"]["properties"];
    for (name, member) in explain.as_object_mut().into_iter().flatten() {
        put_pattern(name, member);
    }
    document["components"]["schemas"]["AnswerRequest"]["oneOf"] =
        json!([{"required": ["option_index"]}, {"required": ["custom_text"]}]);
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let links: Value = serde_json::from_str(LINKS).unwrap_or_default();
    for operation in operations_of(&mut document) {
        finish(operation, &examples, &links);
    }
    document
}

fn put_pattern(name: &str, schema: &mut Value) {
    if let Some(pattern) = forms::pattern_of(name) {
        schema["pattern"] = Value::from(pattern);
    }
}

/// A member that may be absent is absent then: `null` is neither sent nor taken. An object without members of its own is a document of
/// somebody else, and says that it is open.
fn without_doubt(schema: &mut Value) {
    let members = schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|members| members.values_mut());
    for member in members {
        if let Some([Value::String(kind), Value::String(null)]) = member["type"].as_array().map(Vec::as_slice)
            && null == "null"
        {
            member["type"] = Value::String(kind.clone());
        }
        if member["type"] == "object" {
            member["additionalProperties"] = Value::Bool(true);
        }
        let reference =
            member["oneOf"].as_array().and_then(|choices| choices.iter().find(|one| one["$ref"].is_string()));
        if let Some(reference) = reference.cloned() {
            *member = reference;
        }
    }
}

/// All operations of a document.
fn operations_of(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let items = paths.filter_map(Value::as_object_mut);
    items.flat_map(|item| item.values_mut().filter_map(Value::as_object_mut))
}

/// Says who may ask for an operation.
pub(super) fn name_roles(paths: &mut Paths, operation: Operation) {
    let roles: Vec<_> = match operation.access() {
        Access::AnyOf(roles) => roles.iter().map(|role| format!("`{}`", role.as_str())).collect(),
        Access::Public | Access::Run { .. } => Vec::new(),
    };
    for item in paths.paths.values_mut() {
        for described in [&mut item.get, &mut item.post].into_iter().flatten() {
            let before = described.description.take().map(|text| format!("{text}\n\n")).unwrap_or_default();
            described.description = Some(format!("{before}Roles: {}.", roles.join(", ")));
        }
    }
}

/// Adds the forms of parameters, the refusals, the examples, the links and the request's id to an operation.
fn finish(operation: &mut Map<String, Value>, examples: &Value, links: &Value) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let example = &examples[&id];
    let has_body = operation.contains_key("requestBody");
    let names_one = parameters(operation).any(|parameter| parameter["in"] == "path");
    let has_precondition = has_body && names_one;
    let follows = id == "read_trace" || id == "decide_approvals";
    let decides = has_body && id != "explain_policy";
    let hears = id.starts_with("dictate_");
    if has_precondition {
        let about = "The `ETag` the command was decided on, or a list of such: 412 when none of them is that of the request now.";
        add_header(operation, "If-Match", about);
    }
    if has_body {
        let about = "Given back in the answer, and needed for nothing: what is sent again by the same person changes nothing.";
        add_header(operation, "Idempotency-Key", about);
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        // Ids of requests have their format; the others in paths are those of runs.
        let name = if name == "id" && parameter["schema"]["format"] != "uuid" { "run" } else { &name };
        put_pattern(name, &mut parameter["schema"]);
    }
    let said = [
        ("400", true, "The request can't be read, or a parameter breaks its rule."),
        ("401", true, "No token, or one that is not accepted."),
        ("403", true, "The role is missing, or policy asks somebody else."),
        ("404", hears, "There is no such request, or this server doesn't turn speech into text."),
        ("404", !hears && (names_one || follows), "There is no such thing."),
        ("406", true, "The caller does not take the form of the answer."),
        ("409", decides, "The state forbids it: somebody decided before, or the plan has changed."),
        ("412", has_precondition, "It has changed since the version in `If-Match`."),
        ("413", has_body, "The body is too large."),
        (
            "415",
            hears,
            "The recording is of a kind that is not taken, or of another kind than it is said to be.",
        ),
        ("415", has_body && !hears, "The body is not JSON."),
        ("422", hears, "The recording is not audio, is too long, or nothing was heard in it."),
        ("422", has_body && !hears, "Fields of the body break their rules: all of them are listed."),
        ("429", true, "Too many requests; `Retry-After` says when to try again."),
        ("500", true, "An internal error; the server's log says more."),
        ("503", true, "Something is unavailable; `Retry-After` says when to try again."),
    ];
    for (status, _, description) in said.into_iter().filter(|(_, applies, _)| *applies) {
        operation["responses"][status] = problem(status, description);
    }
    match operation.get_mut("requestBody") {
        Some(body) if hears => body["content"] = recordings(),
        Some(body) => body["content"]["application/json"]["example"] = example["request"].clone(),
        None => {}
    }
    let answer = &mut operation["responses"]["200"];
    for content in answer["content"].as_object_mut().into_iter().flat_map(|forms| forms.values_mut()) {
        content["example"] = example["response"].clone();
    }
    if links[&id].is_object() {
        answer["links"] = links[&id].clone();
    }
    if let Some(responses) = operation["responses"].as_object_mut() {
        for response in responses.values_mut() {
            response["headers"]["X-Request-Id"] = json!({"description": "Names the request, in problems and in the log.", "schema": {"type": "string"}});
        }
    }
}

/// Bodies that are recordings. Bytes have no schema but their media type ("Considerations for File Uploads" of OpenAPI 3.1), and no
/// example in a text.
fn recordings() -> Value {
    let kinds = AudioKind::ALL.map(|kind| (kind.media_type().to_owned(), json!({})));
    Value::Object(kinds.into_iter().collect())
}

fn parameters(operation: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    operation.get("parameters").and_then(Value::as_array).into_iter().flatten()
}

fn add_header(operation: &mut Map<String, Value>, name: &str, about: &str) {
    let header = json!({"name": name, "in": "header", "description": about, "required": false, "schema": {"type": "string"}});
    let all = operation.entry("parameters").or_insert_with(|| json!([]));
    all.as_array_mut().into_iter().for_each(|all| all.push(header.clone()));
}

fn problem(status: &str, description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/ProblemBody"});
    let mut response =
        json!({"description": description, "content": {"application/problem+json": {"schema": schema}}});
    if matches!(status, "429" | "503") {
        response["headers"]["Retry-After"] =
            json!({"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}});
    }
    response
}
