//! Words for every state there is, for a person who doesn't know ours.

use countersign_approvals::{Choice, InputMode, StateName};
use countersign_kernel::{ApprovalMode, Language, RuntimeMode};
use countersign_mcp_tools::Reversibility;
use countersign_usecases::access::Role;
use countersign_waitstate::{FinishReason, OutcomeStatus, RunStatus, WaitReason};

use super::Words;

impl Words {
    /// What somebody may do here.
    pub(in crate::console) const fn role(self, role: Role) -> &'static str {
        match (self.0, role) {
            (Language::English, Role::Viewer) => "look",
            (Language::Russian, Role::Viewer) => "смотреть",
            (Language::English, Role::Approver) => "decide",
            (Language::Russian, Role::Approver) => "решать",
            (Language::English, Role::Operator) => "operate",
            (Language::Russian, Role::Operator) => "управлять",
            (Language::English, Role::Auditor) => "read the record",
            (Language::Russian, Role::Auditor) => "читать журнал",
            (Language::English, Role::Platform) => "launch agents",
            (Language::Russian, Role::Platform) => "запускать агентов",
        }
    }

    /// Where a request stands.
    pub(in crate::console) const fn state_name(self, state: StateName) -> &'static str {
        match (self.0, state) {
            (Language::English, StateName::Requested) => "waiting for a decision",
            (Language::Russian, StateName::Requested) => "ждёт решения",
            (Language::English, StateName::Approved) => "approved, about to begin",
            (Language::Russian, StateName::Approved) => "согласовано, скоро начнётся",
            (Language::English, StateName::Applying) => "being done",
            (Language::Russian, StateName::Applying) => "выполняется",
            (Language::English, StateName::Unknown) => "unclear whether it was done",
            (Language::Russian, StateName::Unknown) => "неясно, выполнено ли",
            (Language::English, StateName::Applied) => "done",
            (Language::Russian, StateName::Applied) => "сделано",
            (Language::English, StateName::Answered) => "answered",
            (Language::Russian, StateName::Answered) => "есть ответ",
            (Language::English, StateName::Denied) => "denied",
            (Language::Russian, StateName::Denied) => "отклонено",
            (Language::English, StateName::Expired) => "its time ran out",
            (Language::Russian, StateName::Expired) => "время вышло",
            (Language::English, StateName::Cancelled) => "withdrawn",
            (Language::Russian, StateName::Cancelled) => "отозвано",
            (Language::English, StateName::Failed) => "failed, nothing is changed",
            (Language::Russian, StateName::Failed) => "не получилось, ничего не изменено",
        }
    }

    /// Where a run stands.
    pub(in crate::console) const fn run_status(self, status: RunStatus) -> &'static str {
        match (self.0, status) {
            (Language::English, RunStatus::Running) => "working",
            (Language::Russian, RunStatus::Running) => "работает",
            (Language::English, RunStatus::Waiting) => "waiting",
            (Language::Russian, RunStatus::Waiting) => "ждёт",
            (Language::English, RunStatus::Ending) => "ending",
            (Language::Russian, RunStatus::Ending) => "заканчивается",
            (Language::English, RunStatus::Finished) => "over",
            (Language::Russian, RunStatus::Finished) => "закончен",
        }
    }

    /// Why a run ended.
    pub(in crate::console) const fn finish_reason(self, reason: FinishReason) -> &'static str {
        match (self.0, reason) {
            (Language::English, FinishReason::Completed) => "it was done",
            (Language::Russian, FinishReason::Completed) => "работа сделана",
            (Language::English, FinishReason::Failed) => "it failed",
            (Language::Russian, FinishReason::Failed) => "не получилось",
            (Language::English, FinishReason::Stopped) => "somebody stopped it",
            (Language::Russian, FinishReason::Stopped) => "его остановили",
            (Language::English, FinishReason::BudgetExhausted) => "its time was spent",
            (Language::Russian, FinishReason::BudgetExhausted) => "вышло его время",
        }
    }

    /// What a run waits for.
    pub(in crate::console) const fn wait_reason(self, reason: WaitReason) -> &'static str {
        match (self.0, reason) {
            (Language::English, WaitReason::Approval) => "for a decision",
            (Language::Russian, WaitReason::Approval) => "решения",
            (Language::English, WaitReason::Execution) => "for it to be done",
            (Language::Russian, WaitReason::Execution) => "выполнения",
            (Language::English, WaitReason::Question) => "for an answer",
            (Language::Russian, WaitReason::Question) => "ответа",
        }
    }

    /// What an agent was told.
    pub(in crate::console) const fn outcome_status(self, status: OutcomeStatus) -> &'static str {
        match status {
            OutcomeStatus::Applied => self.state_name(StateName::Applied),
            OutcomeStatus::Answered => self.state_name(StateName::Answered),
            OutcomeStatus::Denied => self.state_name(StateName::Denied),
            OutcomeStatus::Expired => self.state_name(StateName::Expired),
            OutcomeStatus::Cancelled => self.state_name(StateName::Cancelled),
            OutcomeStatus::Failed => self.state_name(StateName::Failed),
        }
    }

    /// A decision.
    pub(in crate::console) const fn choice(self, choice: Choice) -> &'static str {
        match (self.0, choice) {
            (Language::English, Choice::Approve) => "approved",
            (Language::Russian, Choice::Approve) => "согласовано",
            (Language::English, Choice::Deny) => "denied",
            (Language::Russian, Choice::Deny) => "отклонено",
        }
    }

    /// How a decision was given.
    pub(in crate::console) const fn input_mode(self, mode: &InputMode) -> &'static str {
        match (self.0, mode) {
            (Language::English, InputMode::Button) => "by a button",
            (Language::Russian, InputMode::Button) => "кнопкой",
            (Language::English, InputMode::Text) => "typed",
            (Language::Russian, InputMode::Text) => "текстом",
            (Language::English, InputMode::Voice(_)) => "spoken",
            (Language::Russian, InputMode::Voice(_)) => "голосом",
        }
    }

    /// Whom policy asks.
    pub(in crate::console) const fn approval_mode(self, mode: ApprovalMode) -> &'static str {
        match (self.0, mode) {
            (Language::English, ApprovalMode::None) => "nobody: it is done at once",
            (Language::Russian, ApprovalMode::None) => "никто: выполняется сразу",
            (Language::English, ApprovalMode::Delegated) => "delegates",
            (Language::Russian, ApprovalMode::Delegated) => "доверенные",
            (Language::English, ApprovalMode::Owner) => "the owners of the project",
            (Language::Russian, ApprovalMode::Owner) => "владельцы проекта",
        }
    }

    /// What a run can reach by itself.
    pub(in crate::console) const fn runtime(self, mode: RuntimeMode) -> &'static str {
        match mode {
            RuntimeMode::FullEnv => self.mode_full_env(),
            RuntimeMode::CodeOnly => self.mode_code_only(),
        }
    }

    /// Whether a step can be taken back.
    pub(in crate::console) const fn reversibility(self, reversibility: Reversibility) -> &'static str {
        match (self.0, reversibility) {
            (Language::English, Reversibility::ReadBackAndFence) => {
                "it is checked afterwards, and can be taken back"
            }
            (Language::Russian, Reversibility::ReadBackAndFence) => {
                "после записи проверяется, можно отменить"
            }
            (Language::English, Reversibility::ReadBack) => "not for sure; it is checked afterwards",
            (Language::Russian, Reversibility::ReadBack) => "не наверняка; после записи проверяется",
            (Language::English, Reversibility::WriteOnly) => "no: it can't be read back",
            (Language::Russian, Reversibility::WriteOnly) => "нет: прочитать записанное нельзя",
        }
    }

    /// How far a step came, by its stored word; one that isn't known is shown as it is.
    pub(in crate::console) fn step_state(self, state: &str) -> String {
        let words = match (self.0, state) {
            (Language::English, "intended") => "begun",
            (Language::Russian, "intended") => "начат",
            (Language::English, "not_done") => "not done",
            (Language::Russian, "not_done") => "не сделан",
            (Language::English, "done") => "done",
            (Language::Russian, "done") => "сделан",
            (Language::English, "undoing") => "being taken back",
            (Language::Russian, "undoing") => "отменяется",
            (Language::English, "undone") => "taken back",
            (Language::Russian, "undone") => "отменён",
            (_, other) => other,
        };
        words.to_owned()
    }
}
