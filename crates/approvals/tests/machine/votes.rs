//! Who may decide, on what, until when, and how many it takes.

use countersign_approvals::{
    ActionRequest, CancelledBy, Choice, DecideError, Decided, Decider, OpenError, RequestEvent, Settled,
    State, StateName, open,
};
use countersign_kernel::{ApprovalMode, Fault, Kind, OutsideGroup, SoleOwner, Terms, Timestamp};

use crate::fixture::*;

fn code(result: Result<Decided, DecideError>) -> &'static str {
    result.unwrap_err().code()
}

fn voted(request: &ActionRequest, name: &str, secs: u64) -> ActionRequest {
    after(&counted(request.decide(yes(name), &everybody(), at(secs)).unwrap()))
}

/// A request whose launcher, Alice, may decide if she is the only owner.
fn of_sole_owner(quorum: u32) -> ActionRequest {
    let terms = Terms { sole_owner: SoleOwner::Allow, ..terms(quorum) };
    after(&open(facts(None), proposal(1, terms), OPENED).unwrap())
}

#[test]
fn opening_says_until_when_people_may_decide() {
    let opening = open(facts(None), proposal(1, terms(2)), OPENED).unwrap();
    assert_eq!(opening.before_version(), None);
    let decide_by = at(3600);
    assert_eq!(opening.event(), &RequestEvent::Requested { decide_by });
    let request = opening.after();
    assert_eq!(request.state, State::Requested { decide_by });
    assert_eq!((request.version, request.revision, request.votes.len()), (1, 1, 0));
    let delegated = Terms { mode: ApprovalMode::Delegated, ..terms(1) };
    let opening = open(facts(None), proposal(1, delegated), OPENED).unwrap();
    assert_eq!(opening.after().state.name(), StateName::Requested);
}

#[test]
fn policy_alone_opens_as_approved_and_the_clock_to_execute_runs() {
    let opening = open(facts(None), proposal(1, terms_of_policy()), OPENED).unwrap();
    let execute_by = at(900);
    assert_eq!(opening.after().state, State::Approved { approved_at: OPENED, execute_by });
    assert_eq!(opening.event(), &RequestEvent::Approved { vote: None, execute_by });
}

#[test]
fn withdrawing_takes_a_member_of_the_asked_group_and_the_launcher_may_be_one() {
    for name in [BOB, ALICE] {
        let withdrawn = requested(1).withdraw(&person(name), None, &everybody(), at(1)).unwrap();
        let settled = Settled::Cancelled { at: at(1), by: CancelledBy::Staff(person(name)), reason: None };
        assert_eq!(withdrawn.after().state, State::Settled(settled), "{name}");
    }
    let error = requested(1).withdraw(&person(EVE), None, &everybody(), at(1)).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("not_a_decider", Kind::Denied));
    let over = cancelled().withdraw(&person(EVE), None, &everybody(), at(11)).unwrap_err();
    assert_eq!(over.code(), "already_settled", "that it is over is said first");
}

#[test]
fn a_quorum_takes_that_many_different_people() {
    let first = counted(requested(3).decide(yes(BOB), &everybody(), at(1)).unwrap());
    assert!(matches!(first.event(), RequestEvent::Voted { approvals: 1, .. }));
    let request = after(&first);
    assert_eq!(request.decide(yes(BOB), &everybody(), at(2)), Ok(Decided::Repeat));
    let second = counted(request.decide(yes(CAROL), &everybody(), at(2)).unwrap());
    assert!(matches!(second.event(), RequestEvent::Voted { approvals: 2, .. }));
    let third = counted(after(&second).decide(yes(DAVE), &everybody(), at(3)).unwrap());
    let execute_by = at(903);
    assert_eq!(third.after().state, State::Approved { approved_at: at(3), execute_by });
    match third.event() {
        RequestEvent::Approved { vote: Some(vote), execute_by: until } => {
            assert_eq!((vote.ballot.by.as_str(), *until), (DAVE, execute_by));
        }
        other => panic!("{other:?}"),
    }
    let by: Vec<_> = third.after().approvals().map(|vote| vote.ballot.by.as_str()).collect();
    assert_eq!(by, [BOB, CAROL, DAVE]);
}

#[test]
fn one_deny_ends_it_with_the_reason() {
    let denial = counted(voted(&requested(3), BOB, 1).decide(no(CAROL), &everybody(), at(2)).unwrap());
    let by = Decider::Principal(person(CAROL));
    let reason = Some(text("looked at it"));
    assert_eq!(
        denial.after().state,
        State::Settled(Settled::Denied { at: at(2), by, reason: reason.clone() })
    );
    match denial.event() {
        RequestEvent::Denied { vote: Some(vote), reason: told } => {
            assert_eq!((vote.ballot.choice, told), (Choice::Deny, &reason));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_approve_may_become_a_deny_while_requested() {
    let request = voted(&requested(2), BOB, 1);
    let denial = counted(request.decide(no(BOB), &everybody(), at(2)).unwrap());
    assert_eq!(denial.after().state.name(), StateName::Denied);
    // One vote of one person: the denial stands in the place of the approval.
    assert_eq!(denial.after().votes.len(), 1);
    assert_eq!(denial.after().vote_of(&person(BOB)).unwrap().ballot.choice, Choice::Deny);
    assert_eq!(denial.after().approvals().count(), 0);
}

#[test]
fn the_same_again_is_a_repeat_and_the_opposite_is_not() {
    assert_eq!(approved().decide(yes(BOB), &everybody(), at(20)), Ok(Decided::Repeat));
    assert_eq!(code(approved().decide(no(BOB), &everybody(), at(20))), "already_approved");
    assert_eq!(denied().decide(no(BOB), &everybody(), at(20)), Ok(Decided::Repeat));
    assert_eq!(code(denied().decide(yes(BOB), &everybody(), at(20))), "already_settled");
    assert_eq!(code(denied().decide(no(CAROL), &everybody(), at(20))), "already_settled");
    // The same word about another plan is not the same.
    assert_eq!(
        code(approved().decide(ballot(BOB, Choice::Approve, plan(2)), &everybody(), at(20))),
        "already_approved"
    );
}

#[test]
fn the_launcher_never_decides_in_a_project_of_several() {
    for choice in [Choice::Approve, Choice::Deny] {
        let refusal = requested(1).decide(ballot(ALICE, choice, plan(1)), &everybody(), at(1)).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), ("requester_cannot_decide", Kind::Denied));
        // Nor where the setting is there for a sole owner and she isn't one.
        assert_eq!(
            code(of_sole_owner(1).decide(ballot(ALICE, choice, plan(1)), &everybody(), at(1))),
            "requester_cannot_decide"
        );
    }
}

#[test]
fn the_launcher_decides_as_the_only_owner_where_that_is_allowed_and_it_shows() {
    let alone = Groups::of(&[ALICE]);
    assert_eq!(code(requested(1).decide(yes(ALICE), &alone, at(1))), "requester_cannot_decide");
    let approval = counted(of_sole_owner(1).decide(yes(ALICE), &alone, at(1)).unwrap());
    match approval.event() {
        RequestEvent::Approved { vote: Some(vote), .. } => assert!(vote.as_sole_owner),
        other => panic!("{other:?}"),
    }
    // Another's vote doesn't claim it.
    let approval = counted(of_sole_owner(1).decide(yes(BOB), &Groups::of(&[BOB]), at(1)).unwrap());
    assert!(!approval.after().votes[0].as_sole_owner);
}

#[test]
fn a_sole_owners_vote_no_longer_counts_once_there_are_others() {
    let first = counted(of_sole_owner(2).decide(yes(ALICE), &Groups::of(&[ALICE]), at(1)).unwrap());
    let second = counted(after(&first).decide(yes(BOB), &everybody(), at(2)).unwrap());
    assert_eq!(
        second.after().state.name(),
        StateName::Requested,
        "Alice launched the run and is not alone any more"
    );
    assert!(matches!(second.event(), RequestEvent::Voted { approvals: 1, .. }));
    let third = counted(after(&second).decide(yes(CAROL), &everybody(), at(3)).unwrap());
    assert_eq!(third.after().state.name(), StateName::Approved);
}

#[test]
fn only_the_named_groups_decide() {
    for choice in [Choice::Approve, Choice::Deny] {
        let refusal = requested(1).decide(ballot(EVE, choice, plan(1)), &everybody(), at(1)).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), ("not_a_decider", Kind::Denied));
    }
    // The launcher outside the group is told just that.
    assert_eq!(code(of_sole_owner(1).decide(yes(ALICE), &Groups::of(&[BOB]), at(1))), "not_a_decider");
}

#[test]
fn who_left_before_the_quorum_is_complete_does_not_count() {
    let request = voted(&requested(2), BOB, 1);
    let without_bob = Groups::of(&[CAROL, DAVE]);
    let second = counted(request.decide(yes(CAROL), &without_bob, at(2)).unwrap());
    assert!(matches!(second.event(), RequestEvent::Voted { approvals: 1, .. }));
    assert_eq!(second.after().state.name(), StateName::Requested);
    let third = counted(after(&second).decide(yes(DAVE), &without_bob, at(3)).unwrap());
    assert_eq!(third.after().state.name(), StateName::Approved);
    // Nor may one who left change the vote.
    assert_eq!(code(request.decide(no(BOB), &without_bob, at(2))), "not_a_decider");
}

#[test]
fn the_same_yes_again_counts_when_it_is_the_one_that_was_missing() {
    let request = voted(&requested(2), BOB, 1);
    let without_bob = Groups::of(&[CAROL, DAVE]);
    let short = after(&counted(request.decide(yes(CAROL), &without_bob, at(2)).unwrap()));
    assert_eq!(short.decide(yes(CAROL), &without_bob, at(3)), Ok(Decided::Repeat));
    // Bob is back: his vote and Carol's make two, whoever of them says so.
    for who in [BOB, CAROL] {
        let done = counted(short.decide(yes(who), &everybody(), at(3)).unwrap());
        assert_eq!(done.after().state.name(), StateName::Approved, "{who}");
        assert_eq!(done.after().votes.len(), 2, "{who}");
    }
}

#[test]
fn a_decision_counts_only_on_what_was_seen() {
    for choice in [Choice::Approve, Choice::Deny] {
        let refusal = requested(1).decide(ballot(BOB, choice, plan(2)), &everybody(), at(1)).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), ("plan_changed", Kind::Conflict));
        let said = refusal.to_string();
        assert!(said.contains(&plan(1).to_string()) && said.contains(&plan(2).to_string()), "{said}");
    }
}

#[test]
fn the_deadline_itself_is_too_late() {
    let last = Timestamp::from_unix_micros(at(3600).unix_micros() - 1);
    assert!(requested(1).decide(yes(BOB), &everybody(), last).is_ok());
    let refusal = requested(1).decide(yes(BOB), &everybody(), at(3600)).unwrap_err();
    assert_eq!((refusal.code(), refusal.kind()), ("decision_too_late", Kind::Conflict));
    // At the very same instant the clock may end it, and not before: never both, never neither.
    assert_eq!(requested(1).expire_decision(last).unwrap_err().code(), "not_due");
    assert!(requested(1).expire_decision(at(3600)).is_ok());
}

#[test]
fn votes_tell_how_and_when_they_were_cast() {
    let request = approved();
    let vote = &request.votes[0];
    assert_eq!((vote.ballot.clone(), vote.revision, vote.at), (yes(BOB), 1, at(10)));
}

#[test]
fn a_question_takes_a_person_and_only_one() {
    let refused = |terms| open(facts(Some(form())), proposal(1, terms), OPENED).unwrap_err();
    let none = refused(terms_of_policy());
    assert_eq!(none, OpenError::QuestionTerms { mode: "none", quorum: 1 });
    assert_eq!((none.code(), none.kind()), ("policy_question_terms", Kind::Conflict));
    assert_eq!(refused(terms(2)), OpenError::QuestionTerms { mode: "owner", quorum: 2 });
}

const STAFF: &str = "group:corp:/staff/sre";

fn outside(name: &str) -> OutsideGroup {
    OutsideGroup::parse(name).unwrap()
}

/// The owners are these people and whoever is in the outside group; this person asks, and has proved to be in it.
fn with_staff(names: &[&str], asks: &str) -> Groups {
    Groups { outside: Some(outside(STAFF)), asks: Some(person(asks)), ..Groups::of(names) }
}

#[test]
fn whoever_proves_an_outside_group_decides_and_the_vote_says_by_which() {
    let approval = counted(requested(1).decide(yes(EVE), &with_staff(&[BOB], EVE), at(1)).unwrap());
    assert_eq!(approval.after().state.name(), StateName::Approved);
    assert_eq!(approval.after().votes[0].by_group, Some(outside(STAFF)));
    let named = counted(requested(1).decide(yes(BOB), &with_staff(&[BOB], BOB), at(1)).unwrap());
    assert_eq!(named.after().votes[0].by_group, None, "the text names him");
    assert_eq!(
        code(requested(1).decide(yes(EVE), &with_staff(&[BOB], CAROL), at(1))),
        "not_a_decider",
        "another proved it"
    );
}

#[test]
fn a_vote_by_an_outside_group_counts_as_long_as_the_policy_takes_the_group() {
    let first = counted(requested(2).decide(yes(EVE), &with_staff(&[BOB], EVE), at(1)).unwrap());
    let request = after(&first);
    let done = counted(request.decide(yes(BOB), &with_staff(&[BOB], BOB), at(2)).unwrap());
    assert_eq!(done.after().state.name(), StateName::Approved);
    let without = counted(request.decide(yes(BOB), &Groups::of(&[BOB]), at(2)).unwrap());
    assert!(
        matches!(without.event(), RequestEvent::Voted { approvals: 1, .. }),
        "the group is out of the policy"
    );
    let other = Groups { outside: Some(outside("group:corp:sales")), ..with_staff(&[BOB], BOB) };
    let other = counted(request.decide(yes(BOB), &other, at(2)).unwrap());
    assert!(
        matches!(other.event(), RequestEvent::Voted { approvals: 1, .. }),
        "another group is in its place"
    );
}

#[test]
fn the_launcher_does_not_decide_by_an_outside_group_either() {
    for request in [requested(1), of_sole_owner(1)] {
        assert_eq!(
            code(request.decide(yes(ALICE), &with_staff(&[], ALICE), at(1))),
            "requester_cannot_decide"
        );
        // With an outside group among the owners nobody can be known to be the only one.
        assert_eq!(
            code(request.decide(yes(ALICE), &with_staff(&[ALICE], ALICE), at(1))),
            "requester_cannot_decide"
        );
    }
}
