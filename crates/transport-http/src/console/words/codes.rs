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
            _ => of_speech(code).or_else(|| of_sign_in(code))?,
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
