//! Rules that a field has to keep. They are said in English where they are checked; here is what each means in the other language.

use countersign_kernel::Language;

use super::Words;

/// A rule in English and in Russian; `{}` stands for what differs, and comes in the same order in both.
const RULES: [(&str, &str); 19] = [
    ("is required", "нужно заполнить"),
    ("is given more than once", "указано несколько раз"),
    ("no parameter is known", "параметров здесь нет"),
    ("is not known; known are {}", "неизвестно; известны {}"),
    ("must be one of {}", "должно быть одним из: {}"),
    (
        "must have at most {} characters and {} to {} words of letters and digits",
        "не больше {} знаков, слов из букв и цифр — от {} до {}",
    ),
    ("must have at most {} characters", "не больше {} знаков"),
    ("must have at least {} characters", "не меньше {} знаков"),
    (
        "must be {} to {} of {}, beginning with a letter or digit",
        "от {} до {} знаков из {}, первый — буква или цифра",
    ),
    ("must be at most {} of {}", "не больше {} знаков из {}"),
    ("must be a whole number from {} to {}", "должно быть целым числом от {} до {}"),
    ("must be a UUID in its hyphenated form", "должно быть UUID с дефисами"),
    ("must be a `next_cursor` of this very list and filter", "не из этого списка: начните с первой страницы"),
    (
        "must be `sha256:` and {} lower-case hex digits",
        "должно быть `sha256:` и {} шестнадцатеричных цифр в нижнем регистре",
    ),
    (
        "must be {} to {} printable ASCII characters without blanks",
        "должно быть от {} до {} печатных знаков ASCII без пробелов",
    ),
    ("must be `owner/name#number`", "должно быть `владелец/имя#номер`"),
    (
        "excludes `option_index`: give one of the two",
        "выберите вариант или ответьте своими словами, не то и другое",
    ),
    ("is required unless `custom_text` is given", "выберите вариант или ответьте своими словами"),
    ("exactly one of {}, {}, {} and {} is required", "нужно ровно одно из {}, {}, {} и {}"),
];

impl Words {
    /// What a field has to be like. A rule that isn't known here is said as it is.
    pub(in crate::console) fn rule(self, rule: &str) -> String {
        match self.0 {
            Language::English => rule.to_owned(),
            Language::Russian => {
                let known =
                    RULES.iter().find_map(|(english, russian)| Some(fill(russian, &holes(english, rule)?)));
                known.unwrap_or_else(|| rule.to_owned())
            }
        }
    }
}

/// What stands in the place of each `{}`, where a text has this form.
fn holes<'t>(form: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut parts = form.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = if part.is_empty() && parts.peek().is_none() { rest.len() } else { rest.find(part)? };
        found.push(&rest[..end]);
        rest = &rest[end + part.len()..];
    }
    rest.is_empty().then_some(found)
}

fn fill(form: &str, holes: &[&str]) -> String {
    let mut parts = form.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (part, hole) in parts.zip(holes) {
        text.push_str(hole);
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_as_many_places_in_both_languages() {
        for (english, russian) in RULES {
            assert_eq!(english.matches("{}").count(), russian.matches("{}").count(), "{english}");
        }
    }

    #[test]
    fn rules_are_said_with_their_numbers() {
        let russian = |rule| Words(Language::Russian).rule(rule);
        for (rule, said) in [
            ("must have at most 1000 characters", "не больше 1000 знаков"),
            (
                "must be 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
                "от 1 до 64 знаков из `a-z 0-9 . _ -`, первый — буква или цифра",
            ),
            ("must be one of `a`, `b`", "должно быть одним из: `a`, `b`"),
            ("must be at most 64 of `a-z . _`", "не больше 64 знаков из `a-z . _`"),
            (
                "must have at most 200 characters and 1 to 8 words of letters and digits",
                "не больше 200 знаков, слов из букв и цифр — от 1 до 8",
            ),
            ("something new", "something new"),
        ] {
            assert_eq!(russian(rule), said);
            assert_eq!(Words(Language::English).rule(rule), rule);
        }
    }
}
