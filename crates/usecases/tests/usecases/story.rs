//! The main stories, each from the call to the acknowledged outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_approvals::{Choice, InputMode, Reply};
use countersign_kernel::{Digest, Millis};
use countersign_mcp_tools::{Plan, SecretSpec, StepOutcome};
use countersign_testkit::TestTool;
use countersign_testkit::build::run_id;
use countersign_usecases::call_tool::CallStatus;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::answer_question;
use countersign_usecases::outcomes::{OutcomeError, acknowledge_outcome, get_outcome, list_outcomes};
use countersign_waitstate::{NextAction, OutcomeStatus};
use mockall::Sequence;
use serde_json::json;

use crate::support::mocks::{MockTarget, done, seen, target_seen, untouchable};
use crate::support::{ALICE, RUN, Setup, World, check, honest_warrants, one_step, texts, who};

#[tokio::test]
async fn r6_an_approved_call_is_applied_and_its_outcome_kept_until_acknowledged() {
    let world = World::new(2).await;
    world.clock.advance(Millis::from_secs(600));
    let reply = world.call("a").await;
    assert_eq!(reply.status, CallStatus::ApprovalRequired);
    assert_eq!(reply.next_action, NextAction::Wait);
    assert_eq!(reply.decide_by, Some(world.clock.now().plus(Millis::from_secs(3600))));
    let id = reply.request.unwrap();
    let run = &world.rows().runs[0];
    assert_eq!((run.status.as_str(), run.budget_left_ms), ("waiting", Some(3_000_000)));
    assert_eq!(
        (run.wait_state.as_deref(), run.wait_reason.as_deref()),
        (Some("waiting_mcp"), Some("approval"))
    );

    world.pass(1800).await;
    assert!(world.tool.performed().is_empty(), "nobody has decided");
    world.decide(id, Choice::Approve, reply.plan_digest.unwrap(), ALICE).await.unwrap();
    assert_eq!(world.state(id).await, "approved");
    assert_eq!(world.rows().runs[0].wait_reason.as_deref(), Some("execution"));
    world.work_off().await;

    assert_eq!(world.tool.performed(), [1, 2]);
    assert!(world.tool.probed().is_empty(), "a step that was just intended needs no looking first");
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!(told.status, CallStatus::Over(OutcomeStatus::Applied));
    assert_eq!(told.detail["receipts"][1], json!({"target": "test.write:a#2", "step": 2}));
    let run = &world.rows().runs[0];
    let left = world.clock.now().plus(Millis(3_000_000));
    assert_eq!((run.status.as_str(), run.deadline_at.map(|at| at.0)), ("running", Some(left)));
    assert_eq!(world.watched.trespasses(), Vec::<String>::new());
    check(&world.rows());

    assert_eq!(list_outcomes(&world.services, &run_id(RUN)).await.unwrap().len(), 1);
    let first = acknowledge_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    world.clock.advance(Millis(5));
    let again = acknowledge_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!(first.acknowledged_at, again.acknowledged_at);
    assert!(list_outcomes(&world.services, &run_id(RUN)).await.unwrap().is_empty());
}

#[tokio::test]
async fn r7_the_events_of_a_story_are_uniform_and_linked() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.work_off().await;
    let expected = [
        "mcp.tool.called",
        "approval.requested",
        "mcp.tool.approval_pending",
        "approval.approved",
        "approval.applying",
        "approval.applied",
        "mcp.tool.succeeded",
    ];
    assert_eq!(world.events_of(id), expected);
    let rows = world.rows();
    let correlation: Vec<_> = rows
        .events
        .iter()
        .filter(|event| event.request_id == Some(id.to_string()))
        .map(|event| event.correlation_id.clone())
        .collect();
    assert!(correlation.iter().all(|one| one.is_some() && *one == correlation[0]));
    assert!(rows.links.iter().any(|link| link.from_id == RUN && link.to_id == id.to_string()));
    assert_eq!(world.count("run.wait.paused"), 1);
    assert_eq!(world.count("run.wait.resumed"), 1);
    let approved = world.last_detail("approval.approved");
    assert_eq!((&approved["by"], &approved["choice"]), (&json!(ALICE), &json!("approve")));
}

#[tokio::test]
async fn r3_the_first_step_is_intended_and_the_secret_sealed_before_anything_is_performed() {
    let plan = Plan { secret: Some(SecretSpec { length: 32 }), ..one_step() };
    let mut target = MockTarget::new();
    let mut order = Sequence::new();
    // Once for the call, once right before the first write.
    target.expect_observe().times(2).in_sequence(&mut order).returning(seen);
    let written = Arc::new(AtomicBool::new(false));
    let before = written.clone();
    target
        .expect_perform()
        .times(1)
        .in_sequence(&mut order)
        .withf(|attempt| {
            attempt.step == 1 && attempt.secret.as_ref().is_some_and(|secret| secret.len() == 32)
        })
        .returning(move |_| {
            assert!(before.load(Ordering::SeqCst), "performed before `applying` was committed");
            done()
        });
    let world = World::mocked(plan, target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    assert!(world.rows().sealed.is_empty(), "a request that is not executed has no secret yet");
    world.ledger.before_next_commit({
        let written = written.clone();
        move || written.store(true, Ordering::SeqCst)
    });
    world.work_off().await;

    let written = world.ledger.written();
    let applying = written
        .iter()
        .find(|commit| commit.events.iter().any(|event| event.event_type == "approval.applying"))
        .unwrap();
    assert_eq!(applying.steps.len(), 1);
    assert_eq!((applying.steps[0].step_number, applying.steps[0].state.as_str()), (1, "intended"));
    assert_eq!(applying.sealed.len(), 1);
    assert_eq!(applying.requests[0].row.state, "applying");
    assert_eq!(world.state(id).await, "applied");
    assert!(world.rows().sealed.is_empty(), "the sealed value is erased when the request settles");
    check(&world.rows());
}

#[tokio::test]
async fn r1_what_policy_lets_through_is_executed_at_once_and_audited_as_decided_by_policy() {
    let world = World::under(texts::staging_needs_nobody(), 1).await;
    let reply = world.call_in("staging", "a").await;
    assert_eq!(reply.status, CallStatus::Executing);
    let id = reply.request.unwrap();
    assert_eq!(world.state(id).await, "approved");
    assert_eq!(world.rows().waits[0].reason, "execution");
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(world.last_detail("approval.approved")["by"], "policy");
    assert_eq!(world.count("approval.requested"), 0);
    check(&world.rows());
}

#[tokio::test]
async fn r1_delegates_decide_what_is_delegated_and_owners_do_not() {
    let world = World::new(1).await;
    let id = world.call_in("staging", "a").await.request.unwrap();
    assert!(world.approve(id, ALICE).await.is_err());
    world.approve(id, crate::support::CAROL).await.unwrap();
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
}

#[tokio::test]
async fn r1_a_quorum_of_two_needs_two_different_people() {
    let world = World::new(1).await;
    let id = world.call_in("production", "a").await.request.unwrap();
    world.approve(id, ALICE).await.unwrap();
    assert!(world.approve(id, ALICE).await.unwrap().repeated);
    assert_eq!(world.state(id).await, "requested");
    world.approve(id, crate::support::BOB).await.unwrap();
    assert_eq!(world.state(id).await, "approved");
    assert_eq!((world.count("approval.voted"), world.count("approval.approved")), (1, 1));
    check(&world.rows());
}

#[tokio::test]
async fn r2_a_question_waits_for_the_owner_and_ends_with_the_answer() {
    let world = World::new(1).await;
    let ask = json!({
        "question": "Which region should the new database live in?", "options": ["Europe", "America"],
        "allow_custom": true,
    });
    let reply = world.try_call("owner.feedback.request", ask).await.unwrap();
    let id = reply.request.unwrap();
    assert_eq!(world.rows().runs[0].wait_state.as_deref(), Some("waiting_owner_review"));
    let given = GivenAnswer {
        seen: reply.plan_digest.unwrap(),
        reply: Reply::Option(1),
        input_mode: InputMode::Button,
    };
    let refused = world.decide(id, Choice::Approve, given.seen, ALICE).await.unwrap_err();
    assert_eq!(countersign_kernel::Fault::code(&refused), "is_a_question");
    answer_question(&world.services, id, &given, &who(ALICE)).await.unwrap();
    let again = answer_question(&world.services, id, &given, &who(ALICE)).await.unwrap();
    assert!(again.repeated);

    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!(told.status, CallStatus::Over(OutcomeStatus::Answered));
    assert_eq!(
        (&told.detail["selected_option"], &told.detail["selected_index"]),
        (&json!("America"), &json!(1))
    );
    assert_eq!(world.count("approval.answered"), 1);
    world.work_off().await;
    check(&world.rows());
}

#[tokio::test]
async fn r2_a_description_is_completed_inside_the_call() {
    let world = World::new(1).await;
    let reply = world.try_call("test.read", json!({"name": "a", "environment": "dev"})).await.unwrap();
    assert_eq!(reply.status, CallStatus::Described);
    assert_eq!((reply.request, reply.next_action), (None, NextAction::None));
    assert_eq!(reply.detail["receipts"][0]["target"], "test.read:a#1");
    let rows = world.rows();
    assert!(rows.requests.is_empty() && rows.outcomes.is_empty());
    assert_eq!(rows.runs[0].status, "running");
    assert_eq!((world.count("mcp.tool.called"), world.count("mcp.tool.succeeded")), (1, 1));
}

#[tokio::test]
async fn r2_a_description_whose_target_is_down_says_so_and_records_nothing() {
    let world = World::new(1).await;
    let down = |message: &str| StepOutcome::Transient {
        code: "target_unreachable",
        message: message.to_owned(),
        retry_after: None,
    };
    world.reader.script_step(1, down("`test.read:a#1` does not answer"));
    let before = world.rows();
    let refused = world.try_call("test.read", json!({"name": "a", "environment": "dev"})).await.unwrap_err();
    assert_eq!(countersign_kernel::Fault::code(&refused), "target_unreachable");
    assert_eq!(countersign_kernel::Fault::kind(&refused), countersign_kernel::Kind::Unavailable);
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn r3_a_dry_run_tells_what_would_happen_and_touches_nothing() {
    let world = World::mocked(one_step(), target_seen(1), honest_warrants(0)).await;
    let asked = json!({"name": "a", "environment": "production", "dry_run": true});
    let reply = world.try_call("test.write", asked).await.unwrap();
    assert_eq!(reply.status, CallStatus::DryRun);
    let preview = reply.preview.unwrap();
    assert_eq!((preview.terms.quorum, preview.looked), (2, true));
    assert_eq!(preview.facts, ["test_targets count=1"]);
    assert!(world.rows().requests.is_empty());
    assert_eq!(world.last_detail("mcp.tool.dry_run")["verdict"], "owner");
    assert_eq!(world.rows().runs[0].status, "running");
}

#[tokio::test]
async fn r3_a_dry_run_neither_meets_nor_makes_the_open_request() {
    let world = World::new(1).await;
    let id = world.call("a").await.request;
    let asked = json!({"name": "a", "environment": "dev", "dry_run": true});
    let reply = world.try_call("test.write", asked).await.unwrap();
    assert_eq!((reply.status, reply.request), (CallStatus::DryRun, None));
    assert_eq!(world.call("a").await.request, id);
}

#[tokio::test]
async fn r3_a_plan_without_steps_is_approved_and_applied_without_performing() {
    let plan = Plan { steps: Vec::new(), ..one_step() };
    let world = World::mocked(plan, untouchable(), honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
    let events = world.events_of(id);
    assert_eq!(events[4..], ["approval.applying", "approval.applied", "mcp.tool.succeeded"]);
    check(&world.rows());
}

#[tokio::test]
async fn r3_a_plan_without_steps_that_asks_for_a_secret_keeps_none() {
    let world = World::with_tool(TestTool::writing(0).with_secret(32), Setup::default()).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
    assert!(world.rows().sealed.is_empty());
}

#[tokio::test]
async fn r6_a_run_with_several_waits_resumes_with_the_last_one() {
    let world = World::new(1).await;
    let first = world.approved("a").await;
    let second = world.call("b").await.request.unwrap();
    world.clock.advance(Millis::from_secs(60));
    world.work_off().await;
    assert_eq!(world.state(first).await, "applied");
    assert_eq!(world.rows().runs[0].status, "waiting");
    world.approve(second, ALICE).await.unwrap();
    world.work_off().await;
    let run = &world.rows().runs[0];
    let left = world.clock.now().plus(Millis::from_secs(3600));
    assert_eq!((run.status.as_str(), run.deadline_at.map(|at| at.0)), ("running", Some(left)));
    check(&world.rows());
}

#[tokio::test]
async fn r6_an_outcome_is_there_for_its_own_run_only_and_once_it_is_over() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let early = acknowledge_outcome(&world.services, &run_id(RUN), id).await.unwrap_err();
    assert!(matches!(early, OutcomeError::NotSettled { status: "approval_required", .. }));
    let elsewhere = get_outcome(&world.services, &run_id("run-2"), id).await.unwrap_err();
    assert!(matches!(elsewhere, OutcomeError::Unknown { .. }));
    let elsewhere = acknowledge_outcome(&world.services, &run_id("run-2"), id).await.unwrap_err();
    assert!(matches!(elsewhere, OutcomeError::Unknown { .. }));
}

#[tokio::test]
async fn r8_a_denial_reaches_the_agent_with_its_reason() {
    let world = World::new(1).await;
    let reply = world.call("a").await;
    let id = reply.request.unwrap();
    world.decide(id, Choice::Deny, reply.plan_digest.unwrap(), ALICE).await.unwrap();
    world.work_off().await;
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!(told.status, CallStatus::Over(OutcomeStatus::Denied));
    assert_eq!(told.detail, json!({"by": "person", "reason": "the test decides so"}));
    assert!(world.tool.performed().is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn r5_an_approve_may_become_a_deny_while_it_is_not_decided() {
    let world = World::new(1).await;
    let reply = world.call_in("production", "a").await;
    let (id, seen) = (reply.request.unwrap(), reply.plan_digest.unwrap());
    world.decide(id, Choice::Approve, seen, ALICE).await.unwrap();
    world.decide(id, Choice::Deny, seen, ALICE).await.unwrap();
    assert_eq!(world.state(id).await, "denied");
    let votes = world.rows().votes;
    assert_eq!((votes.len(), votes[0].choice.as_str()), (1, "deny"));
    assert_eq!(votes[0].seen_digest, seen.to_string());
    check(&world.rows());
}

#[tokio::test]
async fn r8_staff_see_what_waits_and_why() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let filter = countersign_usecases::port::RequestFilter::default();
    let page = world.services.queries().list_requests(&filter, None, 10).await.unwrap();
    assert_eq!(page.requests.len(), 1);
    let (request, heartbeat) = &page.requests[0];
    assert_eq!((request.facts.id, *heartbeat), (id, None));
    let plan = Plan::from_json(&request.proposal.plan).unwrap();
    let call = countersign_mcp_tools::Call::from_json(&request.proposal.call).unwrap();
    let shown = Digest::of_json(&plan.digest_input(&call, &request.proposal.terms)).unwrap();
    assert_eq!(shown, request.proposal.plan_digest, "the digest is that of what is shown");
}
