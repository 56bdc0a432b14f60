//! What tools state about targets that could not be looked at: each reason in the reader's language, with the target's own words.

use serde_json::json;

use crate::plan::Fact;
use crate::tool::{Unseen, UnseenReason};
use crate::tools::facts::fact_codes;

fact_codes! {
    /// Why nothing was seen.
    UnseenFact {
        Unreachable: "unseen_unreachable"
            en "There was no connection ({said})."
            ru "Не было связи ({said}).",
        NoAnswer: "unseen_no_answer"
            en "No whole answer came ({said})."
            ru "Полный ответ не пришёл ({said}).",
        RateLimited: "unseen_rate_limited"
            en "No more requests are taken for now ({said})."
            ru "Запросы пока больше не принимаются ({said}).",
        Broken: "unseen_broken"
            en "The other side failed ({said})."
            ru "На другой стороне произошёл сбой ({said}).",
        Refused: "unseen_refused"
            en "Looking was refused ({said})."
            ru "Посмотреть не разрешили ({said}).",
        Unreadable: "unseen_unreadable"
            en "This version of Countersign can't read it ({said})."
            ru "Эта версия Countersign не может это прочитать ({said}).",
    }
}

impl UnseenFact {
    const fn of(reason: UnseenReason) -> Self {
        match reason {
            UnseenReason::Unreachable => Self::Unreachable,
            UnseenReason::NoAnswer => Self::NoAnswer,
            UnseenReason::RateLimited => Self::RateLimited,
            UnseenReason::Broken => Self::Broken,
            UnseenReason::Refused => Self::Refused,
            UnseenReason::Unreadable => Self::Unreadable,
        }
    }
}

/// The facts of what could not be looked at: that it couldn't, then why.
pub(crate) fn facts(that: Fact, why: &[Unseen]) -> Vec<Fact> {
    let reasons = why.iter().map(|unseen| UnseenFact::of(unseen.reason).with(json!({ "said": unseen.said })));
    std::iter::once(that).chain(reasons).collect()
}

/// What can't be read by this version of a tool, and so not be looked at.
pub(crate) fn unreadable(error: &impl std::fmt::Display) -> Vec<Unseen> {
    vec![Unseen { reason: UnseenReason::Unreadable, said: error.to_string() }]
}

#[cfg(test)]
mod tests {
    use countersign_kernel::Language;

    use super::*;
    use crate::ports::{TargetError, TargetErrorKind};

    #[test]
    fn every_reason_is_told_in_every_language_with_the_targets_own_words() {
        let error =
            |kind| TargetError { kind, target: "the cluster".to_owned(), message: "it said so".to_owned() };
        let seen: Vec<Unseen> = [
            TargetErrorKind::Unreachable,
            TargetErrorKind::NoAnswer,
            TargetErrorKind::RateLimited { retry_after: None },
            TargetErrorKind::Broken,
            TargetErrorKind::Forbidden,
        ]
        .map(|kind| Unseen::from(&error(kind)))
        .into_iter()
        .chain(unreadable(&"the cluster: it said so"))
        .collect();
        let facts = facts(Fact::new("could_not_look", json!({})), &seen);
        assert_eq!(facts.len(), 1 + UnseenFact::ALL.len());
        for (fact, reason) in facts[1..].iter().zip(UnseenFact::ALL) {
            assert_eq!(fact.code, reason.code());
            let [english, russian] = [Language::English, Language::Russian]
                .map(|language| UnseenFact::find_words(fact, language).unwrap());
            assert!(english != russian, "{english}");
            for sentence in [english, russian] {
                assert!(sentence.ends_with("(the cluster: it said so)."), "{sentence}");
            }
        }
    }
}
