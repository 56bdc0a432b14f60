//! Enumerations of the contract and of the domain, both ways.

use countersign_approvals::{Choice, InputMode, StateName, Verdict};
use countersign_kernel::{ApprovalMode, RuntimeMode, Terms};
use countersign_usecases::call_tool::CallStatus;
use countersign_waitstate::{FinishReason, NextAction, OutcomeStatus, WaitReason};

use crate::v1;

pub(crate) fn state(state: StateName) -> v1::RequestState {
    match state {
        StateName::Requested => v1::RequestState::Requested,
        StateName::Approved => v1::RequestState::Approved,
        StateName::Applying => v1::RequestState::Applying,
        StateName::Unknown => v1::RequestState::Unknown,
        StateName::Applied => v1::RequestState::Applied,
        StateName::Answered => v1::RequestState::Answered,
        StateName::Denied => v1::RequestState::Denied,
        StateName::Expired => v1::RequestState::Expired,
        StateName::Cancelled => v1::RequestState::Cancelled,
        StateName::Failed => v1::RequestState::Failed,
    }
}

/// The state a filter names; none for what is unspecified or unheard of.
pub(crate) fn state_name(number: i32) -> Option<StateName> {
    match v1::RequestState::try_from(number).ok()? {
        v1::RequestState::Unspecified => None,
        v1::RequestState::Requested => Some(StateName::Requested),
        v1::RequestState::Approved => Some(StateName::Approved),
        v1::RequestState::Applying => Some(StateName::Applying),
        v1::RequestState::Unknown => Some(StateName::Unknown),
        v1::RequestState::Applied => Some(StateName::Applied),
        v1::RequestState::Answered => Some(StateName::Answered),
        v1::RequestState::Denied => Some(StateName::Denied),
        v1::RequestState::Expired => Some(StateName::Expired),
        v1::RequestState::Cancelled => Some(StateName::Cancelled),
        v1::RequestState::Failed => Some(StateName::Failed),
    }
}

pub(crate) fn call_status(status: CallStatus) -> v1::CallStatus {
    match status {
        CallStatus::ApprovalRequired => v1::CallStatus::ApprovalRequired,
        CallStatus::Executing => v1::CallStatus::Executing,
        CallStatus::Unknown => v1::CallStatus::Unknown,
        CallStatus::Described => v1::CallStatus::Described,
        CallStatus::DryRun => v1::CallStatus::DryRun,
        CallStatus::Over(status) => outcome_status(status),
    }
}

pub(crate) fn outcome_status(status: OutcomeStatus) -> v1::CallStatus {
    match status {
        OutcomeStatus::Applied => v1::CallStatus::Applied,
        OutcomeStatus::Answered => v1::CallStatus::Answered,
        OutcomeStatus::Denied => v1::CallStatus::Denied,
        OutcomeStatus::Expired => v1::CallStatus::Expired,
        OutcomeStatus::Cancelled => v1::CallStatus::Cancelled,
        OutcomeStatus::Failed => v1::CallStatus::Failed,
    }
}

pub(crate) fn next_action(next: NextAction) -> v1::NextAction {
    match next {
        NextAction::None => v1::NextAction::None,
        NextAction::Wait => v1::NextAction::Wait,
        NextAction::RequestAgain => v1::NextAction::RequestAgain,
        NextAction::Retry => v1::NextAction::Retry,
    }
}

pub(crate) fn terms(terms: &Terms) -> v1::Terms {
    let mode = match terms.mode {
        ApprovalMode::None => v1::ApprovalMode::None,
        ApprovalMode::Delegated => v1::ApprovalMode::Delegated,
        ApprovalMode::Owner => v1::ApprovalMode::Owner,
    };
    v1::Terms {
        mode: mode.into(),
        deciders: terms.deciders.iter().map(ToString::to_string).collect(),
        quorum: terms.quorum,
        decide_within_ms: terms.decide_within.0,
        execute_within_ms: terms.execute_within.0,
        sole_owner: terms.sole_owner.as_str().to_owned(),
        on_run_end: terms.on_run_end.as_str().to_owned(),
    }
}

pub(crate) fn runtime_mode(mode: RuntimeMode) -> v1::RuntimeMode {
    match mode {
        RuntimeMode::FullEnv => v1::RuntimeMode::FullEnv,
        RuntimeMode::CodeOnly => v1::RuntimeMode::CodeOnly,
    }
}

pub(crate) const RUNTIME_MODE_RULE: &str = "must be RUNTIME_MODE_FULL_ENV or RUNTIME_MODE_CODE_ONLY";

pub(crate) fn read_runtime_mode(number: i32) -> Option<RuntimeMode> {
    match v1::RuntimeMode::try_from(number).ok()? {
        v1::RuntimeMode::Unspecified => None,
        v1::RuntimeMode::FullEnv => Some(RuntimeMode::FullEnv),
        v1::RuntimeMode::CodeOnly => Some(RuntimeMode::CodeOnly),
    }
}

pub(crate) fn choice(choice: Choice) -> v1::Decision {
    match choice {
        Choice::Approve => v1::Decision::Approve,
        Choice::Deny => v1::Decision::Deny,
    }
}

pub(crate) fn read_choice(number: i32) -> Option<Choice> {
    match v1::Decision::try_from(number).ok()? {
        v1::Decision::Unspecified => None,
        v1::Decision::Approve => Some(Choice::Approve),
        v1::Decision::Deny => Some(Choice::Deny),
    }
}

pub(crate) fn input_mode(mode: &InputMode) -> v1::InputMode {
    match mode {
        InputMode::Button => v1::InputMode::Button,
        InputMode::Text => v1::InputMode::Text,
        InputMode::Voice(_) => v1::InputMode::Voice,
    }
}

/// The input mode; a button when nothing is said.
pub(crate) fn read_input_mode(number: i32) -> Option<InputMode> {
    match v1::InputMode::try_from(number).ok()? {
        v1::InputMode::Unspecified | v1::InputMode::Button => Some(InputMode::Button),
        v1::InputMode::Text => Some(InputMode::Text),
        v1::InputMode::Voice => Some(InputMode::Voice(None)),
    }
}

pub(crate) fn read_verdict(number: i32) -> Option<Verdict> {
    match v1::UnknownVerdict::try_from(number).ok()? {
        v1::UnknownVerdict::Unspecified => None,
        v1::UnknownVerdict::Applied => Some(Verdict::Applied),
        v1::UnknownVerdict::Failed => Some(Verdict::Failed),
    }
}

pub(crate) fn finish_reason(reason: FinishReason) -> v1::FinishReason {
    match reason {
        FinishReason::Completed => v1::FinishReason::Completed,
        FinishReason::Failed => v1::FinishReason::Failed,
        FinishReason::Stopped => v1::FinishReason::Stopped,
        FinishReason::BudgetExhausted => v1::FinishReason::BudgetExhausted,
    }
}

/// The reason a platform gives. That a budget is spent is not the platform's to say.
pub(crate) fn read_finish_reason(number: i32) -> Option<FinishReason> {
    match v1::FinishReason::try_from(number).ok()? {
        v1::FinishReason::Unspecified | v1::FinishReason::BudgetExhausted => None,
        v1::FinishReason::Completed => Some(FinishReason::Completed),
        v1::FinishReason::Failed => Some(FinishReason::Failed),
        v1::FinishReason::Stopped => Some(FinishReason::Stopped),
    }
}

pub(crate) fn wait_reason(reason: WaitReason) -> v1::WaitReason {
    match reason {
        WaitReason::Approval => v1::WaitReason::Approval,
        WaitReason::Execution => v1::WaitReason::Execution,
        WaitReason::Question => v1::WaitReason::Question,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_comes_back_from_its_message() {
        for name in StateName::ALL {
            assert_eq!(state_name(state(name).into()), Some(name));
            let word = format!("REQUEST_STATE_{}", name.as_str().to_uppercase());
            assert_eq!(state(name).as_str_name(), word);
        }
        assert_eq!(state_name(0), None);
        assert_eq!(state_name(99), None);
    }

    #[test]
    fn nothing_said_is_a_button_and_no_choice() {
        assert_eq!(read_input_mode(0), Some(InputMode::Button));
        assert_eq!(read_input_mode(9), None);
        assert_eq!(read_choice(0), None);
        assert_eq!(read_verdict(0), None);
        assert_eq!(read_finish_reason(v1::FinishReason::BudgetExhausted.into()), None);
    }
}
