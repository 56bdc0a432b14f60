//! Counting what an agent repeats, so that one that keeps asking for what policy forbids, or for what changes nothing, can't flood the log.

use countersign_kernel::{Millis, Timestamp};

/// How long one window lasts.
pub const WINDOW: Millis = Millis::from_secs(60);

/// How many calls of one kind and run get an event of their own within a window.
pub const RECORDED_PER_WINDOW: u32 = 10;

/// Calls of one kind by one run, lately. Each kind has a window of its own: harmless calls must not hide refused ones.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CallWindow {
    /// When the window was opened; none before the first call.
    pub opened_at: Option<Timestamp>,
    /// Calls recorded in it.
    pub recorded: u32,
    /// Calls counted since the last recorded event, and not recorded themselves.
    pub suppressed: u32,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It gets its own event, which also tells how many before it did not.
    Record {
        /// Calls counted and not recorded since the last event.
        suppressed_before: u32,
    },
    /// It is counted only.
    CountOnly,
}

impl CallWindow {
    /// Counts one more.
    pub fn count(&self, now: Timestamp) -> (Self, Counted) {
        let open = self.opened_at.filter(|opened| now < opened.plus(WINDOW));
        match open {
            None => {
                let window = Self { opened_at: Some(now), recorded: 1, suppressed: 0 };
                (window, Counted::Record { suppressed_before: self.suppressed })
            }
            Some(_) if self.recorded < RECORDED_PER_WINDOW => {
                let window = Self { recorded: self.recorded + 1, suppressed: 0, ..self.clone() };
                (window, Counted::Record { suppressed_before: self.suppressed })
            }
            Some(_) => {
                let window = Self { suppressed: self.suppressed.saturating_add(1), ..self.clone() };
                (window, Counted::CountOnly)
            }
        }
    }
}
