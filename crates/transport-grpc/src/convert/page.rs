//! Page tokens as fields of messages: absent, of this list, or wrong.

use countersign_usecases::paging::{self, Place};

use super::fields::Fields;

const RULE: &str = "must be a `next_page_token` of this very list and filter";

/// The token for going on after this place in the list that `scope` names.
pub(crate) fn token(scope: &str, place: &impl Place) -> String {
    paging::token(scope, place)
}

/// Where the list that `scope` names goes on; none for an empty token.
pub(crate) fn read<P: Place>(fields: &mut Fields, scope: &str, token: &str) -> Option<P> {
    if token.is_empty() {
        return None;
    }
    fields.chosen("page_token", RULE, paging::read_token(scope, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::CallId;
    use countersign_usecases::port::EventCursor;

    #[test]
    fn nothing_is_the_beginning_and_another_lists_token_is_wrong() {
        let place = EventCursor("7".to_owned());
        let written = token("events of shop", &place);
        let mut fields = Fields::new();
        assert_eq!(read(&mut fields, "events of shop", &written), Some(place));
        assert_eq!(read::<EventCursor>(&mut fields, "events of shop", ""), None);
        assert!(fields.finish(Some(()), &CallId("c".into())).is_ok());
        let mut fields = Fields::new();
        assert_eq!(read::<EventCursor>(&mut fields, "events of another", &written), None);
        assert!(fields.finish(Some(()), &CallId("c".into())).is_err());
    }
}
