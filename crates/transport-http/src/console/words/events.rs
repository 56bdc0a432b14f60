//! Words for every kind of event.

use countersign_audit::EventType;
use countersign_kernel::Language;

use super::Words;

impl Words {
    /// What happened.
    #[expect(clippy::too_many_lines, reason = "a table: one line for each kind of event")]
    pub(in crate::console) const fn event(self, kind: EventType) -> &'static str {
        let [english, russian] = match kind {
            EventType::ApprovalRequested => ["People were asked", "Спросили людей"],
            EventType::ApprovalReused => ["The same was asked again", "То же запросили ещё раз"],
            EventType::ApprovalVoted => {
                ["A decision was counted; more are needed", "Решение учтено, нужны ещё"]
            }
            EventType::ApprovalApproved => ["It was approved", "Согласовано"],
            EventType::ApprovalDenied => ["It was denied", "Отклонено"],
            EventType::ApprovalAnswered => ["The question was answered", "На вопрос ответили"],
            EventType::ApprovalExpired => ["Its time ran out", "Время вышло"],
            EventType::ApprovalCancelled => ["It was withdrawn", "Отозвано"],
            EventType::ApprovalDrifted => [
                "The target or the policy changed: it is asked again",
                "Изменилась цель или правила: спрашивают снова",
            ],
            EventType::ApprovalApplying => ["Doing it began", "Началось выполнение"],
            EventType::ApprovalApplied => ["It was done", "Сделано"],
            EventType::ApprovalFailed => {
                ["It failed; nothing is changed", "Не получилось, ничего не изменено"]
            }
            EventType::ApprovalUnknown => ["Unclear whether it was done", "Неясно, выполнено ли"],
            EventType::ApprovalReminded => ["People were reminded", "Людям напомнили"],
            EventType::ApprovalEscalated => ["More people were asked", "Спросили ещё людей"],
            EventType::McpToolCalled => ["The agent called a tool", "Агент вызвал инструмент"],
            EventType::McpToolApprovalPending => ["The call waits for people", "Вызов ждёт людей"],
            EventType::McpToolDryRun => ["The agent asked what would happen", "Агент спросил, что было бы"],
            EventType::McpToolSucceeded => ["The call did what it was to do", "Вызов сделал, что просили"],
            EventType::McpToolFailed => ["The call ended without doing it", "Вызов закончился ничем"],
            EventType::McpToolRejected => ["The call was refused", "В вызове отказано"],
            EventType::RunRegistered => ["The run began", "Запуск начался"],
            EventType::RunLinked => [
                "The run was linked to an issue or pull request",
                "Запуск связали с задачей или запросом на слияние",
            ],
            EventType::RunFinished => ["The run is over", "Запуск закончен"],
            EventType::RunWaitPaused => ["The run began to wait", "Запуск начал ждать"],
            EventType::RunWaitResumed => ["The run went on", "Запуск продолжился"],
            EventType::DeliverySent => {
                ["It was sent to an outside approver", "Отправлено во внешнюю систему"]
            }
            EventType::DeliveryFailed => ["Sending it failed", "Отправить не удалось"],
            EventType::DeliveryAbandoned => ["Sending it was given up", "Отправку прекратили"],
            EventType::CallbackAccepted => {
                ["The outside approver's answer counts", "Ответ внешней системы учтён"]
            }
            EventType::CallbackDuplicate => ["The same answer came again", "Тот же ответ пришёл ещё раз"],
            EventType::CallbackStale => ["An answer came too late", "Ответ пришёл слишком поздно"],
            EventType::CallbackRejected => ["An answer was refused", "Ответ не принят"],
            EventType::PolicyLoaded => ["A policy became the active one", "Правила начали действовать"],
            EventType::PolicyRejected => ["A policy was refused", "Правила не приняты"],
            EventType::DelegationGranted => ["An owner let somebody decide", "Владелец доверил решать"],
            EventType::DelegationEnded => ["That permission ended", "Доверенность закончилась"],
            EventType::DatabaseRestoring => ["Staff wants a database back", "Базу данных решили вернуть"],
            EventType::DatabaseRestored => {
                ["A database has its old name back", "База данных вернулась под своим именем"]
            }
            EventType::DatabasePurging => {
                ["A kept database is about to be dropped", "Хранимая база данных скоро будет удалена"]
            }
            EventType::DatabasePurged => {
                ["A kept database was dropped for good", "Хранимая база данных удалена навсегда"]
            }
            EventType::DatabaseKept => [
                "A kept database was neither returned nor dropped",
                "Хранимую базу данных не вернули и не удалили",
            ],
            EventType::BypassDetected => {
                ["Somebody wrote past Countersign", "Кто-то записал в обход Countersign"]
            }
            EventType::AuditErased => ["Details of an entry were erased", "Подробности записи стёрты"],
        };
        match self.0 {
            Language::English => english,
            Language::Russian => russian,
        }
    }

    /// What happened, by the name of its kind; one that isn't known is shown as it is.
    pub(in crate::console) fn event_named(self, name: &str) -> String {
        name.parse().map_or_else(|_| name.to_owned(), |kind| self.event(kind).to_owned())
    }
}
