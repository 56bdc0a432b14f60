//! The main job, end to end over gRPC: register, call, list, decide, await, acknowledge.

use countersign_testkit::TestTool;
use countersign_transport_grpc::v1;
use serde_json::json;
use tonic::Code;

use crate::support::{RUN, refused, soon, started, text, token_of, with};

#[tokio::test]
async fn a_call_is_approved_executed_and_read() {
    let (world, server) = started(TestTool::writing(2)).await;
    let reply = server.ask("orders").await;
    assert_eq!(reply.status(), v1::CallStatus::ApprovalRequired);
    assert_eq!(reply.next_action(), v1::NextAction::Wait);
    assert!(!reply.settled && !reply.reused && reply.decide_by.is_some());
    let id = reply.request_id.clone().unwrap();

    let listed = server.approvals().list_pending_approvals(with("viewer", Default::default())).await.unwrap();
    let listed = listed.into_inner();
    assert_eq!(listed.next_page_token, "");
    assert_eq!(listed.approvals.len(), 1);
    let summary = &listed.approvals[0];
    assert_eq!(summary.request_id, id);
    assert_eq!(summary.state(), v1::RequestState::Requested);
    assert_eq!((summary.tool.as_str(), summary.action.as_str()), ("test.write", "apply"));
    assert_eq!(summary.environment.as_deref(), Some("dev"));
    assert_eq!(summary.launched_by, "user:github:dana");
    assert_eq!(Some(&summary.plan_digest), reply.plan_digest.as_ref());
    assert_eq!(summary.terms.as_ref().unwrap().deciders, ["shop-owners"]);

    let mut outcome = awaiting(&server, &id).await;
    assert_eq!(next(&mut outcome).await.status(), v1::CallStatus::ApprovalRequired);
    let decided = server.decide("alice", &reply, v1::Decision::Approve).await.unwrap();
    assert_eq!(decided.approval.unwrap().state(), v1::RequestState::Approved);
    assert!(!decided.repeated);
    assert_eq!(next(&mut outcome).await.status(), v1::CallStatus::Executing);
    world.work_off(&server).await;
    let last = next(&mut outcome).await;
    assert_eq!(last.status(), v1::CallStatus::Applied);
    assert!(last.settled);
    assert!(soon(outcome.message()).await.unwrap().is_none(), "the stream ends after the settled reply");
    assert_eq!(world.tool.performed(), [1, 2]);

    let replies =
        server.agent().list_outcomes(with(&token_of(RUN), v1::ListOutcomesRequest {})).await.unwrap();
    assert_eq!(replies.into_inner().replies, [last]);
    for _ in 0..2 {
        let message = v1::AcknowledgeOutcomeRequest { request_id: id.clone() };
        let answer = server.agent().acknowledge_outcome(with(&token_of(RUN), message)).await.unwrap();
        assert!(answer.into_inner().acknowledged_at.is_some());
    }
    let replies =
        server.agent().list_outcomes(with(&token_of(RUN), v1::ListOutcomesRequest {})).await.unwrap();
    assert_eq!(replies.into_inner().replies, []);

    let approval = server.approval("viewer", &id).await;
    assert_eq!(approval.votes.len(), 1);
    assert_eq!(approval.votes[0].principal, "user:github:alice");
    assert_eq!(approval.votes[0].input_mode(), v1::InputMode::Text);
    assert_eq!(approval.steps.iter().map(|step| step.state.as_str()).collect::<Vec<_>>(), ["done", "done"]);
    assert_eq!(approval.resolution.unwrap().by, "the executor");
    let events = events_of(&server, &id).await;
    assert_eq!(events.first().map(String::as_str), Some("mcp.tool.called"));
    assert!(events.contains(&"approval.approved".to_owned()), "{events:?}");
    assert!(events.contains(&"approval.applied".to_owned()), "{events:?}");
}

#[tokio::test]
async fn what_changed_is_shown_to_those_who_are_asked_again() {
    let (world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let id = reply.request_id.clone().unwrap();
    assert_eq!(server.approval("viewer", &id).await.drift, None, "a first proposal");
    server.decide("alice", &reply, v1::Decision::Approve).await.unwrap();
    world.tool.set_world(json!({"state": "moved \u{202e}"}));
    world.work_off(&server).await;

    let approval = server.approval("alice", &id).await;
    let summary = approval.summary.as_ref().unwrap();
    assert_eq!((summary.state(), summary.revision, summary.approvals), (v1::RequestState::Requested, 2, 0));
    let drift = approval.drift.unwrap();
    assert!(drift.noticed_at.is_some());
    assert_eq!(drift.changed_parts, []);
    let worded = |facts: &[v1::Fact]| facts.iter().map(|fact| fact.text.clone()).collect::<Vec<_>>();
    assert_eq!(worded(&drift.gone_facts), [r#"test_seen world={"state":"as it was"}"#]);
    assert_eq!(drift.new_facts, approval.plan.unwrap().facts, "worded and made visible as the plan is");
    assert!(worded(&drift.new_facts)[0].contains("<U+202E>"), "{drift:?}");

    let mut outcome = awaiting(&server, &id).await;
    let waiting = next(&mut outcome).await;
    assert_eq!(waiting.status(), v1::CallStatus::ApprovalRequired);
    let told = waiting.detail.unwrap();
    assert_eq!(told.fields.keys().collect::<Vec<_>>(), ["asked_again", "revision"]);

    let old = server.decide("bob", &reply, v1::Decision::Approve).await;
    refused(old, Code::FailedPrecondition, "plan_changed");
    let again = v1::CallReply { plan_digest: Some(summary.plan_digest.clone()), ..reply };
    server.decide("alice", &again, v1::Decision::Approve).await.unwrap();
    world.work_off(&server).await;
    assert_eq!(next(&mut outcome).await.status(), v1::CallStatus::Executing);
    assert_eq!(next(&mut outcome).await.status(), v1::CallStatus::Applied);
    assert!(server.approval("viewer", &id).await.drift.is_some(), "how it came to be so stays to be seen");
}

#[tokio::test]
async fn a_denial_reaches_the_agent_with_its_reason() {
    let (world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    server.decide("bob", &reply, v1::Decision::Deny).await.unwrap();
    let mut outcome = awaiting(&server, reply.request_id.as_ref().unwrap()).await;
    let last = next(&mut outcome).await;
    assert_eq!((last.status(), last.next_action()), (v1::CallStatus::Denied, v1::NextAction::None));
    assert_eq!(text(last.detail.as_ref().unwrap(), "reason"), "the test decides so");
    world.work_off(&server).await;
    assert!(world.tool.performed().is_empty());
}

#[tokio::test]
async fn a_question_is_answered_by_option_and_in_own_words() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let ask = |question: &str| {
        server.call(
            "owner.feedback.request",
            json!({"question": question, "options": ["red", "blue\u{202e}"], "context": "for the logo"}),
        )
    };
    let first = ask("Which colour should it have?").await.unwrap();
    let approval = server.approval("alice", first.request_id.as_ref().unwrap()).await;
    let form = approval.question_form.unwrap();
    assert_eq!(form.options, ["red", "blue<U+202E>"]);
    assert!(form.allow_custom && approval.summary.unwrap().question && approval.viewer.unwrap().may_decide);
    let answer = |reply: &v1::CallReply, answer| v1::AnswerQuestionRequest {
        request_id: reply.request_id.clone().unwrap(),
        seen_digest: reply.plan_digest.clone().unwrap(),
        answer: Some(answer),
        input_mode: v1::InputMode::Voice.into(),
    };
    use v1::answer_question_request::Answer;
    let message = answer(&first, Answer::OptionIndex(0));
    for repeated in [false, true] {
        let answered = server.approvals().answer_question(with("alice", message.clone())).await.unwrap();
        let answered = answered.into_inner();
        assert_eq!(answered.repeated, repeated);
        assert_eq!(answered.approval.unwrap().state(), v1::RequestState::Answered);
    }
    let last = next(&mut awaiting(&server, first.request_id.as_ref().unwrap()).await).await;
    assert_eq!(last.status(), v1::CallStatus::Answered);
    assert_eq!(text(last.detail.as_ref().unwrap(), "selected_option"), "red");
    assert_eq!(text(last.detail.as_ref().unwrap(), "input_mode"), "voice");

    let second = ask("And which shape should it have?").await.unwrap();
    let message = answer(&second, Answer::CustomText("round, password=hunter2".to_owned()));
    server.approvals().answer_question(with("bob", message)).await.unwrap();
    let last = next(&mut awaiting(&server, second.request_id.as_ref().unwrap()).await).await;
    assert_eq!(text(last.detail.as_ref().unwrap(), "text"), "round, password=[redacted]");

    let message = answer(&second, Answer::OptionIndex(7));
    refused(
        server.approvals().answer_question(with("bob", message)).await,
        Code::InvalidArgument,
        "no_such_option",
    );
}

#[tokio::test]
async fn calls_that_complete_inside_the_call_make_no_request() {
    let (world, server) = started(TestTool::writing(1)).await;
    let described = server.call("test.read", json!({"name": "orders", "environment": "dev"})).await.unwrap();
    assert_eq!(described.status(), v1::CallStatus::Described);
    assert!(described.settled && described.request_id.is_none());
    let dry = json!({"name": "orders", "environment": "production", "dry_run": true});
    let dry = server.call("test.write", dry).await.unwrap();
    assert_eq!(dry.status(), v1::CallStatus::DryRun);
    let preview = dry.preview.unwrap();
    assert_eq!(preview.terms.unwrap().quorum, 2);
    assert!(preview.looked);
    let plan = preview.plan.unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.facts[0].code, "test_seen");
    assert!(world.tool.performed().is_empty());
    assert!(world.store.rows().requests.is_empty());
}

#[tokio::test]
async fn a_repeated_call_is_reused_and_a_second_decision_is_a_repeat() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let again = server.ask("orders").await;
    assert!(again.reused);
    assert_eq!(again.request_id, reply.request_id);
    assert!(!server.decide("alice", &reply, v1::Decision::Approve).await.unwrap().repeated);
    assert!(server.decide("alice", &reply, v1::Decision::Approve).await.unwrap().repeated);
    let details = refused(
        server.decide("bob", &reply, v1::Decision::Approve).await,
        Code::FailedPrecondition,
        "already_approved",
    );
    assert!(details.retry_info().is_none());
}

#[tokio::test]
async fn the_agent_and_staff_withdraw() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let (first, second) = (server.ask("first").await, server.ask("second").await);
    let message = v1::CancelRequestRequest {
        request_id: first.request_id.clone().unwrap(),
        reason: "no longer needed".to_owned(),
    };
    let reply = server.agent().cancel_request(with(&token_of(RUN), message)).await.unwrap();
    assert_eq!(reply.into_inner().reply.unwrap().status(), v1::CallStatus::Cancelled);
    let message = v1::CancelApprovalRequest { request_id: second.request_id.unwrap(), reason: String::new() };
    let approval = server.approvals().cancel_approval(with("operator", message)).await.unwrap();
    assert_eq!(approval.into_inner().approval.unwrap().state(), v1::RequestState::Cancelled);
}

#[tokio::test]
async fn of_the_approvers_only_those_whom_policy_asks_withdraw() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let id = server.ask("orders").await.request_id.unwrap();
    let withdraw = async |who: &str| {
        let message = v1::CancelApprovalRequest { request_id: id.clone(), reason: String::new() };
        server.approvals().cancel_approval(with(who, message)).await
    };
    for outsider in ["approver", "carol"] {
        refused(withdraw(outsider).await, Code::PermissionDenied, "not_a_decider");
    }
    assert_eq!(events_of(&server, &id).await.iter().filter(|event| *event == "mcp.tool.rejected").count(), 2);
    let approval = withdraw("bob").await.unwrap().into_inner().approval.unwrap();
    assert_eq!(approval.state(), v1::RequestState::Cancelled);
    refused(withdraw("carol").await, Code::FailedPrecondition, "already_settled");
}

pub(crate) async fn awaiting(
    server: &crate::support::Server,
    id: &str,
) -> tonic::Streaming<v1::AwaitOutcomeResponse> {
    let message = v1::AwaitOutcomeRequest { request_id: id.to_owned() };
    server.agent().await_outcome(with(&token_of(RUN), message)).await.unwrap().into_inner()
}

pub(crate) async fn next(outcome: &mut tonic::Streaming<v1::AwaitOutcomeResponse>) -> v1::CallReply {
    soon(outcome.message()).await.unwrap().expect("the stream goes on").reply.unwrap()
}

async fn events_of(server: &crate::support::Server, id: &str) -> Vec<String> {
    let message = v1::ListEventsRequest { request_id: Some(id.to_owned()), ..Default::default() };
    let page = server.audit().list_events(with("auditor", message)).await.unwrap().into_inner();
    page.events.into_iter().map(|event| event.r#type).collect()
}
