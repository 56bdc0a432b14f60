//! Bad input and faults: each has its status and stable code, and leaves everything as it was.

use countersign_kernel::Millis;
use countersign_mcp_tools::{PlanRefusal, ProbeOutcome, StepOutcome};
use countersign_testkit::{CommitFault, TestTool};
use countersign_transport_grpc::v1;
use serde_json::json;
use tonic::Code;

use crate::support::{
    RUN, decision_on, fields_of, refused, registration, started, structure, token_of, with,
};

#[tokio::test]
async fn unknown_things_are_named() {
    let (world, server) = started(TestTool::writing(1)).await;
    let events = world.store.rows().events.len();
    refused(server.call("no.such.tool", json!({})).await, Code::NotFound, "unknown_tool");
    refused(server.call("No Tool", json!({})).await, Code::NotFound, "unknown_tool");
    let nobody = v1::GetRunRequest { run_id: "run-9".to_owned() };
    refused(server.runs().get_run(with("viewer", nobody)).await, Code::NotFound, "unknown_run");
    let id = "018f5a3c-1111-7000-8000-000000000001".to_owned();
    let nothing = v1::GetApprovalRequest { request_id: id.clone() };
    refused(
        server.approvals().get_approval(with("viewer", nothing)).await,
        Code::NotFound,
        "unknown_request",
    );
    let nothing = v1::GetOutcomeRequest { request_id: id };
    let asked = server.agent().get_outcome(with(&token_of(RUN), nothing)).await;
    refused(asked, Code::NotFound, "unknown_request");
    let listed = server.agent().list_outcomes(with(&token_of("run-9"), v1::ListOutcomesRequest {})).await;
    refused(listed, Code::NotFound, "unknown_run");
    let elsewhere = v1::RegisterRunRequest { project: "nowhere".to_owned(), ..registration("run-2") };
    let registered = server.runs().register_run(with("platform", elsewhere)).await;
    refused(registered, Code::PermissionDenied, "unknown_project");
    assert_eq!(world.store.rows().events.len(), events, "nothing was recorded");
    let odd = json!({"name": "x", "environment": "moon"});
    refused(server.call("test.write", odd).await, Code::PermissionDenied, "policy_denied");
    assert_eq!(world.store.rows().events.last().unwrap().event_type, "approval.denied");
    assert!(world.store.rows().requests.is_empty());
}

#[tokio::test]
async fn everything_wrong_with_a_registration_is_told_at_once() {
    let (world, server) = started(TestTool::writing(1)).await;
    let bad = v1::RegisterRunRequest {
        run_id: "-".to_owned(),
        agent_key: String::new(),
        run_label: "Run".to_owned(),
        runtime_mode: 0,
        project: "shop".to_owned(),
        repository: Some("acme".to_owned()),
        namespace: Some(String::new()),
        issue: Some(0),
        launched_by: String::new(),
        time_budget_s: 0,
        ..Default::default()
    };
    let registered = server.runs().register_run(with("platform", bad)).await;
    let details = refused(registered, Code::InvalidArgument, "invalid_request");
    assert_eq!(
        fields_of(&details),
        [
            "run_id: must be 1 to 128 of `A-Z a-z 0-9 . _ : -` (got `-`)",
            "agent_key: is required",
            "run_label: must be 1 to 64 of `a-z 0-9 . _ : -`, beginning with a letter or digit (got `Run`)",
            "runtime_mode: must be RUNTIME_MODE_FULL_ENV or RUNTIME_MODE_CODE_ONLY",
            "repository: must be `owner/name` (got `acme`)",
            "namespace: is required",
            "launched_by: is required",
            "issue: must be 1 to 9223372036854775807",
            "time_budget_s: must be 1 to 31622400 seconds (366 days)",
        ]
    );
    assert_eq!(world.store.rows().runs.len(), 1);
}

#[tokio::test]
async fn wrong_arguments_are_told_by_field() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let called = server.call("mcp_owner_feedback_request", json!({"question": "?", "options": ["a"]})).await;
    let details = refused(called, Code::InvalidArgument, "invalid_arguments");
    let fields: Vec<_> =
        fields_of(&details).iter().map(|field| field.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(fields, ["question", "options"]);
    let called = server.call("test.write", json!({"name": "x", "sizes": [1, 2.5]})).await;
    let details = refused(called, Code::InvalidArgument, "invalid_request");
    assert_eq!(fields_of(&details), ["sizes[1]: must be an integer within plus or minus 2^53"]);
}

#[tokio::test]
async fn an_id_or_key_taken_by_other_content_is_refused() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let other = v1::RegisterRunRequest { agent_key: "dev".to_owned(), ..registration(RUN) };
    let registered = server.runs().register_run(with("platform", other)).await;
    refused(registered, Code::AlreadyExists, "run_exists");
    let keyed = |name: &str| json!({"name": name, "environment": "dev", "idempotency_key": "k"});
    server.call("test.write", keyed("one")).await.unwrap();
    assert!(server.call("test.write", keyed("one")).await.unwrap().reused);
    let reused = server.call("test.write", keyed("two")).await;
    refused(reused, Code::AlreadyExists, "idempotency_key_reused");
}

#[tokio::test]
async fn a_decision_on_another_plan_or_too_late_does_not_count() {
    let (world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let other = v1::ResolveApprovalDecisionRequest {
        seen_digest: format!("sha256:{}", "0".repeat(64)),
        ..decision_on(&reply, v1::Decision::Approve)
    };
    let decided = server.approvals().resolve_approval_decision(with("alice", other)).await;
    refused(decided, Code::FailedPrecondition, "plan_changed");
    world.store.clock().advance(Millis::from_secs(3601));
    let late = server.decide("alice", &reply, v1::Decision::Approve).await;
    refused(late, Code::FailedPrecondition, "decision_too_late");
    world.work_off(&server).await;
    let later = server.decide("alice", &reply, v1::Decision::Approve).await;
    refused(later, Code::FailedPrecondition, "already_settled");
    assert!(world.store.rows().votes.is_empty());
}

#[tokio::test]
async fn a_malformed_decision_is_told_by_field() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let bad = v1::ResolveApprovalDecisionRequest {
        request_id: "17".to_owned(),
        decision: 9,
        reason: "x".repeat(1001),
        seen_digest: "sha256:AB".to_owned(),
        input_mode: 77,
    };
    let decided = server.approvals().resolve_approval_decision(with("alice", bad)).await;
    assert_eq!(
        fields_of(&refused(decided, Code::InvalidArgument, "invalid_request")),
        [
            "request_id: must be a UUID in its hyphenated form",
            "decision: must be DECISION_APPROVE or DECISION_DENY",
            "reason: must have at most 1000 characters",
            "seen_digest: must be `sha256:` and 64 lower-case hex digits",
            "input_mode: must be INPUT_MODE_BUTTON, INPUT_MODE_TEXT or INPUT_MODE_VOICE",
        ]
    );
    let answered = server.approvals().answer_question(with("alice", Default::default())).await;
    assert_eq!(
        fields_of(&refused(answered, Code::InvalidArgument, "invalid_request")),
        [
            "request_id: is required",
            "seen_digest: is required",
            "answer: is required: `option_index` or `custom_text`",
        ]
    );
}

#[tokio::test]
async fn requester_and_outsiders_cannot_decide_and_are_told_so_beforehand() {
    let (world, server) = started(TestTool::writing(1)).await;
    // Alice is an owner, but it was she who launched this run.
    let own = v1::RegisterRunRequest { launched_by: "user:github:alice".to_owned(), ..registration("run-2") };
    server.runs().register_run(with("platform", own)).await.unwrap();
    let message = v1::CallToolRequest {
        tool: "test.write".to_owned(),
        arguments: Some(structure(json!({"name": "orders", "environment": "dev"}))),
    };
    let reply = server.agent().call_tool(with(&token_of("run-2"), message)).await.unwrap();
    let reply = reply.into_inner().reply.unwrap();
    let id = reply.request_id.clone().unwrap();
    for (who, code) in [("alice", "requester_cannot_decide"), ("carol", "not_a_decider")] {
        let viewer = server.approval(who, &id).await.viewer.unwrap();
        assert_eq!((viewer.may_decide, viewer.why_not.as_str()), (false, code));
        let decided = server.decide(who, &reply, v1::Decision::Approve).await;
        refused(decided, Code::PermissionDenied, code);
        let recorded = world.store.rows().events.last().unwrap().clone();
        assert_eq!(
            (recorded.event_type.as_str(), recorded.detail["code"].as_str()),
            ("mcp.tool.rejected", Some(code))
        );
    }
    let viewer = server.approval("viewer", &id).await.viewer.unwrap();
    assert_eq!((viewer.may_decide, viewer.why_not.as_str()), (false, "role_required"));
    assert!(server.approval("bob", &id).await.viewer.unwrap().may_decide);
    assert!(world.store.rows().votes.is_empty());
}

#[tokio::test]
async fn a_bad_policy_text_is_refused_with_its_places_and_the_running_one_stays() {
    let (world, server) = started(TestTool::writing(1)).await;
    let activate = |text: &str| v1::ActivatePolicyRequest { text: text.to_owned() };
    let before = world.store.rows().policies;
    let bad = server.policy().activate_policy(with("operator", activate("version: 9\n"))).await;
    let details = refused(bad, Code::InvalidArgument, "policy_invalid");
    assert!(fields_of(&details).iter().any(|field| field.starts_with("1:10: ")), "{:?}", fields_of(&details));
    assert_eq!(world.store.rows().policies, before);
    assert_eq!(world.store.rows().events.last().unwrap().event_type, "policy.rejected");
    let again = activate(countersign_testkit::policy::TEXT);
    let again = server.policy().activate_policy(with("operator", again)).await.unwrap().into_inner();
    assert_eq!((again.number, again.repeated), (1, true));
    let more = activate(&format!("{}# and a word\n", countersign_testkit::policy::TEXT));
    let more = server.policy().activate_policy(with("operator", more)).await.unwrap().into_inner();
    assert_eq!((more.number, more.repeated), (2, false));
    assert_eq!(server.ask("orders").await.status(), v1::CallStatus::ApprovalRequired);
}

#[tokio::test]
async fn what_cannot_be_planned_or_read_keeps_the_tools_code() {
    let (world, server) = started(TestTool::writing(1)).await;
    let message = "the database `orders` exists and is not ours".to_owned();
    world.tool.set_refusal(Some(PlanRefusal { code: "database_not_ours", message: message.clone() }));
    let called = server.call("test.write", json!({"name": "orders", "environment": "dev"})).await;
    assert_eq!(called.as_ref().unwrap_err().message(), message);
    refused(called, Code::FailedPrecondition, "database_not_ours");
    let looking = json!({"name": "orders", "environment": "dev"});
    let down = "the target does not answer".to_owned();
    let transient = StepOutcome::Transient { code: "target_unavailable", message: down, retry_after: None };
    world.reader.script_step(1, transient);
    let details =
        refused(server.call("test.read", looking.clone()).await, Code::Unavailable, "target_unavailable");
    assert!(details.retry_info().is_some());
    let refusal = "the target refuses our credentials".to_owned();
    world.reader.script_step(1, StepOutcome::Permanent { code: "target_denied", message: refusal });
    refused(server.call("test.read", looking).await, Code::FailedPrecondition, "target_denied");
}

#[tokio::test]
async fn storage_that_is_down_or_always_stale_can_be_tried_again() {
    let (world, server) = started(TestTool::writing(1)).await;
    world.store.set_unreachable(true);
    let called = server.call("test.write", json!({"name": "orders", "environment": "dev"})).await;
    assert!(refused(called, Code::Unavailable, "store_unavailable").retry_info().is_some());
    world.store.set_unreachable(false);
    for _ in 0..64 {
        world.store.fail_next_commit(CommitFault::Stale);
    }
    let called = server.call("test.write", json!({"name": "orders", "environment": "dev"})).await;
    assert!(refused(called, Code::Aborted, "busy").retry_info().is_some());
    assert!(world.store.rows().requests.is_empty());
    server.ask("orders").await;
}

#[tokio::test]
async fn what_the_state_forbids_is_a_failed_precondition() {
    let (world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let id = reply.request_id.clone().unwrap();
    let message = v1::AcknowledgeOutcomeRequest { request_id: id.clone() };
    let acknowledged = server.agent().acknowledge_outcome(with(&token_of(RUN), message)).await;
    refused(acknowledged, Code::FailedPrecondition, "not_settled");
    let message = v1::ResolveUnknownRequest {
        request_id: id.clone(),
        verdict: v1::UnknownVerdict::Applied.into(),
        reason: "looked myself".to_owned(),
    };
    let resolved = server.approvals().resolve_unknown(with("operator", message.clone())).await;
    refused(resolved, Code::FailedPrecondition, "not_unknown");
    let unclear = StepOutcome::Unclear { code: "no_answer", message: "it never answered".to_owned() };
    world.tool.script_step(1, unclear);
    for _ in 0..2 {
        let blind = ProbeOutcome::CannotTell { why: "blind".to_owned(), retry: false };
        world.tool.script_probe(1, blind);
    }
    server.decide("alice", &reply, v1::Decision::Approve).await.unwrap();
    for _ in 0..3 {
        world.work_off(&server).await;
        world.store.clock().advance(Millis::from_secs(1));
    }
    let listed =
        server.approvals().list_pending_approvals(with("operator", Default::default())).await.unwrap();
    let listed = listed.into_inner().approvals;
    assert_eq!(
        listed.iter().map(v1::ApprovalSummary::state).collect::<Vec<_>>(),
        [v1::RequestState::Unknown]
    );
    let cancel = v1::CancelRequestRequest { request_id: id.clone(), reason: String::new() };
    let cancelled = server.agent().cancel_request(with(&token_of(RUN), cancel)).await;
    refused(cancelled, Code::FailedPrecondition, "already_executing");
    let resolved = server.approvals().resolve_unknown(with("operator", message)).await.unwrap();
    assert_eq!(resolved.into_inner().approval.unwrap().state(), v1::RequestState::Applied);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_unread() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let large = v1::CallToolRequest {
        tool: "test.write".to_owned(),
        arguments: Some(structure(json!({"name": "x".repeat(1024 * 1024)}))),
    };
    let called = server.agent().call_tool(with(&token_of(RUN), large)).await;
    assert_eq!(called.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_caller_may_name_its_call() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let mut request = with("viewer", v1::GetRunRequest { run_id: "run-9".to_owned() });
    request.metadata_mut().insert("x-request-id", "trace-7".parse().unwrap());
    let details = refused(server.runs().get_run(request).await, Code::NotFound, "unknown_run");
    assert_eq!(details.request_info().unwrap().request_id, "trace-7");
    let mut request = with("viewer", v1::GetRunRequest { run_id: RUN.to_owned() });
    request.metadata_mut().insert("x-request-id", "not presentable".parse().unwrap());
    let answer = server.runs().get_run(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap().len(), 32);
}

#[tokio::test]
async fn a_refusal_with_hundreds_of_reasons_still_arrives() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let many: serde_json::Map<_, _> =
        (0..500).map(|number| (format!("wrong_{number}"), json!(0.5))).collect();
    let called = server.call("test.write", many.into()).await;
    let fields = fields_of(&refused(called, Code::InvalidArgument, "invalid_request"));
    assert!(fields[0].starts_with("wrong_0: must be an integer"), "{}", fields[0]);
    assert!(fields.last().unwrap().ends_with("more, left off for their length"));
    let text = format!("version: 1\ngroups:\n{}", "  \"a b\": [nobody]\n".repeat(300));
    let message = v1::ActivatePolicyRequest { text };
    let refusal = server.policy().activate_policy(with("operator", message)).await;
    assert!(fields_of(&refused(refusal, Code::InvalidArgument, "policy_invalid")).len() > 10);
}
