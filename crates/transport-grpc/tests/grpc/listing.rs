//! Lists: filters, pages, tokens; and what an approver sees of a request.

use countersign_kernel::Millis;
use countersign_testkit::TestTool;
use countersign_transport_grpc::v1;
use serde_json::json;
use tonic::Code;

use crate::support::{RUN, Server, fields_of, refused, started, text, token_of, with};

async fn page(server: &Server, message: v1::ListPendingApprovalsRequest) -> v1::ListPendingApprovalsResponse {
    server.approvals().list_pending_approvals(with("viewer", message)).await.unwrap().into_inner()
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let (world, server) = started(TestTool::writing(1)).await;
    let mut asked = Vec::new();
    for number in 0..7 {
        world.store.clock().advance(Millis(1));
        asked.push(server.ask(&format!("thing-{number}")).await.request_id.unwrap());
    }
    let mut seen = Vec::new();
    let mut message = v1::ListPendingApprovalsRequest { page_size: 3, ..Default::default() };
    loop {
        let found = page(&server, message.clone()).await;
        assert!(found.approvals.len() <= 3);
        seen.extend(found.approvals.into_iter().map(|approval| approval.request_id));
        if found.next_page_token.is_empty() {
            break;
        }
        message.page_token = found.next_page_token;
    }
    assert_eq!(seen, asked);
}

#[tokio::test]
async fn a_foreign_token_and_other_nonsense_are_refused() {
    let (_world, server) = started(TestTool::writing(1)).await;
    server.ask("one").await;
    server.ask("two").await;
    let first = page(&server, v1::ListPendingApprovalsRequest { page_size: 1, ..Default::default() }).await;
    let message = v1::ListPendingApprovalsRequest {
        states: vec![0],
        project: Some("Shop".to_owned()),
        page_size: 501,
        page_token: first.next_page_token,
        ..Default::default()
    };
    let listed = server.approvals().list_pending_approvals(with("viewer", message)).await;
    assert_eq!(
        fields_of(&refused(listed, Code::InvalidArgument, "invalid_request")),
        [
            "states[0]: must be a state of a request",
            "project: must be 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit (got `Shop`)",
            "page_token: must be a `next_page_token` of this very list and filter",
            "page_size: must be at most 500",
        ]
    );
    let message =
        v1::ListEventsRequest { page_token: "x.1".to_owned(), page_size: 1001, ..Default::default() };
    let listed = server.audit().list_events(with("auditor", message)).await;
    assert_eq!(
        fields_of(&refused(listed, Code::InvalidArgument, "invalid_request")),
        [
            "page_token: must be a `next_page_token` of this very list and filter",
            "page_size: must be at most 1000",
        ]
    );
}

#[tokio::test]
async fn filters_narrow() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let dev = server.ask("orders").await;
    let staging = json!({"name": "orders", "environment": "staging"});
    let staging = server.call("test.write", staging).await.unwrap();
    server.decide("alice", &dev, v1::Decision::Deny).await.unwrap();
    let ids = async |message| {
        let found: v1::ListPendingApprovalsResponse = page(&server, message).await;
        found.approvals.into_iter().map(|approval| approval.request_id).collect::<Vec<_>>()
    };
    let staging = vec![staging.request_id.unwrap()];
    let none: Vec<String> = Vec::new();
    assert_eq!(ids(v1::ListPendingApprovalsRequest::default()).await, staging);
    let denied = vec![v1::RequestState::Denied.into()];
    let denied = v1::ListPendingApprovalsRequest { states: denied, ..Default::default() };
    assert_eq!(ids(denied).await, [dev.request_id.unwrap()]);
    for (environment, tool, run, expected) in [
        (Some("staging"), None, None, &staging),
        (Some("dev"), None, None, &none),
        (None, Some("test.write"), None, &staging),
        (None, Some("test.read"), None, &none),
        (None, None, Some(RUN), &staging),
        (None, None, Some("run-2"), &none),
    ] {
        let message = v1::ListPendingApprovalsRequest {
            environment: environment.map(str::to_owned),
            tool: tool.map(str::to_owned),
            run_id: run.map(str::to_owned),
            ..Default::default()
        };
        assert_eq!(&ids(message).await, expected, "{environment:?} {tool:?} {run:?}");
    }
}

#[tokio::test]
async fn an_approver_sees_what_the_agent_claims_as_it_is() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let arguments = json!({
        "name": "orders", "environment": "dev",
        "justification": "harmless \u{202e}tros a\u{1b}[2J, password=hunter2",
    });
    let reply = server.call("test.write", arguments).await.unwrap();
    let approval = server.approval("alice", reply.request_id.as_ref().unwrap()).await;
    assert_eq!(approval.prose.len(), 1);
    assert_eq!(approval.prose[0].field, "justification");
    assert_eq!(approval.prose[0].text, "harmless <U+202E>tros a<U+001B>[2J, password=[redacted]");
    assert_eq!(text(approval.input.as_ref().unwrap(), "name"), "orders");
    let plan = approval.plan.unwrap();
    assert_eq!(plan.steps[0].target, "test.write:orders#1");
    assert_eq!(plan.facts[0].code, "test_seen");
    assert!(approval.policy_digest.starts_with("sha256:"));
    assert!(approval.resolution.is_none());
    let linked = |link: &v1::Link| link.from_kind == "run" && link.from_id == RUN;
    assert!(approval.links.iter().any(linked), "{:?}", approval.links);
}

#[tokio::test]
async fn a_silent_requester_is_marked_until_it_is_heard_again() {
    let (world, server) = started(TestTool::writing(1)).await;
    let id = server.ask("orders").await.request_id.unwrap();
    let silent = async || server.approval("viewer", &id).await.summary.unwrap().requester_silent;
    world.store.clock().advance(Millis::from_secs(300));
    assert!(!silent().await);
    world.store.clock().advance(Millis(1));
    assert!(silent().await);
    assert!(page(&server, Default::default()).await.approvals[0].requester_silent);
    server.agent().heartbeat(with(&token_of(RUN), v1::HeartbeatRequest {})).await.unwrap();
    assert!(!silent().await);
    assert!(!page(&server, Default::default()).await.approvals[0].requester_silent);
}

#[tokio::test]
async fn events_are_followed_by_their_tokens() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let list = async |token: &str| {
        let message = v1::ListEventsRequest {
            run_id: Some(RUN.to_owned()),
            page_size: 2,
            page_token: token.to_owned(),
            ..Default::default()
        };
        let found = server.audit().list_events(with("auditor", message)).await.unwrap().into_inner();
        let types: Vec<_> = found.events.iter().map(|event| event.r#type.clone()).collect();
        (types, found.next_page_token)
    };
    let (types, token) = list("").await;
    assert_eq!(types, ["run.registered"]);
    assert_eq!(list(&token).await, (vec![], token.clone()));
    server.ask("orders").await;
    let (types, token) = list(&token).await;
    assert_eq!(types, ["mcp.tool.called", "approval.requested"]);
    let (types, _) = list(&token).await;
    assert!(types.contains(&"run.wait.paused".to_owned()), "{types:?}");
}

#[tokio::test]
async fn tools_are_listed_with_their_schemas() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let listed = server.agent().list_tools(with(&token_of(RUN), v1::ListToolsRequest {})).await.unwrap();
    let tools = listed.into_inner().tools;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["mcp_owner_feedback_request", "test.read", "test.write"]);
    assert_eq!(tools[0].aliases, ["owner.feedback.request"]);
    assert!(tools[0].actions[0].question && tools[2].actions[0].writes);
    assert_eq!(text(tools[0].input_schema.as_ref().unwrap(), "type"), "object");
}

#[tokio::test]
async fn a_cell_is_explained() {
    use v1::explain_policy_response::Answer;
    let (_world, server) = started(TestTool::writing(1)).await;
    let cell = |environment: &str| v1::ExplainPolicyRequest {
        project: "shop".to_owned(),
        agent_key: "sre".to_owned(),
        run_label: "run:ops".to_owned(),
        runtime_mode: v1::RuntimeMode::FullEnv.into(),
        tool: "test.write".to_owned(),
        action: "apply".to_owned(),
        environment: Some(environment.to_owned()),
    };
    let explain = async |environment: &str| {
        server.policy().explain_policy(with("viewer", cell(environment))).await.unwrap().into_inner()
    };
    let staging = explain("staging").await;
    let Some(Answer::Allow(terms)) = staging.answer else { panic!("{staging:?}") };
    assert_eq!((terms.mode(), terms.quorum), (v1::ApprovalMode::Delegated, 1));
    let base = staging.base.unwrap();
    assert_eq!((base.kind.as_str(), base.id.as_str()), ("grant", "sre-writes-staging"));
    assert_eq!(staging.losers.len(), 2);
    let production = explain("production").await;
    assert_eq!(production.guards[0].id, "production-needs-two");
    let moon = explain("moon").await;
    let Some(Answer::Deny(denial)) = moon.answer else { panic!("{moon:?}") };
    assert_eq!(denial.code, "unknown_environment");
    let bad = server.policy().explain_policy(with("viewer", Default::default())).await;
    assert_eq!(fields_of(&refused(bad, Code::InvalidArgument, "invalid_request")).len(), 6);
}
