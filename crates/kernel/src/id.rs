//! Typed ids. Ids that Countersign makes are version 7 UUIDs (RFC 9562), built from the snapshot's time and bytes drawn elsewhere; a
//! run's id is given by the platform that launched it.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::name::ParseNameError;
use crate::time::Timestamp;

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what} id (a UUID)")]
pub struct ParseIdError {
    what: &'static str,
    text: String,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A version 7 UUID of this time and these random bytes.
            pub fn from_parts(at: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(at.unix_millis(), &random).into_uuid())
            }

            /// The id as a UUID.
            pub fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Only the hyphenated form: one thing has one spelling in URLs, logs and digests.
                match Uuid::try_parse(text) {
                    Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
                    _ => Err(ParseIdError { what: $what, text: text.chars().take(64).collect() }),
                }
            }
        }
    };
}

uuid_id!(
    /// Names one action request, through all its revisions.
    RequestId, "a request"
);
uuid_id!(
    /// Connects everything said about one action request, in events and towards outside adapters.
    CorrelationId, "a correlation"
);
uuid_id!(
    /// Names one audited fact.
    EventId, "an event"
);
uuid_id!(
    /// Names one commit, so that it can be looked up after a connection was lost while it was written.
    CommitId, "a commit"
);
uuid_id!(
    /// Names one delivery of a request to an outside adapter.
    DeliveryId, "a delivery"
);
uuid_id!(
    /// Names one worker of one server process, as the holder of leases.
    WorkerId, "a worker"
);
uuid_id!(
    /// Names one session of a person who has signed in. Not a secret: it stands in logs.
    SessionId, "a session"
);

/// Names one execution of an agent. The platform that launches the run chooses it: 1 to 128 of `A-Z a-z 0-9 . _ : -`, beginning with a
/// letter or digit, so that a UUID, a CI job's number or a ULID all fit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// Checks and takes the platform's id.
    ///
    /// # Errors
    /// The text doesn't have the form above.
    pub fn parse(text: &str) -> Result<Self, ParseNameError> {
        let well_formed = text.len() <= 128
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseNameError::new("a run id", "1 to 128 of `A-Z a-z 0-9 . _ : -`", text))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RunId {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_time_and_sort_by_it() {
        let early = RequestId::from_parts(Timestamp::from_unix_micros(1_700_000_000_000_000), [0xff; 10]);
        let late = RequestId::from_parts(Timestamp::from_unix_micros(1_700_000_000_001_000), [0; 10]);
        assert!(early < late);
        assert_eq!(early.as_uuid().get_version_num(), 7);
        assert_eq!(early.to_string().parse::<RequestId>().unwrap(), early);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = EventId::from_parts(Timestamp::from_unix_micros(0), [7; 10]);
        let simple = id.as_uuid().simple().to_string();
        assert!(simple.parse::<EventId>().is_err());
        assert!("".parse::<EventId>().is_err());
    }

    #[test]
    fn run_ids_are_patterned() {
        for good in ["r", "run-1", "01J9.x_y:z", "7f0c9a3e-0000-4000-8000-000000000000"] {
            assert!(RunId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a b", "a/b", "\u{430}", &"x".repeat(129)] {
            assert!(RunId::parse(bad).is_err(), "{bad}");
        }
    }
}
