//! The two clocks of a request, and cancelling what has begun.

use countersign_approvals::Choice;
use countersign_kernel::{Fault, Millis};
use countersign_mcp_tools::StepOutcome;
use countersign_testkit::build::run_id;
use countersign_usecases::decisions::{CancelBy, cancel_request};
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::port::{WorkKind, WorkSubject};
use countersign_usecases::timers::{expire_decision, expire_execution};
use countersign_usecases::worker;
use countersign_waitstate::NextAction;

use crate::support::{ALICE, RUN, World, check, who};

#[tokio::test]
async fn r4_a_request_nobody_decides_expires_which_is_no_denial() {
    let world = World::new(1).await;
    let reply = world.call("a").await;
    let id = reply.request.unwrap();
    world.pass(3599).await;
    assert_eq!(world.state(id).await, "requested");
    world.pass(1).await;
    assert_eq!(world.state(id).await, "expired");
    let told = get_outcome(&world.services, &run_id(RUN), id).await.unwrap();
    assert_eq!((told.status.as_str(), told.next_action), ("expired", NextAction::RequestAgain));
    assert_eq!(told.detail["phase"], "undecided");
    let late = world.decide(id, Choice::Approve, reply.plan_digest.unwrap(), ALICE).await.unwrap_err();
    assert_eq!(late.code(), "already_settled");
    assert_ne!(world.call("a").await.request, Some(id), "asking again is a new request");
    check(&world.rows());
}

#[tokio::test]
async fn r4_an_approved_request_that_cannot_begin_in_time_expires() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.tool.set_blind("the target is away");
    world.work_off().await;
    for _ in 0..15 {
        world.pass(60).await;
    }
    assert_eq!(world.state(id).await, "expired");
    assert_eq!(world.last_detail("approval.expired")["phase"], "unexecuted");
    assert!(world.tool.performed().is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn a_timer_that_comes_early_changes_nothing_and_comes_again() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.clock.advance(Millis::from_secs(3600));
    let lease = world.lease(WorkKind::ExpireDecision).await;
    world.clock.set(lease.until);
    world.clock.set(countersign_testkit::clock::START.plus(Millis::from_secs(3599)));
    let turn = expire_decision(&world.services, &lease).await.unwrap();
    assert_eq!(
        turn,
        countersign_usecases::execution::Turn::Later(countersign_usecases::port::Due::After(Millis(1000)))
    );
    assert_eq!(world.state(id).await, "requested");
}

#[tokio::test]
async fn a_timer_whose_request_moved_on_is_taken_off_the_queue() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.clock.advance(Millis(3_599_999));
    world.approve(id, ALICE).await.unwrap();
    let subject = WorkSubject::request(id);
    assert!(world.rows().work_of(WorkKind::ExpireDecision, &subject).is_none());
    world.clock.advance(Millis::from_secs(900));
    let lease = world.lease(WorkKind::ExpireExecution).await;
    let staff = CancelBy::Staff(who(ALICE));
    cancel_request(&world.services, id, None, &staff).await.unwrap();
    let before = world.rows();
    expire_execution(&world.services, &lease).await.unwrap();
    assert_eq!(world.rows(), before);
    assert_eq!(world.state(id).await, "cancelled");
}

#[tokio::test]
async fn a_request_that_has_begun_does_not_expire() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    world.tool.script_step(
        1,
        StepOutcome::Transient {
            code: "target_broken",
            message: "500".to_owned(),
            retry_after: Some(Millis::from_secs(890)),
        },
    );
    world.work_off().await;
    assert!(world.rows().work_of(WorkKind::ExpireExecution, &WorkSubject::request(id)).is_none());
    world.pass(890).await;
    assert_eq!(world.state(id).await, "applied");
}

#[tokio::test]
async fn a_cancel_after_the_beginning_is_refused_as_already_executing() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let busy = StepOutcome::Transient { code: "target_broken", message: "500".to_owned(), retry_after: None };
    world.tool.script_step(1, busy);
    world.work_off().await;
    assert_eq!(world.state(id).await, "applying");
    let before = world.rows();
    for by in [CancelBy::Agent(run_id(RUN)), CancelBy::Staff(who(ALICE))] {
        let refused = cancel_request(&world.services, id, None, &by).await.unwrap_err();
        assert_eq!(refused.code(), "already_executing");
    }
    assert_eq!(world.rows(), before);
    world.pass(1).await;
    assert_eq!(world.state(id).await, "applied");
}

#[tokio::test]
async fn the_end_of_a_run_leaves_what_has_begun_to_the_executor_and_then_finishes() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let busy = StepOutcome::Transient { code: "target_broken", message: "500".to_owned(), retry_after: None };
    world.tool.script_step(1, busy);
    world.work_off().await;
    let reason = countersign_waitstate::FinishReason::Stopped;
    let by = crate::support::platform();
    countersign_usecases::runs::finish_run(&world.services, &run_id(RUN), reason, &by).await.unwrap();
    world.work_off().await;
    assert_eq!((world.state(id).await, world.rows().runs[0].status.as_str()), ("applying", "ending"));
    world.pass(1).await;
    assert_eq!((world.state(id).await, world.rows().runs[0].status.as_str()), ("applied", "finished"));
    assert!(world.rows().outcomes[0].undeliverable_at.is_some());
    check(&world.rows());
}

#[tokio::test]
async fn work_about_nothing_is_reported_and_released() {
    let world = World::new(1).await;
    world.call("a").await;
    world.clock.advance(Millis::from_secs(3600));
    let mut lease = world.lease(WorkKind::ExpireDecision).await;
    lease.subject = WorkSubject::from_storage("no id".to_owned());
    worker::work(&world.services, &lease).await.unwrap();
    assert_eq!(world.rows().requests[0].state, "requested");
}
