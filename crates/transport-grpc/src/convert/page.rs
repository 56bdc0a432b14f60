//! Page tokens: where a list goes on. A token belongs to one list with one filter; another's is refused, not misread.

use countersign_kernel::{DatabaseName, Digest, RequestId, Timestamp};
use countersign_usecases::port::{EventCursor, RequestCursor};

use super::fields::Fields;

const RULE: &str = "must be a `next_page_token` of this very list and filter";

/// The token for going on after this request in the list that `scope` names.
pub(crate) fn request_token(scope: &str, cursor: RequestCursor) -> String {
    seal(scope, &format!("{}.{}", cursor.requested_at.unix_micros(), cursor.id))
}

/// Where a list of requests goes on; none for an empty token.
pub(crate) fn read_request_token(fields: &mut Fields, scope: &str, token: &str) -> Option<RequestCursor> {
    let place = open(fields, scope, token)?;
    let cursor = place.split_once('.').and_then(|(at, id)| {
        let requested_at = Timestamp::from_unix_micros(at.parse().ok()?);
        Some(RequestCursor { requested_at, id: id.parse::<RequestId>().ok()? })
    });
    fields.chosen("page_token", RULE, cursor)
}

/// The token for going on after this place in the list of events that `scope` names.
pub(crate) fn event_token(scope: &str, cursor: &EventCursor) -> String {
    seal(scope, &cursor.0)
}

/// Where a list of events goes on; none for an empty token.
pub(crate) fn read_event_token(fields: &mut Fields, scope: &str, token: &str) -> Option<EventCursor> {
    open(fields, scope, token).map(|place| EventCursor(place.to_owned()))
}

/// The token for going on after this owner row in the list of databases that `scope` names.
pub(crate) fn database_token(scope: &str, server: &str, name: &DatabaseName) -> String {
    seal(scope, &format!("{name}.{server}"))
}

/// Where a list of databases goes on, as server and name; none for an empty token.
pub(crate) fn read_database_token(
    fields: &mut Fields,
    scope: &str,
    token: &str,
) -> Option<(String, DatabaseName)> {
    let place = open(fields, scope, token)?;
    // A database's name has no dot; a server's may.
    let cursor =
        place.split_once('.').and_then(|(name, server)| Some((server.to_owned(), name.parse().ok()?)));
    fields.chosen("page_token", RULE, cursor)
}

fn seal(scope: &str, place: &str) -> String {
    format!("{}.{place}", check(scope, place))
}

fn open<'t>(fields: &mut Fields, scope: &str, token: &'t str) -> Option<&'t str> {
    if token.is_empty() {
        return None;
    }
    let place = token.split_once('.').filter(|(sum, place)| check(scope, place) == *sum);
    fields.chosen("page_token", RULE, place.map(|(_, place)| place))
}

/// Not a secret: it keeps tokens from being mixed up, not from being made.
fn check(scope: &str, place: &str) -> String {
    Digest::of_bytes(format!("page token\n{scope}\n{place}").as_bytes()).short()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::CallId;

    fn cursor() -> RequestCursor {
        RequestCursor {
            requested_at: Timestamp::from_unix_micros(1_700_000_000_000_001),
            id: RequestId::from_parts(Timestamp::from_unix_micros(0), [3; 10]),
        }
    }

    #[test]
    fn a_token_leads_back_to_its_place_in_its_list_only() {
        let token = request_token("requests of shop", cursor());
        let mut fields = Fields::new();
        assert_eq!(read_request_token(&mut fields, "requests of shop", &token), Some(cursor()));
        assert_eq!(read_request_token(&mut fields, "requests of shop", ""), None);
        assert!(fields.finish(Some(()), &CallId("c".into())).is_ok());
        for bad in ["x", "a.b", &token[1..], &format!("{token}0")] {
            let mut fields = Fields::new();
            assert_eq!(read_request_token(&mut fields, "requests of shop", bad), None, "{bad}");
            assert!(fields.finish(Some(()), &CallId("c".into())).is_err(), "{bad}");
        }
        let mut fields = Fields::new();
        assert_eq!(read_request_token(&mut fields, "requests of another", &token), None);
        assert!(fields.finish(Some(()), &CallId("c".into())).is_err());
    }
}
