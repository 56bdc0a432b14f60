//! Counting refusals, so that an agent that keeps asking for what policy forbids can't flood the log.

use countersign_kernel::{Millis, Timestamp};

/// How long one window lasts.
pub const WINDOW: Millis = Millis::from_secs(60);

/// How many refusals of one run get an event of their own within a window.
pub const RECORDED_PER_WINDOW: u32 = 10;

/// Refusals of one run lately.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RefusalWindow {
    /// When the window was opened; none before the first refusal.
    pub opened_at: Option<Timestamp>,
    /// Refusals recorded in it.
    pub recorded: u32,
    /// Refusals counted since the last recorded event, and not recorded themselves.
    pub suppressed: u32,
}

/// What becomes of one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It gets its own event, which also tells how many before it did not.
    Record {
        /// Refusals counted and not recorded since the last event.
        suppressed_before: u32,
    },
    /// It is counted only.
    CountOnly,
}

impl RefusalWindow {
    /// Counts one more.
    pub fn count(&self, now: Timestamp) -> (Self, Refused) {
        let open = self.opened_at.filter(|opened| now < opened.plus(WINDOW));
        match open {
            None => {
                let window = Self { opened_at: Some(now), recorded: 1, suppressed: 0 };
                (window, Refused::Record { suppressed_before: self.suppressed })
            }
            Some(_) if self.recorded < RECORDED_PER_WINDOW => {
                let window = Self { recorded: self.recorded + 1, suppressed: 0, ..self.clone() };
                (window, Refused::Record { suppressed_before: self.suppressed })
            }
            Some(_) => {
                let window = Self { suppressed: self.suppressed.saturating_add(1), ..self.clone() };
                (window, Refused::CountOnly)
            }
        }
    }
}
