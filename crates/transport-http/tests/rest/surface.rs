//! Who gets through the gate of every operation, written by hand. An operation of the document without a row fails.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use countersign_transport_http::HttpSettings;
use countersign_usecases::access::Role;
use serde_json::{Value, json};

use crate::support::{DOCUMENT, World, call, world, world_with};

/// Every role, the token of a run, and nobody.
const CALLERS: [&str; 7] = ["viewer", "approver", "operator", "auditor", "platform", "run-token.run-1", ""];

const STAFF: &[&str] = &["viewer", "approver", "operator", "auditor"];

/// Who may ask for each operation.
const LET_IN: [(&str, &[&str]); 17] = [
    ("list_approvals", STAFF),
    ("get_approval", STAFF),
    ("decide_approval", &["approver"]),
    ("decide_approvals", &["approver"]),
    ("cancel_approval", &["approver", "operator"]),
    ("resolve_unknown", &["operator"]),
    ("answer_question", &["approver"]),
    ("dictate_reason", &["approver"]),
    ("dictate_answer", &["approver"]),
    ("list_runs", STAFF),
    ("get_run", &["viewer", "approver", "operator", "auditor", "platform"]),
    ("read_run_timeline", STAFF),
    ("read_trace", STAFF),
    ("list_events", &["operator", "auditor"]),
    ("follow_changes", STAFF),
    ("get_policy", STAFF),
    ("explain_policy", STAFF),
];

/// The operations of the document: id, method, path, and whether it takes a body.
fn operations() -> Vec<(String, Method, String, bool)> {
    let mut found = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.push((id, method, path.replace("{id}", "nothing"), operation.get("requestBody").is_some()));
        }
    }
    found
}

/// How a request that says nothing ends at the gate: `None` when it got through, whatever the handler then says.
async fn refusal(world: &World, who: &str, method: &Method, path: &str, body: bool) -> Option<String> {
    let body = body.then(|| json!({}));
    let answered = world.send(call(method.clone(), who, path, body)).await;
    let code = answered.body["code"].as_str().unwrap_or_default().to_owned();
    let at_the_gate = matches!(answered.status.as_u16(), 401 | 403);
    at_the_gate.then_some(code)
}

#[test]
fn every_operation_has_a_row_here() {
    let rows: BTreeSet<_> = LET_IN.iter().map(|(id, _)| (*id).to_owned()).collect();
    let ids: BTreeSet<_> = operations().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, rows, "operations of the document, and those with an authorization case");
}

/// Here streams are read to their end.
fn short_streams() -> HttpSettings {
    HttpSettings { stream_duration: Duration::from_millis(1), ..HttpSettings::default() }
}

#[tokio::test]
async fn each_operation_lets_in_whom_it_should_and_nobody_else() {
    let world = world_with(short_streams()).await;
    for (id, method, path, body) in operations() {
        let (_, let_in) = LET_IN.iter().find(|(row, _)| *row == id).unwrap();
        for who in CALLERS {
            let expected = match who {
                "" => Some("unauthenticated"),
                "run-token.run-1" => Some("wrong_token_kind"),
                role if let_in.contains(&role) => None,
                _ => Some("role_required"),
            };
            let refused = refusal(&world, who, &method, &path, body).await;
            assert_eq!(refused.as_deref(), expected, "{id} as `{who}`");
        }
        assert_eq!(
            refusal(&world, "mallory", &method, &path, body).await.as_deref(),
            Some("unauthenticated"),
            "{id}"
        );
    }
}

/// The roles a person with a browser can have.
const SESSIONS: [(&str, Role); 4] = [
    ("viewer", Role::Viewer),
    ("approver", Role::Approver),
    ("operator", Role::Operator),
    ("auditor", Role::Auditor),
];

#[tokio::test]
async fn each_operation_lets_in_the_same_people_by_their_session() {
    let world = world_with(short_streams()).await;
    for (name, role) in SESSIONS {
        let browser = world.browser_of(&format!("user:corp:{name}"), &[role]).await;
        for (id, method, path, body) in operations() {
            let (_, let_in) = LET_IN.iter().find(|(row, _)| *row == id).unwrap();
            let request = || call(method.clone(), "", &path, body.then(|| json!({})));
            let answered = world.send(browser.sends(request())).await;
            let refused = matches!(answered.status.as_u16(), 401 | 403);
            assert_eq!(!refused, let_in.contains(&name), "{id} as `{name}`: {:#}", answered.body);
            if refused {
                assert_eq!(answered.body["code"], "role_required", "{id} as `{name}`");
            }
            if body {
                let mut forged = request();
                forged.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
                let answered = world.send(browser.sends(forged)).await;
                assert_eq!(answered.refused(403), "request_forged", "{id} from another site");
            }
        }
    }
}

#[test]
fn the_document_says_who_may_ask() {
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let (_, let_in) = LET_IN.iter().find(|(row, _)| *row == id).unwrap();
            let said = operation["description"].as_str().unwrap().rsplit("Roles: ").next().unwrap();
            let mut said: Vec<_> = said.split(['`', ',', ' ', '.']).filter(|word| !word.is_empty()).collect();
            let mut expected = let_in.to_vec();
            said.sort_unstable();
            expected.sort_unstable();
            assert_eq!(said, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn decisions_are_made_by_post_only() {
    let world = world().await;
    let id = world.ask("orders").await;
    let commands =
        operations().into_iter().filter(|(operation, _, _, body)| *body && operation != "explain_policy");
    let paths: Vec<_> = commands.map(|(_, _, path, _)| path.replace("nothing", &id.to_string())).collect();
    assert_eq!(paths.len(), 7, "decision, batch, cancel, resolve-unknown, answer, and two by voice");
    for path in paths {
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            let answered = world.send(call(method, "alice", &path, Some(json!({})))).await;
            assert_eq!(answered.refused(405), "method_not_allowed", "{path}");
            assert_eq!(answered.headers["allow"], "POST");
        }
    }
    let shown = world.get("alice", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(shown.ok()["summary"]["state"], Value::from("requested"));
}
