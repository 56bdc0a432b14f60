//! Decisions that don't count.

use countersign_approvals::{Choice, InputMode, Reply};
use countersign_kernel::{Digest, Fault, Kind, Millis};
use countersign_testkit::build::words;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::{
    CancelBy, DecisionError, DecisionReply, answer_question, cancel_request,
};
use serde_json::json;

use crate::support::{ALICE, BOB, CAROL, World, check, texts, who};

fn code(outcome: Result<DecisionReply, DecisionError>) -> (&'static str, Kind) {
    let error = outcome.unwrap_err();
    (error.code(), error.kind())
}

#[tokio::test]
async fn a_decision_at_the_deadline_is_late() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.clock.advance(Millis::from_secs(3600));
    assert_eq!(code(world.approve(id, ALICE).await), ("decision_too_late", Kind::Conflict));
    assert_eq!(world.state(id).await, "requested");
    assert!(world.rows().votes.is_empty());
}

#[tokio::test]
async fn a_decision_one_millisecond_before_the_deadline_counts() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.clock.advance(Millis(3_599_999));
    world.approve(id, ALICE).await.unwrap();
    assert_eq!(world.state(id).await, "approved");
}

#[tokio::test]
async fn a_decision_whose_deadline_passes_between_load_and_commit_is_late() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.clock.advance(Millis(3_599_999));
    let clock = world.clock.clone();
    world.ledger.before_next_commit(move || clock.advance(Millis(1)));
    assert_eq!(code(world.approve(id, ALICE).await), ("decision_too_late", Kind::Conflict));
    assert_eq!(world.state(id).await, "requested");
    assert_eq!(world.count("approval.approved"), 0);
    assert!(world.rows().votes.is_empty());
}

#[tokio::test]
async fn an_answer_whose_deadline_passes_between_load_and_commit_is_late() {
    let world = World::new(1).await;
    let ask = json!({"question": "Which region should it be?", "options": ["Europe", "America"]});
    let reply = world.try_call("mcp_owner_feedback_request", ask).await.unwrap();
    let given = GivenAnswer {
        seen: reply.plan_digest.unwrap(),
        reply: Reply::Option(0),
        input_mode: InputMode::Button,
    };
    world.clock.advance(Millis(3_599_999));
    let clock = world.clock.clone();
    world.ledger.before_next_commit(move || clock.advance(Millis(1)));
    let late = answer_question(&world.services, reply.request.unwrap(), &given, &who(ALICE)).await;
    assert_eq!(code(late), ("decision_too_late", Kind::Conflict));
    assert_eq!(world.count("approval.answered"), 0);
}

#[tokio::test]
async fn a_decision_on_another_digest_is_refused() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    let before = world.rows();
    let other = Digest::of_bytes(b"another plan");
    let refused = world.decide(id, Choice::Approve, other, ALICE).await;
    assert_eq!(code(refused), ("plan_changed", Kind::Conflict));
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn a_decision_on_an_earlier_revision_is_refused_and_names_the_present_one() {
    let world = World::new(1).await;
    let seen = world.call("a").await.plan_digest.unwrap();
    let id = world.approved("a").await;
    world.tool.set_world(json!({"state": "moved"}));
    world.work_off().await;
    assert_eq!(world.request(id).await.revision, 2);
    let refused = world.decide(id, Choice::Approve, seen, BOB).await.unwrap_err();
    assert_eq!(refused.code(), "plan_changed");
    assert!(refused.to_string().contains("revision 2"));
    assert_eq!(world.state(id).await, "requested");
}

#[tokio::test]
async fn the_same_decision_by_the_same_person_again_is_a_repeat_without_an_event() {
    let world = World::new(1).await;
    let reply = world.call("a").await;
    let (id, seen) = (reply.request.unwrap(), reply.plan_digest.unwrap());
    assert!(!world.decide(id, Choice::Approve, seen, ALICE).await.unwrap().repeated);
    let before = world.rows();
    assert!(world.decide(id, Choice::Approve, seen, ALICE).await.unwrap().repeated);
    assert_eq!(world.rows(), before);
    world.work_off().await;
    assert!(world.decide(id, Choice::Approve, seen, ALICE).await.unwrap().repeated, "once settled, too");
}

#[tokio::test]
async fn another_decision_after_the_first_says_who_was_faster() {
    let world = World::new(1).await;
    let reply = world.call("a").await;
    let (id, seen) = (reply.request.unwrap(), reply.plan_digest.unwrap());
    world.decide(id, Choice::Deny, seen, ALICE).await.unwrap();
    let before = world.rows();
    let refused = world.decide(id, Choice::Approve, seen, BOB).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("already_settled", Kind::Conflict));
    assert!(refused.to_string().contains("denied") && refused.to_string().contains(ALICE));
    let mind_changed = world.decide(id, Choice::Approve, seen, ALICE).await;
    assert_eq!(code(mind_changed), ("already_settled", Kind::Conflict));
    assert_eq!(world.rows(), before);
}

#[tokio::test]
async fn a_deny_after_the_approval_says_that_it_is_approved() {
    let world = World::new(1).await;
    let id = world.approved("a").await;
    let seen = world.request(id).await.proposal.plan_digest;
    assert_eq!(code(world.decide(id, Choice::Deny, seen, BOB).await), ("already_approved", Kind::Conflict));
}

#[tokio::test]
async fn r1_the_requester_cannot_vote_and_the_attempt_is_recorded() {
    let world = World::under(texts::the_launcher_owns(), 1).await;
    let id = world.call("a").await.request.unwrap();
    let launcher = countersign_testkit::build::LAUNCHER;
    assert_eq!(code(world.approve(id, launcher).await), ("requester_cannot_decide", Kind::Denied));
    let detail = world.last_detail("mcp.tool.rejected");
    assert_eq!(detail["code"], "requester_cannot_decide");
    assert_eq!(world.state(id).await, "requested");
    assert!(world.rows().votes.is_empty());
    check(&world.rows());
}

#[tokio::test]
async fn r1_an_outsider_cannot_vote_and_the_attempt_is_recorded_with_who_it_was() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    assert_eq!(code(world.approve(id, CAROL).await), ("not_a_decider", Kind::Denied));
    let rows = world.rows();
    let event = rows.events.last().unwrap();
    assert_eq!((event.event_type.as_str(), event.actor_id.as_str()), ("mcp.tool.rejected", CAROL));
    assert_eq!(event.request_id, Some(id.to_string()));
    assert_eq!(world.state(id).await, "requested");
}

#[tokio::test]
async fn r1_an_outsiders_attempt_is_recorded_even_when_their_first_commit_is_stale() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.store.fail_next_commit(countersign_testkit::CommitFault::Stale);
    assert_eq!(code(world.approve(id, CAROL).await), ("not_a_decider", Kind::Denied));
    assert_eq!(world.count("mcp.tool.rejected"), 1);
}

#[tokio::test]
async fn r1_an_outsider_cannot_withdraw_a_request_and_the_attempt_is_recorded() {
    let world = World::new(1).await;
    let (asked, approved) = (world.call("a").await.request.unwrap(), world.approved("b").await);
    for (id, state) in [(asked, "requested"), (approved, "approved")] {
        let refused = cancel_request(&world.services, id, None, &CancelBy::Staff(who(CAROL))).await;
        assert_eq!(code(refused), ("not_a_decider", Kind::Denied));
        assert_eq!(world.state(id).await, state);
        let rows = world.rows();
        let event = rows.events.last().unwrap();
        assert_eq!((event.event_type.as_str(), event.actor_id.as_str()), ("mcp.tool.rejected", CAROL));
        assert_eq!(
            (&event.request_id, &event.detail["code"]),
            (&Some(id.to_string()), &json!("not_a_decider"))
        );
    }
    check(&world.rows());
}

#[tokio::test]
async fn r1_whoever_left_the_group_cannot_withdraw_and_an_operator_always_can() {
    let world = World::new(1).await;
    let id = world.call("a").await.request.unwrap();
    world.activate(&texts::without_bob()).await;
    let former = cancel_request(&world.services, id, None, &CancelBy::Staff(who(BOB))).await;
    assert_eq!(code(former), ("not_a_decider", Kind::Denied));
    // The policy text doesn't know them, and need not even be there.
    world.ledger.forget_policy();
    cancel_request(&world.services, id, None, &CancelBy::Operator(who(CAROL))).await.unwrap();
    assert_eq!(world.state(id).await, "cancelled");
    assert_eq!(world.last_detail("approval.cancelled")["by"], CAROL);
    check(&world.rows());
}

#[tokio::test]
async fn r1_the_launcher_can_withdraw_what_they_are_asked_to_decide_and_may_not_decide() {
    let world = World::under(texts::the_launcher_owns(), 1).await;
    let id = world.call("a").await.request.unwrap();
    let launcher = countersign_testkit::build::LAUNCHER;
    assert_eq!(code(world.approve(id, launcher).await), ("requester_cannot_decide", Kind::Denied));
    cancel_request(&world.services, id, None, &CancelBy::Staff(who(launcher))).await.unwrap();
    assert_eq!(world.state(id).await, "cancelled");
}

#[tokio::test]
async fn r1_whoever_left_the_group_does_not_count_when_the_quorum_completes() {
    let world = World::new(1).await;
    let id = world.call_in("production", "a").await.request.unwrap();
    world.approve(id, BOB).await.unwrap();
    world.activate(&texts::without_bob()).await;
    world.approve(id, ALICE).await.unwrap();
    assert_eq!(world.state(id).await, "requested");
    assert_eq!(world.last_detail("approval.voted")["approvals"], 1);
}

#[tokio::test]
async fn an_unknown_request_is_not_found() {
    let world = World::new(1).await;
    let nobody = countersign_testkit::TestIds::new(5, world.clock.clone()).request();
    let seen = Digest::of_bytes(b"");
    assert_eq!(
        code(world.decide(nobody, Choice::Approve, seen, ALICE).await),
        ("unknown_request", Kind::NotFound)
    );
}

#[tokio::test]
async fn r2_an_answer_that_does_not_fit_its_question_is_refused() {
    let world = World::new(1).await;
    let ask = json!({
        "question": "Which region should it be?", "options": ["Europe", "America"], "allow_custom": false,
    });
    let reply = world.try_call("mcp_owner_feedback_request", ask).await.unwrap();
    let (id, seen) = (reply.request.unwrap(), reply.plan_digest.unwrap());
    let before = world.rows();
    for (given, expected) in [
        (Reply::Option(2), ("no_such_option", Kind::Invalid)),
        (Reply::Custom(words("Asia")), ("custom_not_allowed", Kind::Invalid)),
    ] {
        let answer = GivenAnswer { seen, reply: given, input_mode: InputMode::Text };
        assert_eq!(code(answer_question(&world.services, id, &answer, &who(ALICE)).await), expected);
    }
    assert_eq!(world.rows(), before);
    let plain = world.call("a").await;
    let answer = GivenAnswer {
        seen: plain.plan_digest.unwrap(),
        reply: Reply::Option(0),
        input_mode: InputMode::Text,
    };
    let refused = answer_question(&world.services, plain.request.unwrap(), &answer, &who(ALICE)).await;
    assert_eq!(code(refused), ("not_a_question", Kind::Conflict));
}

#[tokio::test]
async fn r5_an_answer_in_own_words_by_voice_is_recorded_with_how_it_was_given() {
    let world = World::new(1).await;
    let ask = json!({"question": "Which region should it be?", "options": ["Europe", "America"]});
    let reply = world.try_call("mcp_owner_feedback_request", ask).await.unwrap();
    let answer = GivenAnswer {
        seen: reply.plan_digest.unwrap(),
        reply: Reply::Custom(words("neither, keep it where it is")),
        input_mode: InputMode::Voice(None),
    };
    answer_question(&world.services, reply.request.unwrap(), &answer, &who(ALICE)).await.unwrap();
    let detail = world.last_detail("approval.answered");
    assert_eq!(
        (&detail["text"], &detail["input_mode"]),
        (&json!("neither, keep it where it is"), &json!("voice"))
    );
    assert_eq!((&detail["custom"], &detail["selected_option"]), (&json!(true), &json!(null)));
    assert_eq!(world.rows().outcomes[0].detail["text"], "neither, keep it where it is");
}

#[tokio::test]
async fn r1_an_outsiders_answer_is_refused_and_recorded() {
    let world = World::new(1).await;
    let ask = json!({"question": "Which region should it be?", "options": ["Europe", "America"]});
    let reply = world.try_call("mcp_owner_feedback_request", ask).await.unwrap();
    let answer = GivenAnswer {
        seen: reply.plan_digest.unwrap(),
        reply: Reply::Option(0),
        input_mode: InputMode::Button,
    };
    let refused = answer_question(&world.services, reply.request.unwrap(), &answer, &who(CAROL)).await;
    assert_eq!(code(refused), ("not_a_decider", Kind::Denied));
    assert_eq!(world.count("mcp.tool.rejected"), 1);
}
