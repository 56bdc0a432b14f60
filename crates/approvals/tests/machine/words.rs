//! The words that are stored and shown have one spelling each.

use countersign_approvals::{Choice, InputMode, StateName, StepState};
use serde_json::json;

#[test]
fn words_go_there_and_back() {
    for name in StateName::ALL {
        assert_eq!(name.as_str().parse(), Ok(name));
    }
    for choice in [Choice::Approve, Choice::Deny] {
        assert_eq!(choice.as_str().parse(), Ok(choice));
    }
    for mode in [InputMode::Button, InputMode::Text, InputMode::Voice(None)] {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
    let receipt = || json!({});
    let states = [
        StepState::Intended,
        StepState::NotDone,
        StepState::Done { receipt: receipt() },
        StepState::Undoing { receipt: receipt() },
        StepState::Undone { receipt: receipt() },
    ];
    for state in states {
        let receipt = state.receipt().cloned();
        assert_eq!(StepState::from_parts(state.as_str(), receipt), Ok(state));
    }
}

#[test]
fn other_words_are_refused_by_name() {
    let error = "Requested".parse::<StateName>().unwrap_err();
    assert_eq!(error.to_string(), "`Requested` is not a value this field knows");
    assert!("approved".parse::<Choice>().is_err());
    assert!("".parse::<InputMode>().is_err());
    assert!("done".parse::<StepState>().is_err(), "a done step has a receipt");
    assert!(StepState::from_parts("intended", Some(json!({}))).is_err());
    assert!(StepState::from_parts("not_done", Some(json!({}))).is_err());
}
