//! Who gets through the gate of every method, written by hand and tried over the wire. A method without a row fails.

use std::collections::BTreeMap;

use countersign_testkit::TestTool;
use countersign_transport_grpc::access::access_of;
use countersign_transport_grpc::v1::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::support::{RUN, Server, started, token_of, with};

/// Every kind of token.
const TOKENS: [&str; 6] = ["run", "viewer", "approver", "operator", "auditor", "platform"];

const STAFF: &[&str] = &["viewer", "approver", "operator", "auditor"];
const READ_RUNS: &[&str] = &["viewer", "approver", "operator", "auditor", "platform"];

/// Who may call each method.
const LET_IN: [(&str, &[&str]); 26] = [
    ("AgentService/ListTools", &["run"]),
    ("AgentService/CallTool", &["run"]),
    ("AgentService/GetOutcome", &["run"]),
    ("AgentService/AwaitOutcome", &["run"]),
    ("AgentService/ListOutcomes", &["run"]),
    ("AgentService/AcknowledgeOutcome", &["run"]),
    ("AgentService/CancelRequest", &["run"]),
    ("AgentService/Heartbeat", &["run"]),
    ("RunService/RegisterRun", &["platform"]),
    ("RunService/LinkRun", &["platform"]),
    ("RunService/RenewRunToken", &["platform"]),
    ("RunService/FinishRun", &["platform"]),
    ("RunService/GetRun", READ_RUNS),
    ("RunService/WatchRuns", READ_RUNS),
    ("ApprovalService/ListPendingApprovals", STAFF),
    ("ApprovalService/GetApproval", STAFF),
    ("ApprovalService/ResolveApprovalDecision", &["approver"]),
    ("ApprovalService/AnswerQuestion", &["approver"]),
    ("ApprovalService/ResolveUnknown", &["operator"]),
    ("ApprovalService/CancelApproval", &["approver", "operator"]),
    ("ApprovalService/WatchApprovals", STAFF),
    ("PolicyService/ExplainPolicy", STAFF),
    ("PolicyService/ActivatePolicy", &["operator"]),
    ("DatabaseService/ListQuarantinedDatabases", STAFF),
    ("DatabaseService/RestoreDatabase", &["operator"]),
    ("AuditService/ListEvents", &["operator", "auditor"]),
];

/// The methods of the contract, from its own description.
fn methods() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let ours = files.into_iter().filter(|file| file.package() == "countersign.v1");
    let services = ours.flat_map(|file| file.service);
    services
        .flat_map(|service| {
            let name = service.name().to_owned();
            service.method.into_iter().map(move |method| format!("{name}/{}", method.name()))
        })
        .collect()
}

/// How a call with an empty message ends at the gate: `None` when it got through, whatever the service then says.
async fn refusal(server: &Server, method: &str, request: Request<()>) -> Option<(Code, String)> {
    let mut client = tonic::client::Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::try_from(format!("/countersign.v1.{method}")).unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let status = client.server_streaming(request, path, codec).await.err()?;
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    let at_the_gate = ["unauthenticated", "wrong_token_kind", "role_required", "run_ended", ""];
    at_the_gate.contains(&reason.as_str()).then(|| (status.code(), reason))
}

#[test]
fn every_method_has_a_row_here_and_in_the_table() {
    let rows: BTreeMap<_, _> = LET_IN.into_iter().collect();
    let methods = methods();
    assert_eq!(methods.len(), rows.len());
    for method in methods {
        assert!(rows.contains_key(method.as_str()), "`{method}` has no authorization case");
        assert!(access_of(&format!("/countersign.v1.{method}")).is_some(), "`{method}` has no access");
    }
}

#[tokio::test]
async fn each_method_lets_in_whom_it_should_and_nobody_else() {
    let (_world, server) = started(TestTool::writing(1)).await;
    for (method, let_in) in LET_IN {
        let unknown = Some((Code::Unauthenticated, "unauthenticated".to_owned()));
        assert_eq!(refusal(&server, method, Request::new(())).await, unknown, "{method} without a token");
        assert_eq!(
            refusal(&server, method, with("mallory", ())).await,
            unknown,
            "{method} with a wrong token"
        );
        for token in TOKENS {
            let request = if token == "run" { with(&token_of(RUN), ()) } else { with(token, ()) };
            let wants_run = let_in == ["run"];
            let expected = match (let_in.contains(&token), wants_run == (token == "run")) {
                (true, _) => None,
                (false, true) => Some((Code::PermissionDenied, "role_required".to_owned())),
                (false, false) => Some((Code::PermissionDenied, "wrong_token_kind".to_owned())),
            };
            assert_eq!(refusal(&server, method, request).await, expected, "{method} as {token}");
        }
    }
}

#[tokio::test]
async fn a_finished_runs_token_is_dead_for_every_agent_method() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    assert!(reply.request_id.is_some());
    let message = countersign_transport_grpc::v1::FinishRunRequest { run_id: RUN.to_owned(), reason: 1 };
    server.runs().finish_run(with("platform", message)).await.unwrap();
    let mut tried = 0;
    for (method, let_in) in LET_IN {
        if let_in != ["run"] || method == "AgentService/CallTool" {
            continue;
        }
        let ended = Some((Code::Unauthenticated, "run_ended".to_owned()));
        assert_eq!(refusal(&server, method, with(&token_of(RUN), ())).await, ended, "{method}");
        tried += 1;
    }
    assert_eq!(tried, 7);
    // A call looks at its run in its own snapshot, so it has to be a real one.
    let called = server.call("test.write", serde_json::json!({"name": "orders", "environment": "dev"})).await;
    crate::support::refused(called, Code::Unauthenticated, "run_ended");
}

#[tokio::test]
async fn a_method_that_is_not_there_is_not_there_for_anybody() {
    let (_world, server) = started(TestTool::writing(1)).await;
    for token in ["alice", "platform", &token_of(RUN)] {
        let ended = refusal(&server, "AgentService/Approve", with(token, ())).await;
        assert_eq!(ended, Some((Code::Unimplemented, String::new())));
    }
}
