//! Enumerations of the wire and of the domain.

use countersign_approvals as approvals;
use countersign_kernel as kernel;
use countersign_usecases::port;
use countersign_waitstate as waitstate;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum RequestState {
    /// Waiting for people.
    Requested,
    /// Waiting for the executor.
    Approved,
    /// Being done.
    Applying,
    /// May have been done; being looked into.
    Unknown,
    /// Done.
    Applied,
    /// The question was answered.
    Answered,
    /// A person or policy said no.
    Denied,
    /// Too late.
    Expired,
    /// Withdrawn.
    Cancelled,
    /// Nothing was changed, or all was undone.
    Failed,
}

impl From<approvals::StateName> for RequestState {
    fn from(value: approvals::StateName) -> Self {
        match value {
            approvals::StateName::Requested => Self::Requested,
            approvals::StateName::Approved => Self::Approved,
            approvals::StateName::Applying => Self::Applying,
            approvals::StateName::Unknown => Self::Unknown,
            approvals::StateName::Applied => Self::Applied,
            approvals::StateName::Answered => Self::Answered,
            approvals::StateName::Denied => Self::Denied,
            approvals::StateName::Expired => Self::Expired,
            approvals::StateName::Cancelled => Self::Cancelled,
            approvals::StateName::Failed => Self::Failed,
        }
    }
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum ListOrder {
    /// What has been there longest.
    OldestFirst,
    /// What came last.
    NewestFirst,
}

impl From<port::Order> for ListOrder {
    fn from(value: port::Order) -> Self {
        match value {
            port::Order::OldestFirst => Self::OldestFirst,
            port::Order::NewestFirst => Self::NewestFirst,
        }
    }
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum Choice {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

impl From<approvals::Choice> for Choice {
    fn from(value: approvals::Choice) -> Self {
        match value {
            approvals::Choice::Approve => Self::Approve,
            approvals::Choice::Deny => Self::Deny,
        }
    }
}

/// How a decision or answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum InputMode {
    /// A button, a command, a call.
    Button,
    /// Typed words.
    Text,
    /// Spoken words, transcribed.
    Voice,
}

impl From<&approvals::InputMode> for InputMode {
    fn from(value: &approvals::InputMode) -> Self {
        match value {
            approvals::InputMode::Button => Self::Button,
            approvals::InputMode::Text => Self::Text,
            approvals::InputMode::Voice(_) => Self::Voice,
        }
    }
}

/// What a person says of an unknown effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum Verdict {
    /// It was done.
    Applied,
    /// It was not done, or is undone.
    Failed,
}

impl From<approvals::Verdict> for Verdict {
    fn from(value: approvals::Verdict) -> Self {
        match value {
            approvals::Verdict::Applied => Self::Applied,
            approvals::Verdict::Failed => Self::Failed,
        }
    }
}

/// Whom policy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum ApprovalMode {
    /// Nobody is asked.
    None,
    /// Delegates are asked.
    Delegated,
    /// The owners are asked.
    Owner,
}

impl From<kernel::ApprovalMode> for ApprovalMode {
    fn from(value: kernel::ApprovalMode) -> Self {
        match value {
            kernel::ApprovalMode::None => Self::None,
            kernel::ApprovalMode::Delegated => Self::Delegated,
            kernel::ApprovalMode::Owner => Self::Owner,
        }
    }
}

/// What holds for a project with one single owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum SoleOwner {
    /// The launcher never decides.
    Deny,
    /// The one owner may decide even on their own run.
    Allow,
}

impl From<kernel::SoleOwner> for SoleOwner {
    fn from(value: kernel::SoleOwner) -> Self {
        match value {
            kernel::SoleOwner::Deny => Self::Deny,
            kernel::SoleOwner::Allow => Self::Allow,
        }
    }
}

/// What becomes of open requests when their run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum OnRunEnd {
    /// They are withdrawn.
    Cancel,
    /// What is approved is done.
    Execute,
}

impl From<kernel::OnRunEnd> for OnRunEnd {
    fn from(value: kernel::OnRunEnd) -> Self {
        match value {
            kernel::OnRunEnd::Cancel => Self::Cancel,
            kernel::OnRunEnd::Execute => Self::Execute,
        }
    }
}

/// What a run can reach by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::api) enum RuntimeMode {
    /// A whole environment.
    FullEnv,
    /// Code only.
    CodeOnly,
}

impl From<kernel::RuntimeMode> for RuntimeMode {
    fn from(value: kernel::RuntimeMode) -> Self {
        match value {
            kernel::RuntimeMode::FullEnv => Self::FullEnv,
            kernel::RuntimeMode::CodeOnly => Self::CodeOnly,
        }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum RunStatus {
    /// Working.
    Running,
    /// Waiting for at least one request.
    Waiting,
    /// Its requests are being settled.
    Ending,
    /// Over.
    Finished,
}

impl From<waitstate::RunStatus> for RunStatus {
    fn from(value: waitstate::RunStatus) -> Self {
        match value {
            waitstate::RunStatus::Running => Self::Running,
            waitstate::RunStatus::Waiting => Self::Waiting,
            waitstate::RunStatus::Ending => Self::Ending,
            waitstate::RunStatus::Finished => Self::Finished,
        }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum FinishReason {
    /// It was done.
    Completed,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// Its time was spent.
    BudgetExhausted,
}

impl From<waitstate::FinishReason> for FinishReason {
    fn from(value: waitstate::FinishReason) -> Self {
        match value {
            waitstate::FinishReason::Completed => Self::Completed,
            waitstate::FinishReason::Failed => Self::Failed,
            waitstate::FinishReason::Stopped => Self::Stopped,
            waitstate::FinishReason::BudgetExhausted => Self::BudgetExhausted,
        }
    }
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum WaitReason {
    /// A decision.
    Approval,
    /// The executor.
    Execution,
    /// An answer.
    Question,
}

impl From<waitstate::WaitReason> for WaitReason {
    fn from(value: waitstate::WaitReason) -> Self {
        match value {
            waitstate::WaitReason::Approval => Self::Approval,
            waitstate::WaitReason::Execution => Self::Execution,
            waitstate::WaitReason::Question => Self::Question,
        }
    }
}

/// The coarse state a waiting run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum WaitState {
    /// For a control tool.
    WaitingMcp,
    /// For the owner.
    WaitingOwnerReview,
}

impl From<waitstate::wait::WaitState> for WaitState {
    fn from(value: waitstate::wait::WaitState) -> Self {
        match value {
            waitstate::wait::WaitState::WaitingMcp => Self::WaitingMcp,
            waitstate::wait::WaitState::WaitingOwnerReview => Self::WaitingOwnerReview,
        }
    }
}

/// What an agent is told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum OutcomeStatus {
    /// Done.
    Applied,
    /// The question was answered.
    Answered,
    /// A person or policy said no.
    Denied,
    /// Too late.
    Expired,
    /// Withdrawn.
    Cancelled,
    /// Nothing was changed, or all was undone.
    Failed,
}

impl From<waitstate::OutcomeStatus> for OutcomeStatus {
    fn from(value: waitstate::OutcomeStatus) -> Self {
        match value {
            waitstate::OutcomeStatus::Applied => Self::Applied,
            waitstate::OutcomeStatus::Answered => Self::Answered,
            waitstate::OutcomeStatus::Denied => Self::Denied,
            waitstate::OutcomeStatus::Expired => Self::Expired,
            waitstate::OutcomeStatus::Cancelled => Self::Cancelled,
            waitstate::OutcomeStatus::Failed => Self::Failed,
        }
    }
}

/// What an agent is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum NextAction {
    /// Nothing.
    None,
    /// Wait.
    Wait,
    /// Ask again.
    RequestAgain,
    /// Try again.
    Retry,
}

impl From<waitstate::NextAction> for NextAction {
    fn from(value: waitstate::NextAction) -> Self {
        match value {
            waitstate::NextAction::None => Self::None,
            waitstate::NextAction::Wait => Self::Wait,
            waitstate::NextAction::RequestAgain => Self::RequestAgain,
            waitstate::NextAction::Retry => Self::Retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(value: impl Serialize) -> String {
        serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn the_wire_spells_what_the_domain_spells() {
        for state in approvals::StateName::ALL {
            assert_eq!(word(RequestState::from(state)), state.as_str());
        }
        for order in port::Order::ALL {
            assert_eq!(word(ListOrder::from(order)), order.as_str());
        }
        for status in waitstate::RunStatus::ALL {
            assert_eq!(word(RunStatus::from(status)), status.as_str());
        }
        for mode in [kernel::RuntimeMode::FullEnv, kernel::RuntimeMode::CodeOnly] {
            assert_eq!(word(RuntimeMode::from(mode)), mode.as_str());
        }
        let reason = waitstate::FinishReason::BudgetExhausted;
        assert_eq!(word(FinishReason::from(reason)), reason.as_str());
        let next = waitstate::NextAction::RequestAgain;
        assert_eq!(word(NextAction::from(next)), next.as_str());
        let wait = waitstate::WaitReason::Question;
        assert_eq!(word(WaitState::from(wait.state())), wait.state().as_str());
    }
}
