//! Points and spans of time as values. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

/// A point in time, in microseconds since 1970-01-01T00:00:00Z: the resolution of PostgreSQL's `timestamptz`, so that a value survives
/// storage unchanged. Written as RFC 3339 in UTC with six digits of fraction, which also sorts as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// The text is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time")]
pub struct ParseTimestampError(String);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down; never negative (what a version 7 UUID carries).
    pub const fn unix_millis(self) -> u64 {
        if self.0 < 0 { 0 } else { (self.0 / 1000) as u64 }
    }

    /// The day (UTC) it falls on, in days since 1970-01-01.
    pub const fn unix_day(self) -> i64 {
        self.0.div_euclid(MICROS_OF_A_DAY)
    }

    /// When a day (UTC) began, by its number of days since 1970-01-01.
    pub const fn from_unix_day(day: i64) -> Self {
        Self(day.saturating_mul(MICROS_OF_A_DAY))
    }

    /// This point, `span` later.
    #[must_use]
    pub const fn plus(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0.saturating_mul(1000) as i64))
    }

    /// The span from `earlier` to this point; zero when `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Millis {
        let micros = self.0.saturating_sub(earlier.0);
        if micros <= 0 { Millis(0) } else { Millis((micros / 1000) as u64) }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            // Outside the years -9999..9999 there is no RFC 3339 text; say the number instead of failing to print.
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_microsecond()))
            .map_err(|_| ParseTimestampError(text.to_owned()))
    }
}

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// A span of so many whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// A span of so many days of 24 hours.
    pub const fn from_days(days: u64) -> Self {
        Self::from_secs(days.saturating_mul(86_400))
    }

    /// Whole seconds, rounded down.
    pub const fn whole_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The same span for `std` and tokio timers.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_six_digits_so_that_text_sorts_as_time() {
        let a = Timestamp::from_unix_micros(1_700_000_000_000_000);
        assert_eq!(a.to_string(), "2023-11-14T22:13:20.000000Z");
        let b = Timestamp::from_unix_micros(1_700_000_000_000_001);
        assert!(a.to_string() < b.to_string());
        assert_eq!(b.to_string().parse::<Timestamp>().unwrap(), b);
    }

    #[test]
    fn reads_other_offsets_and_refuses_other_texts() {
        assert_eq!(
            "2023-11-14T23:13:20+01:00".parse::<Timestamp>().unwrap(),
            Timestamp::from_unix_micros(1_700_000_000_000_000)
        );
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_day_begins_at_midnight_before_1970_too() {
        for (at, day, began) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"),
            ("1970-01-02T23:59:59.999999Z", 1, "1970-01-02T00:00:00.000000Z"),
            ("1969-12-31T23:59:59.999999Z", -1, "1969-12-31T00:00:00.000000Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(at.unix_day(), day);
            assert_eq!(Timestamp::from_unix_day(day).to_string(), began);
        }
        let day = Timestamp::from_unix_day(1).since(Timestamp::from_unix_day(0));
        assert_eq!((day, day.whole_secs()), (Millis::from_days(1), 86_400));
    }

    #[test]
    fn a_span_backwards_is_zero() {
        let a = Timestamp::from_unix_micros(5_000_000);
        assert_eq!(a.since(a.plus(Millis(1))), Millis(0));
        assert_eq!(a.plus(Millis(1500)).since(a), Millis(1500));
    }
}
