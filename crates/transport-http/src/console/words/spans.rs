//! Spans of time and counts, as people say them.

use countersign_kernel::{Language, Millis};

use super::Words;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(in crate::console) enum Count {
    /// Requests.
    Requests,
    /// Runs.
    Runs,
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Words {
    /// A span in its two largest units: `2 h 13 min`.
    pub(in crate::console) fn span(self, span: Millis) -> String {
        let [day, hour, minute, second] = match self.0 {
            Language::English => ["d", "h", "min", "s"],
            Language::Russian => ["д", "ч", "мин", "с"],
        };
        let (large, small) = match span.0 {
            ms if ms >= DAY => ((ms / DAY, day), Some((ms % DAY / HOUR, hour))),
            ms if ms >= HOUR => ((ms / HOUR, hour), Some((ms % HOUR / MINUTE, minute))),
            ms if ms >= MINUTE => ((ms / MINUTE, minute), None),
            ms => ((ms / SECOND, second), None),
        };
        let of = |(number, unit): (u64, &str)| format!("{number} {unit}");
        match small.filter(|(number, _)| *number > 0) {
            Some(small) => format!("{} {}", of(large), of(small)),
            None => of(large),
        }
    }

    /// So many of something.
    pub(in crate::console) fn count(self, number: usize, what: Count) -> String {
        let forms = match (self.0, what) {
            (Language::English, Count::Requests) => ["request", "requests", "requests"],
            (Language::English, Count::Runs) => ["run", "runs", "runs"],
            (Language::Russian, Count::Requests) => ["запрос", "запроса", "запросов"],
            (Language::Russian, Count::Runs) => ["запуск", "запуска", "запусков"],
        };
        format!("{number} {}", forms[form(self.0, number)])
    }
}

/// Which of the forms `one`, `few`, `many` a number takes (CLDR plural rules, cardinals).
fn form(language: Language, number: usize) -> usize {
    match language {
        Language::English => usize::from(number != 1),
        Language::Russian => match (number % 10, number % 100) {
            (1, hundredth) if hundredth != 11 => 0,
            (2..=4, hundredth) if !(12..=14).contains(&hundredth) => 1,
            _ => 2,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units_at_most() {
        let (english, russian) = (Words(Language::English), Words(Language::Russian));
        for (ms, expected) in [
            (0, "0 s"),
            (59_999, "59 s"),
            (MINUTE, "1 min"),
            (HOUR - 1, "59 min"),
            (2 * HOUR + 13 * MINUTE + 5, "2 h 13 min"),
            (3 * HOUR, "3 h"),
            (DAY + 4 * HOUR, "1 d 4 h"),
        ] {
            assert_eq!(english.span(Millis(ms)), expected);
        }
        assert_eq!(russian.span(Millis(2 * HOUR + 13 * MINUTE)), "2 ч 13 мин");
    }

    #[test]
    fn numbers_take_their_form() {
        let english = |number| Words(Language::English).count(number, Count::Requests);
        let russian = |number| Words(Language::Russian).count(number, Count::Requests);
        assert_eq!(
            (english(0), english(1), english(2)),
            ("0 requests".into(), "1 request".into(), "2 requests".into())
        );
        for (number, expected) in [
            (1, "запрос"),
            (2, "запроса"),
            (5, "запросов"),
            (11, "запросов"),
            (12, "запросов"),
            (21, "запрос"),
            (24, "запроса"),
            (111, "запросов"),
        ] {
            assert_eq!(russian(number), format!("{number} {expected}"));
        }
    }
}
