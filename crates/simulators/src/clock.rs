//! The simulators' own clock: the one place of this crate where time enters.
//!
//! The real services stamp what they store by their own clock, and both do so in whole seconds.

use jiff::Timestamp;

/// Now, cut to whole seconds.
#[expect(clippy::disallowed_methods, reason = "a stand-in for an outside service has a clock of its own")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
