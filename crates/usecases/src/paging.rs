//! Page tokens: where a list goes on. A token belongs to one list with one filter; another's is refused, not misread.
//!
//! A list's `scope` is a text that names it and its filter. Tokens are opaque to callers and hold nothing they haven't seen.
//!
//! A [`token`] can be put together by whoever knows how, so it is for lists that its caller may read from any place. Where they may go on
//! only from a place they were given, it is a [`sealed_token`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_kernel::{DatabaseName, Digest, RequestId, RunId, Timestamp};

use crate::error::ServiceError;
use crate::port::{EventCursor, RequestCursor, RunCursor};
use crate::services::Services;

/// A place in a list, as a token writes it down.
pub trait Place: Sized {
    /// The place as text.
    fn write(&self) -> String;

    /// The place that a text means.
    fn read(text: &str) -> Option<Self>;
}

/// The token for going on after this place in the list that `scope` names.
pub fn token(scope: &str, place: &impl Place) -> String {
    let place = place.write();
    format!("{}.{place}", check(scope, &place))
}

/// Where the list that `scope` names goes on; `None` when the token is not one of this list.
pub fn read_token<P: Place>(scope: &str, token: &str) -> Option<P> {
    let (sum, place) = token.split_once('.')?;
    if check(scope, place) == sum { P::read(place) } else { None }
}

/// Not a secret: it keeps tokens from being mixed up, not from being made.
fn check(scope: &str, place: &str) -> String {
    Digest::of_bytes(format!("page token\n{scope}\n{place}").as_bytes()).short()
}

/// The same for a list that its caller may read from places they were given only: nobody else can make one. Every server with the same
/// master keys reads it.
///
/// # Errors
/// There is no key to seal with.
pub fn sealed_token(services: &Services, scope: &str, place: &impl Place) -> Result<String, ServiceError> {
    let (entropy, place) = (&*services.ports.entropy, place.write());
    let note = services.sealer.seal_note(entropy, place.as_bytes(), &purpose(scope))?;
    // Whatever a master key is called: no character of a token is one that an address or a header would need escaped.
    Ok(URL_SAFE_NO_PAD.encode(note))
}

/// Where the list that `scope` names goes on; `None` when the token was not given out for this list.
pub fn read_sealed_token<P: Place>(services: &Services, scope: &str, token: &str) -> Option<P> {
    let note = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let place = services.sealer.open_note(&note, &purpose(scope))?;
    P::read(std::str::from_utf8(&place).ok()?)
}

fn purpose(scope: &str) -> String {
    format!("page token/v1/{scope}")
}

impl Place for RequestCursor {
    fn write(&self) -> String {
        format!("{}.{}", self.requested_at.unix_micros(), self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self { requested_at: read_time(at)?, id: id.parse::<RequestId>().ok()? })
    }
}

impl Place for EventCursor {
    fn write(&self) -> String {
        self.0.clone()
    }

    fn read(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

impl Place for RunCursor {
    fn write(&self) -> String {
        format!("{}.{}", self.registered_at.unix_micros(), self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self { registered_at: read_time(at)?, id: id.parse::<RunId>().ok()? })
    }
}

/// A time that every store can hold: one after 1970 that has a text.
fn read_time(micros: &str) -> Option<Timestamp> {
    let time = Timestamp::from_unix_micros(i64::try_from(micros.parse::<u64>().ok()?).ok()?);
    time.to_string().parse().ok()
}

/// The server and the name of a kept database.
impl Place for (String, DatabaseName) {
    fn write(&self) -> String {
        format!("{}.{}", self.1, self.0)
    }

    fn read(text: &str) -> Option<Self> {
        // A database's name has no dot; a server's may.
        let (name, server) = text.split_once('.')?;
        Some((server.to_owned(), name.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> RequestCursor {
        RequestCursor {
            requested_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
            id: RequestId::from_parts(Timestamp::from_unix_micros(0), [3; 10]),
        }
    }

    #[test]
    fn a_token_leads_back_to_its_place_in_its_list_only() {
        let written = token("requests of shop", &cursor());
        assert_eq!(read_token("requests of shop", &written), Some(cursor()));
        for bad in ["", "x", "a.b", &written[1..], &format!("{written}0")] {
            assert_eq!(read_token::<RequestCursor>("requests of shop", bad), None, "{bad}");
        }
        assert_eq!(read_token::<RequestCursor>("requests of another", &written), None);
    }

    #[test]
    fn times_that_no_store_can_hold_are_refused() {
        struct Made(String);
        impl Place for Made {
            fn write(&self) -> String {
                self.0.clone()
            }

            fn read(text: &str) -> Option<Self> {
                Some(Self(text.to_owned()))
            }
        }
        let id = cursor().id;
        for (micros, good) in [(i64::MAX, false), (-1, false), (i64::MIN, false), (0, true)] {
            let request = read_token::<RequestCursor>("s", &token("s", &Made(format!("{micros}.{id}"))));
            let run = read_token::<RunCursor>("s", &token("s", &Made(format!("{micros}.run-1"))));
            assert_eq!((request.is_some(), run.is_some()), (good, good), "{micros}");
        }
    }

    #[test]
    fn every_place_comes_back_as_it_was() {
        let database = ("db.internal".to_owned(), DatabaseName::parse("orders").unwrap());
        assert_eq!(read_token("s", &token("s", &database)), Some(database));
        let event = EventCursor("7.12".to_owned());
        assert_eq!(read_token("s", &token("s", &event)), Some(event));
        let run =
            RunCursor { registered_at: Timestamp::from_unix_micros(5), id: RunId::parse("run-1.2").unwrap() };
        assert_eq!(read_token("s", &token("s", &run)), Some(run));
    }
}
