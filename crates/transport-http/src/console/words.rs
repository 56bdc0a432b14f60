//! What the console says, in each language: one catalogue, in which a text without its translation does not compile.
//!
//! Facts of plans are worded by their tools ([`countersign_mcp_tools::ControlTool::word`]); everything else that a person reads is here.

mod codes;
mod events;
mod names;
mod rules;
mod spans;
mod states;

use countersign_kernel::Language;

pub(super) use spans::Count;

/// The catalogue in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words(pub(super) Language);

/// Texts that are always the same.
macro_rules! texts {
    ($($name:ident: $english:literal, $russian:literal;)+) => {
        impl Words {
            $(
                pub(super) const fn $name(self) -> &'static str {
                    match self.0 {
                        Language::English => $english,
                        Language::Russian => $russian,
                    }
                }
            )+

            #[cfg(test)]
            fn texts(self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name())),+]
            }
        }
    };
}

/// Texts with something in them.
macro_rules! sentences {
    ($($name:ident($($given:ident),+): $english:literal, $russian:literal;)+) => {
        impl Words {
            $(
                pub(super) fn $name(self, $($given: impl std::fmt::Display),+) -> String {
                    match self.0 {
                        Language::English => format!($english),
                        Language::Russian => format!($russian),
                    }
                }
            )+
        }
    };
}

texts! {
    // Around every page.
    skip_to_content: "Skip to content", "К содержанию";
    inbox: "Waiting", "Ожидают";
    overview: "Overview", "Обзор";
    runs: "Runs", "Запуски";
    trace: "Trace", "Связи";
    audit: "Record", "Журнал";
    policy: "Policy", "Правила";
    main_pages: "Pages", "Разделы";
    theme: "Theme", "Тема";
    theme_auto: "as the system has it", "как в системе";
    theme_light: "light", "светлая";
    theme_dark: "dark", "тёмная";
    language: "Language", "Язык";
    apply: "Apply", "Применить";
    development: "Development login: nobody proves who they are here. Never use it for anything that matters.", "Вход для разработки: никто не подтверждает, кто он. Не используйте его для чего-либо важного.";
    keys: "Keys", "Клавиши";
    keys_on: "single keys work", "действуют";
    keys_off: "off", "выключены";
    key_list: "Show the keys", "Список клавиш";
    close: "Close", "Закрыть";
    live_on: "Up to date", "Обновляется само";
    live_off: "Not updated by itself: reload to see changes", "Не обновляется само: перезагрузите страницу";
    live_out: "You are signed out: reload to sign in again", "Сеанс завершён: перезагрузите, чтобы войти снова";
    next_page: "Next page", "Дальше";
    first_page: "First page", "В начало";
    filter: "Filter", "Отбор";
    show: "Show", "Показать";
    clear: "Clear", "Сбросить";
    project: "Project", "Проект";
    environment: "Environment", "Окружение";
    tool: "Tool", "Инструмент";
    agent: "Agent", "Агент";
    action: "Action", "Действие";
    place_in_list: "Place in the list", "Место в списке";
    run: "Run", "Запуск";
    request: "Request", "Запрос";
    state: "State", "Состояние";
    who: "Who", "Кто";
    what: "What", "Что";
    when: "When", "Когда";

    // Waiting.
    for_you: "For you to decide", "Ждут вашего решения";
    no_more_for_you: "Nothing here waits for you any more.", "Здесь вашего решения больше ничего не ждёт.";
    more_for_you: "More that waits for you", "Ещё ждут вашего решения";
    for_others: "For others to decide", "Ждут решения других";
    in_doubt: "Unclear whether it was done", "Неясно, выполнено ли";
    nothing_waits: "Nothing is waiting.", "Ничего не ожидает.";
    nothing_waits_more: "New requests appear here by themselves.", "Новые запросы появятся здесь сами.";
    nothing_so_far: "Nothing found so far. There is more to look through.", "Пока ничего не найдено. Просмотрено не всё.";
    search_on: "Search on", "Искать дальше";
    nothing_passes: "Nothing passes this filter.", "По этому отбору ничего нет.";
    select: "Select", "Выбрать";
    select_all: "Select all of these", "Выбрать все";
    decide_selected: "Decide on the selected", "Решить по выбранным";
    group_by_run: "Group by run", "По запускам";
    silent: "requester is silent", "запросивший молчит";
    silent_about: "The run that asked has given no sign of life for a while: it may be dead.", "Запуск, от которого пришёл запрос, давно не подаёт признаков жизни: возможно, он мёртв.";
    asked_again: "asked again", "спрашивают снова";
    cannot_be_undone: "can't be undone", "нельзя отменить";
    question: "Question", "Вопрос";
    search: "Search", "Поиск";
    time_left: "Time left", "Осталось";
    time_is_up: "time is up", "время вышло";

    // One request.
    what_will_happen: "What will be done", "Что будет сделано";
    steps: "Steps", "Шаги";
    no_steps: "Nothing will be written.", "Ничего не будет записано.";
    step_target: "Target", "Цель";
    step_kind: "Step", "Шаг";
    step_back: "Can it be taken back?", "Можно ли отменить?";
    step_progress: "How far it came", "Как далеко дошло";
    step_receipt: "Answer of the target", "Ответ цели";
    attempts: "Attempts", "Попытки";
    agents_words: "The agent's own words", "Слова агента";
    agents_words_about: "Written by the agent. It is what the agent claims, not what Countersign knows.", "Написано агентом. Это его утверждения, а не то, что известно Countersign.";
    agents_links: "Links from the agent", "Ссылки от агента";
    changed_since: "It was asked again because this has changed", "Спрашивают снова, потому что изменилось вот что";
    not_any_more: "Not so any more", "Больше не так";
    now_so: "Now", "Теперь";
    why_asked: "Why you are asked", "Почему спрашивают";
    by_grant: "The rule that applies", "Применённое правило";
    rule_defaults: "what holds where no grant says otherwise", "то, что действует, если разрешения не говорят иного";
    rule_tool_default: "what the tool itself asks for", "то, что требует сам инструмент";
    by_guards: "What made it stricter", "Что сделало строже";
    grant: "grant", "разрешение";
    guard: "guard", "ограничение";
    no_guards: "Nothing made it stricter.", "Ничто не сделало строже.";
    other_rules: "Rules that don't apply", "Неприменимые правила";
    policy_has_changed: "The policy has changed since it was asked: before anything is done, the request is judged by the policy of that moment.", "Правила изменились после запроса: перед выполнением он будет проверен по действующим тогда правилам.";
    votes: "Decisions so far", "Решения на сейчас";
    no_votes: "Nobody has decided yet.", "Пока никто не решил.";
    earlier_votes: "On an earlier proposal: they don't count any more.", "По прежнему предложению: больше не учитываются.";
    votes_as_sole_owner: "as the only owner", "как единственный владелец";
    connected: "Connected with", "Связано с";
    target_history: "What happened to the targets before", "Что было с целями раньше";
    what_happened: "What happened", "Что произошло";
    latest_events_only: "These are the latest of it.", "Это последнее из этого.";
    all_that_happened: "All of it", "Всё, что было";
    facts_of_request: "About the request", "О запросе";
    launched_by: "Launched by", "Запустил";
    requested_at: "Asked", "Запрошено";
    deciders: "Who decides", "Кто решает";
    quorum: "Approvals needed", "Нужно согласий";
    plan_digest: "Fingerprint of the plan", "Отпечаток плана";
    policy_digest: "Fingerprint of the policy", "Отпечаток правил";
    decide: "Your decision", "Ваше решение";
    reason: "Reason", "Причина";
    reason_about: "The agent is told. You may leave it out.", "Её передадут агенту. Можно не указывать.";
    approve: "Approve", "Согласовать";
    deny: "Deny", "Отклонить";
    withdraw: "Withdraw the request", "Отозвать запрос";
    withdraw_about: "Nothing is done, and the agent is told.", "Ничего не будет сделано, агенту сообщат.";
    input: "Input of the tool", "Данные вызова";
    how_it_ended: "How it ended", "Чем закончилось";
    settle: "Settle it", "Установить, чем закончилось";
    settle_about: "Nobody could find out whether the write arrived. Look at the target yourself, then say what you saw. Nothing is written again.", "Выяснить, дошла ли запись, не удалось. Посмотрите на цель сами и скажите, что увидели. Повторно ничего не записывается.";
    settle_applied: "It was done", "Сделано";
    settle_failed: "It was not done", "Не сделано";
    settle_reason: "What did you see?", "Что вы увидели?";
    you_decided_approve: "You have approved it.", "Вы согласовали.";
    you_decided_deny: "You have denied it.", "Вы отклонили.";

    // Questions.
    context: "What to know for it", "Что нужно знать";
    your_answer: "Your answer", "Ваш ответ";
    own_words: "In your own words", "Своими словами";
    send_answer: "Send", "Отправить";
    decline: "Decline to answer", "Отказаться отвечать";

    // Speaking instead of typing.
    dictate: "Dictate", "Надиктовать";
    dictate_stop: "Stop", "Остановить";
    dictate_recording: "Recording. Press again to stop.", "Идёт запись. Нажмите ещё раз, чтобы остановить.";
    dictate_working: "Turning it into text…", "Превращаю в текст…";
    dictate_heard: "This is what was heard. Check it: it counts when you send it.", "Вот что услышано. Проверьте: это будет учтено, когда вы отправите.";
    dictate_denied: "The microphone can't be used: allow it in the browser, or type.", "Микрофон недоступен: разрешите его в браузере или напечатайте.";
    dictate_failed: "That did not work. Try again, or type.", "Не получилось. Попробуйте ещё раз или напечатайте.";
    dictate_file: "Use a recording from a file", "Взять запись из файла";
    dictate_file_field: "Recording", "Запись";
    dictate_send: "Turn it into text", "Превратить в текст";

    // What came of it.
    done_approved: "Your approval counts.", "Ваше согласие учтено.";
    done_denied: "Your denial counts.", "Ваш отказ учтён.";
    done_answered: "Your answer is sent.", "Ваш ответ отправлен.";
    done_withdrawn: "The request is withdrawn.", "Запрос отозван.";
    next_for_you: "The next that waits for you:", "Следующее ждёт вашего решения:";
    done_settled: "It is settled.", "Установлено.";
    done_batch: "All of your decisions count.", "Все ваши решения учтены.";
    plan_changed: "What would be done has changed since you looked. This is how it is now: please decide again.", "С тех пор, как вы смотрели, изменилось, что будет сделано. Вот как сейчас: решите, пожалуйста, снова.";
    too_late: "Somebody was faster:", "Кто-то успел раньше:";
    over_meanwhile: "It no longer waits for your decision. Look at how it stands now.", "Ваше решение больше не нужно. Посмотрите, как обстоят дела.";
    had_typed: "What you had typed", "Что вы написали";
    not_counted: "That did not count:", "Это не учтено:";

    // Several at once.
    batch_title: "Decide on several", "Решение по нескольким";
    batch_about: "One decision for each of these, all of them or none.", "Одно решение по каждому из них: по всем или ни по одному.";
    batch_empty: "Nothing was selected.", "Ничего не выбрано.";
    back: "Back", "Назад";
    approve_all: "Approve all of these", "Согласовать все";
    deny_all: "Deny all of these", "Отклонить все";

    // Runs.
    no_runs: "No run was registered yet.", "Запусков пока нет.";
    run_label: "What for", "Для чего";
    runtime_mode: "Reaches", "Доступ";
    mode_full_env: "a whole environment", "всё окружение";
    mode_code_only: "code only", "только код";
    repository: "Repository", "Репозиторий";
    issue: "Issue", "Задача";
    at_code_host: "open it", "открыть";
    pull_request: "Pull request", "Запрос на слияние";
    namespace: "Namespace", "Пространство имён";
    registered_at: "Begun", "Начат";
    last_heartbeat: "Last sign of life", "Последний признак жизни";
    since: "since", "с";
    budget_paused: "paused while it waits", "стоит, пока запуск ждёт";
    waits: "Waits now", "Сейчас ждёт";
    requests: "Requests", "Запросы";
    no_requests_yet: "Nothing has been asked for yet.", "Ещё ничего не запрашивали.";
    no_requests: "It has asked for nothing.", "Он ничего не запрашивал.";
    outcomes_unread: "What the agent hasn't read yet", "Что агент ещё не прочитал";
    first_requests_only: "These are the first of them.", "Это первые из них.";
    all_of_run: "All of them, newest first", "Все, начиная с новых";
    outcome: "What the agent was told", "Что сообщили агенту";
    outcome_unread: "not read by the agent yet", "агент ещё не прочитал";
    outcome_undeliverable: "the run ended before the agent read it", "запуск закончился раньше, чем агент это прочитал";
    timeline: "Timeline", "Ход запуска";
    timeline_running: "working", "работает";
    timeline_asked: "asked", "запросил";
    timeline_good: "approved, answered or done", "согласовано, отвечено или сделано";
    timeline_bad: "denied, withdrawn, failed or too late", "отклонено, отозвано, не вышло или опоздало";
    timeline_unclear: "unclear whether it was done", "неясно, сделано ли";
    timeline_waiting: "waiting, time stands still", "ждёт, время стоит";

    // The overview.
    overview_waiting: "waiting now", "ждут сейчас";
    overview_p50: "last 14 days: half decided within", "за 14 дней: половина решена за";
    overview_p95: "last 14 days: 95 of 100 decided within", "за 14 дней: 95 из 100 решены за";
    overview_expired: "last 14 days: not decided or begun in time", "за 14 дней: не решены или не начаты вовремя";
    overview_by_age: "Waiting, by age", "Ожидающие по давности";
    overview_by_day: "Decisions in the last 14 days, by days of UTC", "Решения за последние 14 дней, по дням UTC";
    overview_by_caller: "Who asked for what in the last 14 days", "Кто что запрашивал за последние 14 дней";
    overview_numbers: "The same in numbers", "То же в числах";
    overview_approvals: "approved", "согласовано";
    overview_denials: "denied", "отклонено";
    overview_answers: "answered", "есть ответ";
    overview_expiries: "too late", "опоздали";
    no_requests_lately: "Nothing was asked for in the last 14 days.", "За последние 14 дней ничего не запрашивали.";

    // Traces.
    trace_about: "Everything connected with an issue, a pull request, a run or a request.", "Всё, что связано с задачей, запросом на слияние, запуском или запросом.";
    trace_from: "Begin at", "Начать с";
    trace_text: "owner/name#number, its address, or an id", "owner/name#номер, его адрес или идентификатор";
    trace_nothing: "Nothing is connected with it.", "С этим ничего не связано.";
    trace_incomplete: "There is more than is shown here; the pages of the runs have the rest.", "Это не всё: остальное на страницах запусков.";
    trace_graph: "How it is connected", "Как это связано";

    // The record.
    no_events: "Nothing is on the record here.", "Здесь пока нет записей.";
    event_type: "Kind", "Вид";
    proved_by: "proved by", "подтверждение:";
    export_csv: "As CSV", "В CSV";
    export_jsonl: "As JSON Lines", "В JSON Lines";
    details: "Details", "Подробности";
    entry: "Entry", "Запись";
    newest_first: "Newest first", "Сначала новые";
    oldest_first: "Oldest first", "Сначала старые";
    correlation: "Correlation id", "Идентификатор связи";

    // Policy.
    no_policy: "No policy is active: every call is refused.", "Правила не заданы: все вызовы отклоняются.";
    policy_active: "The active text", "Действующий текст";

    // Getting in and out.
    sign_in: "Sign in", "Войти";
    sign_out: "Sign out", "Выйти";
    sign_out_everywhere: "Sign out everywhere", "Выйти везде";
    signed_out: "You are signed out", "Вы вышли";
    signed_out_about: "The provider of identities may still know you: sign out there as well on a machine that others use.", "Провайдер входа может вас ещё помнить: на общем компьютере выйдите и там.";
    own_session: "Your session", "Ваш сеанс";
    own_name: "Name", "Имя";
    principal: "Known here as", "Известны здесь как";
    roles: "What you may do", "Что вам можно";
    groups: "Groups", "Группы";

    // When something is wrong.
    wrong_not_in: "You are not signed in", "Вы не вошли";
    wrong_not_found: "There is nothing here", "Здесь ничего нет";
    wrong_forbidden: "This is not for you", "Это не для вас";
    wrong_signed_out: "Please sign in", "Войдите, пожалуйста";
    wrong_request: "That can't be done", "Так не получится";
    wrong_ours: "Something is wrong on our side", "Ошибка на нашей стороне";
    wrong_busy: "Not now", "Не сейчас";
    wrong_id: "Name this when you ask for help:", "Назовите это, если будете просить помощи:";
    wrong_home: "To what is waiting", "К ожидающему";

    // Keys.
    key_down: "next", "следующий";
    key_up: "previous", "предыдущий";
    key_open: "open", "открыть";
    key_select: "select", "выбрать";
    key_approve: "to the approval", "к согласованию";
    key_deny: "to the denial", "к отказу";
    key_help: "this list", "этот список";
    key_back: "back to what is waiting", "назад к ожидающему";
}

sentences! {
    on_page(page): "{page} · Countersign", "{page} · Countersign";
    signed_in_as(who): "Signed in as {who}", "Вы вошли как {who}";
    of_quorum(given, needed): "{given} of {needed} approvals", "согласий: {given} из {needed}";
    ago(span): "{span} ago", "{span} назад";
    decided_by(who): "by {who}", "{who}";
    revision(number): "Proposal {number}", "Предложение {number}";
    rule_line(line): "line {line}", "строка {line}";
    needs(number): "needs {number}", "нужно {number}";
    within(span): "within {span}", "за {span}";
    option(number): "Option {number}", "Вариант {number}";
    budget_left(left, whole): "{left} of {whole} left", "осталось {left} из {whole}";
    policy_number(number): "No. {number}", "№ {number}";
    overview_oldest_by_age(number): "The {number} that wait longest, by age", "Ожидающие дольше всех ({number}) по давности";
    batch_most(number): "At most {number} are decided at once: these are the first of them.", "За раз решают не больше {number}: вот первые из них.";
    dictate_limits(span, megabytes): "At most {span} and {megabytes} MB. The recording is not kept.", "Не дольше {span} и не больше {megabytes} МБ. Запись не хранится.";
    transcribed(by): "put into text by {by}", "в текст превращено: {by}";
    transcript_sure(percent): "{percent} % sure", "уверенность {percent} %";
    waits_for_you(requests): "For you to decide: {requests}.", "Ждут вашего решения: {requests}.";
    changed_to(state): "It is now: {state}.", "Теперь: {state}.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_said_in_its_own_language() {
        let (english, russian) = (Words(Language::English).texts(), Words(Language::Russian).texts());
        let cyrillic = |text: &str| {
            text.chars().any(|letter| ('а'..='я').contains(&letter.to_lowercase().next().unwrap_or(letter)))
        };
        for ((name, english), (_, russian)) in english.into_iter().zip(russian) {
            assert!(!english.is_empty() && !cyrillic(english), "{name}: {english}");
            assert!(cyrillic(russian), "{name}: {russian}");
            let ends = |text: &str| text.ends_with('.');
            assert_eq!(ends(english), ends(russian), "{name}: one is a sentence, the other isn't");
        }
    }
}
