//! Messages into the words of the domain and back. Everything that is wrong with a message is found at once.

pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod run;
pub(crate) mod words;

use countersign_kernel::Timestamp;

/// A point in time as messages carry it.
pub(crate) fn stamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.unix_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // INVARIANT: a remainder of 10^6 in microseconds, times 10^3, is below 10^9 and fits.
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_microseconds_before_1970_too() {
        let late = stamp(Timestamp::from_unix_micros(1_700_000_000_000_001));
        assert_eq!((late.seconds, late.nanos), (1_700_000_000, 1000));
        let early = stamp(Timestamp::from_unix_micros(-1));
        assert_eq!((early.seconds, early.nanos), (-1, 999_999_000));
    }
}
