//! How a request ended, or why it is in doubt, in the few words that every surface shows.

use countersign_kernel::Timestamp;

use crate::ballot::Answer;
use crate::state::{ExpiredPhase, Settled, State};

/// The end of a request, or its doubt: when, by whom, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Since when.
    pub at: Timestamp,
    /// Who brought it about, in words.
    pub by: String,
    /// Why, or what was answered. As people wrote it: redacted, not yet made visible.
    pub reason: Option<String>,
    /// The stable code, where there is one.
    pub code: Option<String>,
}

impl State {
    /// How it ended or why it is in doubt; `None` while there is nothing to say.
    pub fn resolution(&self) -> Option<Resolution> {
        match self {
            Self::Requested { .. } | Self::Approved { .. } | Self::Applying { .. } => None,
            Self::Unknown { since, code, reason } => Some(Resolution {
                at: *since,
                by: "the executor".to_owned(),
                reason: Some(reason.to_string()),
                code: Some(code.clone()),
            }),
            Self::Settled(settled) => {
                let (reason, code) = words_of(settled);
                Some(Resolution { at: settled.at(), by: settled.by(), reason, code: code.map(str::to_owned) })
            }
        }
    }
}

fn words_of(settled: &Settled) -> (Option<String>, Option<&str>) {
    match settled {
        Settled::Applied { .. } => (None, None),
        Settled::Answered { answer, .. } => match answer {
            Answer::Option { text, .. } | Answer::Custom { text, .. } => (Some(text.to_string()), None),
        },
        Settled::Denied { reason, .. } | Settled::Cancelled { reason, .. } => {
            (reason.as_ref().map(ToString::to_string), None)
        }
        Settled::Expired { phase, .. } => match phase {
            ExpiredPhase::Undecided => (None, Some("undecided")),
            ExpiredPhase::Unexecuted => (None, Some("unexecuted")),
        },
        Settled::Failed { code, reason, .. } => (Some(reason.to_string()), Some(code)),
    }
}
