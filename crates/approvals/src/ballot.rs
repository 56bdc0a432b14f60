//! What people cast: votes on an action, answers to a question.

use std::str::FromStr;

use countersign_kernel::{Digest, OutsideGroup, Principal, Proof, RedactedText, Timestamp};

use crate::state::ParseWordError;
use crate::transcript::Transcript;

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

impl Choice {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

impl FromStr for Choice {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "approve" => Ok(Self::Approve),
            "deny" => Ok(Self::Deny),
            other => Err(ParseWordError::named(other)),
        }
    }
}

/// How a person gave a decision or answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputMode {
    /// A button, a command, a call.
    Button,
    /// Typed words.
    Text,
    /// Spoken words. How they became text is known where they were transcribed here, and not where whoever relays them says so.
    Voice(Option<Transcript>),
}

impl InputMode {
    /// How spoken words became text, where that is known.
    pub const fn transcript(&self) -> Option<&Transcript> {
        match self {
            Self::Voice(transcript) => transcript.as_ref(),
            Self::Button | Self::Text => None,
        }
    }

    /// The one spelling.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Text => "text",
            Self::Voice(_) => "voice",
        }
    }
}

impl FromStr for InputMode {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "button" => Ok(Self::Button),
            "text" => Ok(Self::Text),
            "voice" => Ok(Self::Voice(None)),
            other => Err(ParseWordError::named(other)),
        }
    }
}

/// A decision as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// Who decides, as the transport proved.
    pub by: Principal,
    /// How the identity was proved.
    pub proof: Proof,
    /// Yes or no.
    pub choice: Choice,
    /// The digest of the plan that was shown.
    pub seen: Digest,
    /// Why.
    pub reason: Option<RedactedText>,
    /// How it was given.
    pub input_mode: InputMode,
}

/// A decision that was counted. Unique by request, revision and principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What was cast.
    pub ballot: Ballot,
    /// The revision it was cast on.
    pub revision: u32,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// Whether the voter launched the run and could vote only as the project's sole owner.
    pub as_sole_owner: bool,
    /// The outside group by which the voter is a member of those who decide; none for one whom the policy text names.
    pub by_group: Option<OutsideGroup>,
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One of the options.
    Option {
        /// Its place, from 0.
        index: u32,
        /// Its words.
        text: RedactedText,
        /// How it was given.
        input_mode: InputMode,
    },
    /// The owner's own words.
    Custom {
        /// The words.
        text: RedactedText,
        /// How they were given.
        input_mode: InputMode,
    },
}

/// An answer as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerBallot {
    /// Who answers, as the transport proved.
    pub by: Principal,
    /// How the identity was proved.
    pub proof: Proof,
    /// The digest of the question that was shown.
    pub seen: Digest,
    /// The place of an option, from 0, or the owner's own words.
    pub reply: Reply,
    /// How it was given.
    pub input_mode: InputMode,
}

/// What was replied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The option at this place, from 0.
    Option(u32),
    /// The owner's own words.
    Custom(RedactedText),
}
