//! Words for what was refused, by its stable code. A code without words here is said as the refusal itself says it.

use countersign_kernel::Language;

use super::Words;

impl Words {
    /// Why not.
    pub(in crate::console) fn code(self, code: &str) -> Option<&'static str> {
        let [english, russian] = match code {
            "role_required" => ["You don't have the role for this.", "У вас нет нужной роли."],
            "requester_cannot_decide" => [
                "You launched the run that asks: somebody else has to decide.",
                "Запуск начали вы: решать должен кто-то другой.",
            ],
            "not_a_decider" => ["The policy asks other people.", "По правилам решают другие люди."],
            "already_settled" => {
                ["It is over: there is nothing left to decide.", "Всё закончено: решать больше нечего."]
            }
            "already_approved" => ["It is approved already.", "Уже согласовано."],
            "already_executing" => ["It is being done already.", "Уже выполняется."],
            "decision_too_late" => ["The time for deciding is over.", "Время на решение вышло."],
            "plan_changed" => [
                "What would be done has changed since you looked.",
                "С тех пор, как вы смотрели, изменилось, что будет сделано.",
            ],
            "version_changed" => {
                ["The request has changed since you looked.", "С тех пор, как вы смотрели, запрос изменился."]
            }
            "not_waiting" => ["It doesn't wait for a decision.", "Он не ждёт решения."],
            "not_unknown" => ["It isn't unclear any more what came of it.", "Уже ясно, чем закончилось."],
            "no_policy" => [
                "No policy is active, so nobody may decide.",
                "Правила не заданы, поэтому решать не может никто.",
            ],
            "policy_unusable" => [
                "The active policy can't be read, so nobody may decide.",
                "Действующие правила не читаются, поэтому решать не может никто.",
            ],
            "batch_refused" => [
                "One of the decisions doesn't count, so none does.",
                "Одно из решений не учтено, поэтому не учтено ни одно.",
            ],
            "custom_not_allowed" => [
                "Choose one of the options: own words are not asked for.",
                "Выберите один из вариантов: своими словами ответить нельзя.",
            ],
            "no_such_option" => ["There is no such option.", "Такого варианта нет."],
            "is_a_question" => ["It is a question: answer it.", "Это вопрос: на него нужно ответить."],
            "not_a_question" => ["It is no question: decide on it.", "Это не вопрос: по нему нужно решить."],
            "rate_limited" => ["You ask too often. Wait a moment.", "Слишком часто. Подождите немного."],
            "store_unavailable" => [
                "The store is not available now. Nothing was changed; try again.",
                "Хранилище сейчас недоступно. Ничего не изменено; попробуйте ещё раз.",
            ],
            "request_timeout" => [
                "It took too long, and whether it was done is not known. Look, and try again.",
                "Это заняло слишком много времени, и неизвестно, сделано ли. Посмотрите и попробуйте ещё раз.",
            ],
            "unknown_path" => ["There is no page at this address.", "По этому адресу страницы нет."],
            "busy" => [
                "Too many people changed it at this moment. Try again.",
                "Слишком многие меняли это одновременно. Попробуйте ещё раз.",
            ],
            _ => of_speech(code)
                .or_else(|| of_sign_in(code))
                .or_else(|| of_requests(code))
                .or_else(|| of_ends(code))?,
        };
        Some(self.of(english, russian))
    }

    pub(super) const fn of<'t>(self, english: &'t str, russian: &'t str) -> &'t str {
        match self.0 {
            Language::English => english,
            Language::Russian => russian,
        }
    }
}

/// What comes of speaking instead of typing.
fn of_speech(code: &str) -> Option<[&'static str; 2]> {
    Some(match code {
        "voice_not_offered" => [
            "Speech is not turned into text here. Type it.",
            "Речь здесь в текст не превращают. Напечатайте.",
        ],
        "not_audio" => [
            "The recording can't be read as audio. Record it again, or type.",
            "Запись не читается как звук. Запишите ещё раз или напечатайте.",
        ],
        "unsupported_media_type" => {
            ["Recordings of this kind are not taken.", "Записи такого вида не принимаются."]
        }
        "audio_too_large" => [
            "The recording is too large. Say it in fewer words, or type.",
            "Запись слишком большая. Скажите короче или напечатайте.",
        ],
        "audio_too_long" => [
            "That was too long. Say it in fewer words, or type.",
            "Слишком долго. Скажите короче или напечатайте.",
        ],
        "nothing_heard" => {
            ["Nothing was heard. Speak again, or type.", "Ничего не слышно. Скажите ещё раз или напечатайте."]
        }
        "transcriber_unavailable" => [
            "Speech can't be turned into text now. Try again, or type.",
            "Сейчас речь в текст не превратить. Попробуйте ещё раз или напечатайте.",
        ],
        "transcript_not_proved" => [
            "It was dictated too long ago, or for something else. Dictate it again, or type.",
            "Надиктовано слишком давно или для другого. Надиктуйте ещё раз или напечатайте.",
        ],
        _ => return None,
    })
}

/// Why somebody is not let in.
fn of_sign_in(code: &str) -> Option<[&'static str; 2]> {
    Some(match code {
        "no_role" => [
            "Nothing that the provider says of you gives you a role here.",
            "Ничто из того, что сообщил о вас провайдер, не даёт вам роли здесь.",
        ],
        "provider_unavailable" => [
            "The provider of identities can't be used now. Try again.",
            "Провайдер входа сейчас недоступен. Попробуйте ещё раз.",
        ],
        "identity_not_proved" => [
            "The answer of the provider doesn't prove who you are.",
            "Ответ провайдера не подтверждает, кто вы.",
        ],
        "identity_unusable" => [
            "What the provider says of you names nobody who could be known here.",
            "По тому, что сообщил провайдер, вас нельзя назвать здесь.",
        ],
        "sign_in_expired" => [
            "This sign-in is too old, was finished before, or was begun in another browser. Begin it again.",
            "Этот вход устарел, уже завершён или начат в другом браузере. Начните снова.",
        ],
        "sign_in_declined" => ["The provider did not sign you in.", "Провайдер вас не впустил."],
        "sign_in_not_offered" => {
            ["This server doesn't offer that way to sign in.", "Такого способа входа на этом сервере нет."]
        }
        "request_forged" => [
            "It can't be told that a page of ours asked for this. Reload the page and try again.",
            "Нельзя убедиться, что это запросила наша страница. Обновите её и попробуйте ещё раз.",
        ],
        _ => return None,
    })
}

/// What is wrong with what was asked for.
fn of_requests(code: &str) -> Option<[&'static str; 2]> {
    Some(match code {
        "invalid_request" => ["Something of what was sent can't be so:", "В отправленном кое-что не так:"],
        "malformed_request" => ["What was sent can't be read.", "Отправленное не читается."],
        "not_signed_in" => ["You are not signed in, or not any more.", "Вы не вошли или сеанс закончился."],
        "unauthenticated" => {
            ["Nothing came that says who you are.", "Не прислано ничего, что говорит, кто вы."]
        }
        "two_credentials" => {
            ["Two proofs of who you are came at once.", "Пришло сразу два подтверждения того, кто вы."]
        }
        "credential_in_url" => [
            "An address must not hold what proves who you are. Change that secret: others may have seen it.",
            "В адресе не должно быть того, что подтверждает, кто вы. Смените этот секрет: его могли увидеть.",
        ],
        "unknown_request" => ["There is no such request.", "Такого запроса нет."],
        "unknown_run" => ["There is no such run.", "Такого запуска нет."],
        "method_not_allowed" => {
            ["That can't be done at this address.", "По этому адресу так сделать нельзя."]
        }
        "not_acceptable" => ["Your browser doesn't take pages.", "Ваш браузер не принимает страницы."],
        "body_too_large" => {
            ["That was too much at once. Send less.", "Слишком много сразу. Отправьте меньше."]
        }
        "foreign_cursor" => [
            "This place is not one of this list. Begin at its first page.",
            "Это место не из этого списка. Начните с первой страницы.",
        ],
        "too_many_streams" => [
            "You have too many pages open. Close some.",
            "У вас открыто слишком много страниц. Закройте лишние.",
        ],
        "commit_in_doubt" => [
            "The connection to the store was lost, and whether it was written is not known. Look, and try again.",
            "Связь с хранилищем прервалась, и неизвестно, записано ли. Посмотрите и попробуйте ещё раз.",
        ],
        "internal" => {
            ["It is our fault. Nothing is known of why yet.", "Ошибка наша. Почему, пока неизвестно."]
        }
        _ => return None,
    })
}

/// How a request came to its end, or into doubt.
fn of_ends(code: &str) -> Option<[&'static str; 2]> {
    Some(match code {
        "undecided" => ["Nobody decided in time.", "Никто не решил вовремя."],
        "unexecuted" => ["It was approved, and was not begun in time.", "Согласовали, но вовремя не начали."],
        "execution_too_late" => ["The time for doing it was over.", "Время на выполнение вышло."],
        "effect_unknown" => [
            "It was begun, and nobody can tell whether it was done.",
            "Выполнение началось, но сделано ли, выяснить не удалось.",
        ],
        "drifting" => ["The target kept changing.", "Цель всё время менялась."],
        "policy_denied" => ["The policy of that moment refused it.", "Правила на тот момент это запретили."],
        "no_warrant" => ["The record holds no approval of it.", "В журнале нет согласия на это."],
        "plan_tampered" => ["It was not what had been approved.", "Это было не то, что согласовали."],
        "undo_failed" => [
            "It failed, and what was done before could not be taken back.",
            "Не получилось, а сделанное раньше не удалось отменить.",
        ],
        "secret_missing" => ["The secret value is not there.", "Секретного значения нет."],
        "target_unreachable" => ["The target could not be reached.", "До цели не достучаться."],
        "target_no_answer" => ["The target did not answer.", "Цель не ответила."],
        "target_broken" => ["The target failed.", "У цели сбой."],
        "target_rate_limited" => ["The target was asked too often.", "К цели обращались слишком часто."],
        "target_unauthorized" => {
            ["The target does not accept our credentials.", "Цель не принимает наши учётные данные."]
        }
        "target_forbidden" => ["Our credentials may not do this.", "Нашим учётным данным это не разрешено."],
        "target_not_found" => ["It is not there any more, or never was.", "Этого нет или уже нет."],
        "target_conflict" => {
            ["It changed, or belongs to somebody else.", "Оно изменилось или принадлежит другому."]
        }
        "target_fenced" => ["Somebody newer has written there.", "Туда уже записано более новое."],
        "target_immutable" => ["It can't be changed.", "Его нельзя менять."],
        "target_invalid" => ["The target refuses the content.", "Цель не принимает содержимое."],
        "target_quota_exceeded" => ["There is no room for one more.", "Места ещё для одного нет."],
        "target_not_looked_at" => {
            ["Nobody could look at the target beforehand.", "Заранее посмотреть на цель не удалось."]
        }
        "database_not_found" => ["There is no such database.", "Такой базы данных нет."],
        "database_not_ours" => {
            ["The database is not the project's own.", "Эта база данных не принадлежит проекту."]
        }
        "database_name_taken" => ["The name is taken.", "Имя занято."],
        "database_quarantined" => ["The database is kept aside.", "База данных отложена."],
        "database_reserved" => ["The name is reserved.", "Имя занято за другим."],
        _ => return None,
    })
}
