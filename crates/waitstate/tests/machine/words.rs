//! The words that are stored and shown have one spelling each.

use countersign_waitstate::{FinishReason, NextAction, OutcomeStatus, WaitReason, WaitState};

#[test]
fn words_go_there_and_back() {
    let reasons = [
        (FinishReason::Completed, "completed"),
        (FinishReason::Failed, "failed"),
        (FinishReason::Stopped, "stopped"),
        (FinishReason::BudgetExhausted, "budget_exhausted"),
    ];
    for (reason, word) in reasons {
        assert_eq!((reason.as_str(), word.parse()), (word, Ok(reason)));
    }
    let statuses = [
        (OutcomeStatus::Applied, "applied"),
        (OutcomeStatus::Answered, "answered"),
        (OutcomeStatus::Denied, "denied"),
        (OutcomeStatus::Expired, "expired"),
        (OutcomeStatus::Cancelled, "cancelled"),
        (OutcomeStatus::Failed, "failed"),
    ];
    for (status, word) in statuses {
        assert_eq!((status.as_str(), word.parse()), (word, Ok(status)));
    }
    let actions = [
        (NextAction::None, "none"),
        (NextAction::Wait, "wait"),
        (NextAction::RequestAgain, "request_again"),
        (NextAction::Retry, "retry"),
    ];
    for (action, word) in actions {
        assert_eq!((action.as_str(), word.parse()), (word, Ok(action)));
    }
}

#[test]
fn a_wait_shows_as_waiting_for_a_tool_or_for_the_owner() {
    let reasons = [
        (WaitReason::Approval, "approval", WaitState::WaitingMcp, "waiting_mcp"),
        (WaitReason::Execution, "execution", WaitState::WaitingMcp, "waiting_mcp"),
        (WaitReason::Question, "question", WaitState::WaitingOwnerReview, "waiting_owner_review"),
    ];
    for (reason, word, state, shown) in reasons {
        assert_eq!((reason.as_str(), word.parse()), (word, Ok(reason)));
        assert_eq!((reason.state(), state.as_str()), (state, shown));
    }
}

#[test]
fn other_words_are_refused_by_name() {
    let error = "Completed".parse::<FinishReason>().unwrap_err();
    assert_eq!(error.to_string(), "`Completed` is not a value this field knows");
    assert!("unknown".parse::<OutcomeStatus>().is_err());
    assert!("".parse::<NextAction>().is_err());
    assert!("waiting_mcp".parse::<WaitReason>().is_err());
}
