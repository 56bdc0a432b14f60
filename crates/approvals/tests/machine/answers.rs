//! Answers to questions.

use countersign_approvals::{
    ActionRequest, Answer, AnswerBallot, Choice, Decided, InputMode, QuestionForm, Reply, RequestEvent,
    Settled, State, StateName, open,
};
use countersign_kernel::{Fault, Kind, SoleOwner, Terms};

use crate::fixture::*;

fn refusal(request: &ActionRequest, ballot: AnswerBallot, secs: u64) -> (&'static str, Kind) {
    let error = request.answer(ballot, &everybody(), at(secs)).unwrap_err();
    (error.code(), error.kind())
}

fn option(who: &str, index: u32) -> AnswerBallot {
    reply(who, Reply::Option(index))
}

#[test]
fn an_option_is_answered_by_its_place_and_kept_with_its_words() {
    let answering = counted(question().answer(option(BOB, 1), &everybody(), at(5)).unwrap());
    let answer = Answer::Option { index: 1, text: text("green"), input_mode: InputMode::Text };
    let by = person(BOB);
    assert_eq!(
        answering.event(),
        &RequestEvent::Answered {
            by: by.clone(),
            answer: answer.clone(),
            as_sole_owner: false,
            by_group: None
        }
    );
    assert_eq!(answering.after().state, State::Settled(Settled::Answered { at: at(5), by, answer }));
}

#[test]
fn there_is_no_option_beyond_the_last() {
    for index in [2, u32::MAX] {
        assert_eq!(refusal(&question(), option(BOB, index), 5), ("no_such_option", Kind::Invalid));
    }
}

#[test]
fn own_words_count_only_where_they_are_welcome() {
    let words = || reply(BOB, Reply::Custom(text("red, please")));
    assert_eq!(refusal(&question(), words(), 5), ("custom_not_allowed", Kind::Invalid));
    let form = QuestionForm { allow_custom: true, ..form() };
    let open_question = after(&open(facts(Some(form)), proposal(1, terms(1)), OPENED).unwrap());
    let answering = counted(open_question.answer(words(), &everybody(), at(5)).unwrap());
    let answer = Answer::Custom { text: text("red, please"), input_mode: InputMode::Text };
    match answering.event() {
        RequestEvent::Answered { answer: told, .. } => assert_eq!(*told, answer),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_rules_as_for_votes_hold() {
    assert_eq!(refusal(&question(), option(EVE, 0), 5), ("not_a_decider", Kind::Denied));
    assert_eq!(refusal(&question(), option(ALICE, 0), 5), ("requester_cannot_decide", Kind::Denied));
    assert_eq!(refusal(&question(), option(BOB, 0), 3600), ("decision_too_late", Kind::Conflict));
    let other = AnswerBallot { seen: plan(2), ..option(BOB, 0) };
    assert_eq!(refusal(&question(), other, 5), ("plan_changed", Kind::Conflict));
    assert!(question().answer(option(BOB, 0), &everybody(), at(3599)).is_ok());
}

#[test]
fn the_sole_owner_answers_and_it_shows() {
    let terms = Terms { sole_owner: SoleOwner::Allow, ..terms(1) };
    let request = after(&open(facts(Some(form())), proposal(1, terms), OPENED).unwrap());
    let answering = counted(request.answer(option(ALICE, 0), &Groups::of(&[ALICE]), at(5)).unwrap());
    assert!(matches!(answering.event(), RequestEvent::Answered { as_sole_owner: true, .. }));
    assert_eq!(refusal(&request, option(ALICE, 0), 5), ("requester_cannot_decide", Kind::Denied));
}

#[test]
fn the_same_answer_again_is_a_repeat_and_another_is_not() {
    assert_eq!(answered().answer(option(BOB, 0), &everybody(), at(50)), Ok(Decided::Repeat));
    assert_eq!(refusal(&answered(), option(BOB, 1), 50), ("already_settled", Kind::Conflict));
    assert_eq!(refusal(&answered(), option(CAROL, 0), 50), ("already_settled", Kind::Conflict));
}

#[test]
fn a_question_can_be_declined_by_those_who_could_answer_it() {
    let declined = counted(question().decide(no(BOB), &everybody(), at(5)).unwrap());
    assert_eq!(declined.after().state.name(), StateName::Denied);
    assert_eq!(declined.after().decide(no(BOB), &everybody(), at(6)), Ok(Decided::Repeat));
    assert_eq!(refusal(declined.after(), option(BOB, 0), 6), ("already_settled", Kind::Conflict));
    let refused = |ballot, secs| question().decide(ballot, &everybody(), at(secs)).unwrap_err().code();
    assert_eq!(refused(yes(BOB), 5), "is_a_question");
    assert_eq!(refused(no(EVE), 5), "not_a_decider");
    assert_eq!(refused(no(ALICE), 5), "requester_cannot_decide");
    assert_eq!(refused(no(BOB), 3600), "decision_too_late");
    assert_eq!(refused(ballot(BOB, Choice::Deny, plan(2)), 5), "plan_changed");
}

#[test]
fn whoever_may_answer_is_heard_before_and_nobody_else() {
    let form = QuestionForm { allow_custom: true, ..form() };
    let open_question = after(&open(facts(Some(form)), proposal(1, terms(1)), OPENED).unwrap());
    let heard = |request: &ActionRequest, who: &str, secs: u64| {
        let refused = request.hears_own_words(&person(who), &everybody(), at(secs)).err();
        refused.map(|error| error.code())
    };
    assert_eq!(heard(&open_question, BOB, 5), None);
    assert_eq!(heard(&open_question, EVE, 5), Some("not_a_decider"));
    assert_eq!(heard(&open_question, ALICE, 5), Some("requester_cannot_decide"));
    assert_eq!(heard(&open_question, BOB, DECIDE_WITHIN.0 / 1000), Some("decision_too_late"));
    assert_eq!(heard(&question(), BOB, 5), Some("custom_not_allowed"));
    let answered = after(&counted(open_question.answer(option(BOB, 1), &everybody(), at(5)).unwrap()));
    assert_eq!(heard(&answered, BOB, 6), Some("already_settled"), "their own answer, too");
    let action = after(&open(facts(None), proposal(1, terms(1)), OPENED).unwrap());
    assert_eq!(heard(&action, BOB, 5), Some("not_a_question"));
    assert!(action.hears(&person(BOB), &everybody(), at(5)).is_ok());
    assert!(action.hears(&person(EVE), &everybody(), at(5)).is_err());
    let denied = after(&counted(action.decide(no(BOB), &everybody(), at(5)).unwrap()));
    assert_eq!(denied.hears(&person(BOB), &everybody(), at(6)).unwrap_err().code(), "already_settled");
}
