//! The last look before the first write: policy, warrant, digest, target.

use countersign_approvals::Choice;
use countersign_kernel::{Digest, Fault, Millis, OnRunEnd};
use countersign_mcp_tools::{Observation, PlanRefusal, UnseenReason};
use countersign_testkit::policy::TEXT;
use countersign_usecases::call_tool::CallStatus;
use countersign_usecases::look::find_drift;
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::port::{StoreError, Warrant, WarrantError, WorkKind, WorkSubject};
use countersign_waitstate::{NextAction, OutcomeStatus};
use serde_json::json;

use crate::support::mocks::{MockTarget, done, seen};
use crate::support::{
    ALICE, BOB, MockWarrants, RUN, World, check, honest_warrants, one_step, texts, untouchable,
};

#[tokio::test]
async fn r1_a_policy_that_is_stricter_by_now_asks_again_on_its_new_terms() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let approved = world.request(id).await;
    world.activate(&texts::everything_needs_two()).await;
    world.work_off().await;

    let now = world.request(id).await;
    assert_eq!((now.state.name().as_str(), now.revision, now.proposal.terms.quorum), ("requested", 2, 2));
    assert_ne!(now.proposal.plan_digest, approved.proposal.plan_digest);
    assert_ne!(now.proposal.policy_digest, approved.proposal.policy_digest);
    assert!(now.votes.is_empty(), "the earlier approval is void");
    let told = &world.last_detail("approval.drifted")["changes"];
    assert_eq!(told, &json!({"gone": [], "new": [], "parts": [{"target": null, "part": "terms"}]}));
    assert!(world.tool.performed().is_empty());
    check(&world.rows());

    world.approve(id, ALICE).await.unwrap();
    assert_eq!(world.state(id).await, "requested");
    world.approve(id, BOB).await.unwrap();
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(world.tool.performed(), [1]);
    check(&world.rows());
}

#[tokio::test]
async fn r1_a_policy_that_is_looser_by_now_changes_nothing_about_what_was_approved() {
    let world = World::under(texts::everything_needs_two(), 1).await;
    let id = world.approved("a").await;
    world.approve(id, BOB).await.unwrap();
    world.activate(TEXT).await;
    world.work_off().await;
    assert_eq!((world.state(id).await, world.request(id).await.revision), ("applied", 1));
}

#[tokio::test]
async fn r1_a_policy_that_lets_nothing_through_any_more_denies_what_it_had_let_in() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.activate(&texts::nothing_goes()).await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "denied");
    assert!(world.tool.performed().is_empty());
    let told = get_outcome(&world.services, &countersign_testkit::build::run_id(RUN), id).await.unwrap();
    assert_eq!(told.status, CallStatus::Over(OutcomeStatus::Denied));
    assert_eq!(told.detail["by"], "policy");
    check(&world.rows());
}

#[tokio::test]
async fn r1_what_policy_let_through_asks_a_person_once_policy_is_stricter() {
    let world = World::under(texts::staging_needs_nobody(), 1).await;
    let id = world.call_in("staging", "a").await.request.unwrap();
    world.activate(TEXT).await;
    world.work_off().await;
    assert_eq!((world.state(id).await, world.rows().waits[0].reason.as_str()), ("requested", "approval"));
    assert!(world.tool.performed().is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn a_changed_target_asks_again_with_votes_void_but_kept() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let before = world.request(id).await;
    world.clock.advance(Millis::from_secs(60));
    world.tool.set_world(json!({"state": "moved"}));
    world.work_off().await;

    let now = world.request(id).await;
    assert_eq!((now.state.name().as_str(), now.revision), ("requested", 2));
    let decide_by = world.clock.now().plus(Millis::from_secs(3600));
    let row = &world.rows().requests[0];
    assert_eq!((row.decide_by.map(|at| at.0), row.execute_by), (Some(decide_by), None));
    let votes = world.services.queries().list_votes(id).await.unwrap();
    assert_eq!((votes.len(), votes[0].revision, votes[0].principal.as_str()), (1, 1, ALICE));
    let detail = world.last_detail("approval.drifted");
    assert_eq!(detail["approved_plan"], before.proposal.plan_digest.to_string());
    assert_eq!(detail["plan_now"], now.proposal.plan_digest.to_string());
    assert_eq!((&detail["revision"], &detail["asks_again"]), (&json!(2), &json!(true)));
    let seen = |state: &str| json!([{"code": "test_seen", "params": {"world": {"state": state}}}]);
    let changes = json!({"gone": seen("as it was"), "new": seen("moved"), "parts": []});
    assert_eq!(detail["changes"], changes);
    let drift = find_drift(&world.services, &now).await.unwrap().unwrap();
    assert_eq!((drift.noticed_at, drift.changes.to_json()), (world.clock.now(), changes));
    assert_eq!(find_drift(&world.services, &before).await.unwrap(), None, "a first proposal");
    let told = get_outcome(&world.services, &countersign_testkit::build::run_id(RUN), id).await.unwrap();
    assert_eq!(told.detail, json!({"asked_again": true, "revision": 2}), "no more for the agent");
    assert_eq!(world.rows().waits[0].reason, "approval");
    let subject = WorkSubject::request(id);
    let kinds: Vec<_> =
        world.rows().work.iter().filter(|row| row.subject == subject).map(|row| row.kind).collect();
    assert_eq!(kinds, [WorkKind::ExpireDecision]);
    assert!(world.tool.performed().is_empty());

    world.approve(id, ALICE).await.unwrap();
    let told = get_outcome(&world.services, &countersign_testkit::build::run_id(RUN), id).await.unwrap();
    assert_eq!(told.detail, json!({}), "approved again");
    world.work_off().await;
    assert_eq!(world.state(id).await, "applied");
    assert_eq!(world.count("approval.approved"), 2);
    check(&world.rows());
}

#[tokio::test]
async fn a_changed_target_is_planned_anew_and_audited_where_nobody_has_to_decide() {
    let world = World::under(texts::staging_needs_nobody(), 1).await;
    let id = world.call_in("staging", "a").await.request.unwrap();
    world.tool.set_world(json!({"state": "moved"}));
    world.work_off().await;
    assert_eq!((world.state(id).await, world.request(id).await.revision), ("applied", 2));
    assert_eq!(world.last_detail("approval.drifted")["asks_again"], false);
    assert_eq!(world.watched.trespasses(), Vec::<String>::new());
    check(&world.rows());
}

#[tokio::test]
async fn a_target_that_changes_a_fourth_time_fails_as_drifting() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    for change in 1..=3 {
        world.tool.set_world(json!({"state": change}));
        world.work_off().await;
        assert_eq!((world.state(id).await, world.request(id).await.revision), ("requested", change + 1));
        world.approve(id, ALICE).await.unwrap();
    }
    world.tool.set_world(json!({"state": 4}));
    world.work_off().await;
    assert_eq!(world.state(id).await, "failed");
    let told = get_outcome(&world.services, &countersign_testkit::build::run_id(RUN), id).await.unwrap();
    assert_eq!((&told.detail["code"], told.next_action), (&json!("drifting"), NextAction::Retry));
    assert_eq!(world.count("approval.drifted"), 3);
    assert!(world.tool.performed().is_empty());
    check(&world.rows());
}

async fn refused_without_warrant(warrants: MockWarrants, expected: &str) {
    let world = World::mocked(one_step(), untouchable(), warrants).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "failed");
    let detail = world.last_detail("mcp.tool.rejected");
    assert_eq!(detail["code"], expected);
    assert_eq!(world.last_detail("approval.failed")["code"], expected);
    assert_eq!((world.count("approval.applying"), world.rows().steps.len()), (0, 0));
    check(&world.rows());
}

#[tokio::test]
async fn r1_without_a_warrant_nothing_is_performed_and_the_refusal_recorded() {
    let mut warrants = MockWarrants::new();
    warrants
        .expect_issue()
        .times(1)
        .returning(|request, plan| Err(WarrantError::NotOnRecord { request, plan }));
    refused_without_warrant(warrants, "no_warrant").await;
}

#[tokio::test]
async fn r1_a_warrant_for_another_plan_is_stale() {
    let mut warrants = MockWarrants::new();
    warrants.expect_issue().times(1).returning(|request, _| {
        Ok(Warrant { request, plan_digest: Digest::of_bytes(b"another plan"), proof: "test" })
    });
    refused_without_warrant(warrants, "stale_warrant").await;
}

#[tokio::test]
async fn r1_a_warrant_for_another_request_is_stale() {
    let other = countersign_testkit::TestIds::new(3, countersign_testkit::TestClock::default()).request();
    let mut warrants = MockWarrants::new();
    warrants
        .expect_issue()
        .times(1)
        .returning(move |_, plan_digest| Ok(Warrant { request: other, plan_digest, proof: "test" }));
    refused_without_warrant(warrants, "stale_warrant").await;
}

#[tokio::test]
async fn r1_the_warrant_is_asked_for_exactly_the_approved_plan() {
    let mut target = MockTarget::new();
    target.expect_observe().times(2).returning(seen);
    target.expect_perform().times(1).returning(|_| done());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(None));
    let mut warrants = MockWarrants::new();
    let kept = asked.clone();
    warrants.expect_issue().times(1).returning(move |request, plan_digest| {
        *kept.lock().unwrap() = Some((request, plan_digest));
        Ok(Warrant { request, plan_digest, proof: "test" })
    });
    let world = World::mocked(one_step(), target, warrants).await;
    let id = world.approved("a").await;
    world.work_off().await;
    let asked = *asked.lock().unwrap();
    assert_eq!(asked, Some((id, world.request(id).await.proposal.plan_digest)));
}

#[tokio::test]
async fn r1_a_record_that_cannot_be_read_is_no_refusal_but_a_later_attempt() {
    let mut warrants = MockWarrants::new();
    warrants.expect_issue().times(1).returning(|_, _| {
        Err(WarrantError::Store(StoreError::Unavailable { message: "the log is away".to_owned() }))
    });
    let world = World::mocked(one_step(), untouchable(), warrants).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "approved");
    let row = world.rows().work_of(WorkKind::Execute, &WorkSubject::request(id)).cloned().unwrap();
    assert_eq!((row.due_at, row.lease), (world.clock.now().plus(Millis(1000)), None));
}

async fn refused_when_stored_otherwise(alter: fn(&mut countersign_approvals::ActionRequest)) {
    let world = World::mocked(one_step(), untouchable(), honest_warrants(0)).await;
    let id = world.approved("a").await;
    world.ledger.show_requests_as(move |snapshot| alter(&mut snapshot.request));
    world.work_off().await;
    assert_eq!(world.last_detail("mcp.tool.rejected")["code"], "plan_tampered");
    assert_eq!(world.state(id).await, "failed");
    assert_eq!(world.count("approval.applying"), 0);
}

#[tokio::test]
async fn r1_a_plan_changed_in_the_database_is_not_the_one_of_its_digest() {
    refused_when_stored_otherwise(|request| {
        request.proposal.plan["steps"][0]["target"] = json!("test:production");
    })
    .await;
}

#[tokio::test]
async fn r1_a_call_changed_in_the_database_is_not_the_one_of_its_digest() {
    refused_when_stored_otherwise(|request| request.proposal.call["input"]["name"] = json!("b")).await;
}

#[tokio::test]
async fn r1_terms_changed_in_the_database_are_not_those_of_the_digest() {
    refused_when_stored_otherwise(|request| request.proposal.terms.on_run_end = OnRunEnd::Execute).await;
}

#[tokio::test]
async fn r1_a_digest_changed_in_the_database_with_its_plan_has_no_approval_on_record() {
    // The honest issuer of the product itself: whoever changes rows has no `approval.approved` of the changed plan.
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.ledger.show_requests_as(|snapshot| {
        let proposal = &mut snapshot.request.proposal;
        proposal.plan["facts"] = json!([]);
        let call = countersign_mcp_tools::Call::from_json(&proposal.call).unwrap();
        let plan = countersign_mcp_tools::Plan::from_json(&proposal.plan).unwrap();
        proposal.plan_digest = Digest::of_json(&plan.digest_input(&call, &proposal.terms)).unwrap();
    });
    world.work_off().await;
    assert_eq!(world.last_detail("mcp.tool.rejected")["code"], "no_warrant");
    assert_eq!(world.state(id).await, "failed");
    assert!(world.tool.performed().is_empty());
}

#[tokio::test]
async fn a_target_that_cannot_be_looked_at_is_looked_at_later_and_nothing_is_written() {
    let mut target = MockTarget::new();
    target.expect_observe().times(1).returning(seen);
    target.expect_observe().times(2).returning(|| Observation::could_not_look(UnseenReason::Broken, "503"));
    target.expect_observe().times(1).returning(seen);
    target.expect_perform().times(1).returning(|_| done());
    let world = World::mocked(one_step(), target, honest_warrants(3)).await;
    let id = world.approved("a").await;
    let before = world.rows();
    world.work_off().await;
    let after = world.rows();
    assert_eq!((&after.requests, &after.events), (&before.requests, &before.events));
    world.pass(1).await;
    assert_eq!(world.state(id).await, "approved");
    world.pass(1).await;
    assert_eq!(world.state(id).await, "approved", "the second wait is longer");
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
    check(&world.rows());
}

#[tokio::test]
async fn what_cannot_be_planned_any_more_fails_without_having_begun() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let message = "the database `orders` belongs to somebody else by now".to_owned();
    world.tool.set_refusal(Some(PlanRefusal { code: "database_not_ours", message }));
    world.work_off().await;
    assert_eq!(world.state(id).await, "failed");
    let detail = world.last_detail("approval.failed");
    assert_eq!((&detail["code"], &detail["settled_by"]), (&json!("database_not_ours"), &json!("beforehand")));
    assert!(world.tool.performed().is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn a_request_whose_time_to_execute_passes_between_load_and_commit_does_not_begin() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.clock.advance(Millis(899_999));
    let clock = world.clock.clone();
    world.ledger.before_next_commit(move || clock.advance(Millis(1)));
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(id).await, "expired");
    assert_eq!(world.last_detail("approval.expired")["phase"], "unexecuted");
    assert!(world.tool.performed().is_empty());
}

#[tokio::test]
async fn a_cancel_between_the_look_and_the_first_write_wins() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let (services, seen) = (world.replica(2), world.request(id).await.proposal.plan_digest);
    world.ledger.before_next_commit(move || {
        let cancelled = async move {
            let staff = countersign_usecases::decisions::CancelBy::Staff(crate::support::who(BOB));
            countersign_usecases::decisions::cancel_request(&services, id, None, &staff).await.unwrap();
        };
        crate::support::on_another_thread(cancelled);
    });
    world.work_off().await;
    assert_eq!(world.state(id).await, "cancelled");
    assert!(world.tool.performed().is_empty());
    let late = world.decide(id, Choice::Deny, seen, BOB).await.unwrap_err();
    assert_eq!(late.code(), "already_settled");
    check(&world.rows());
}
