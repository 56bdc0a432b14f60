//! What happened lately to a run or a request, as its page tells it.

use countersign_usecases::port::{EventFilter, Order, Queries, StoreError};
use countersign_usecases::record::EventRecord;

/// How many events a page tells of.
const MOST: u32 = 100;

/// The latest events.
pub(super) struct Latest {
    /// In the order in which they happened.
    pub(super) events: Vec<EventRecord>,
    /// Whether something happened before.
    pub(super) cut: bool,
}

impl Latest {
    /// Those that the filter lets pass; its order is not looked at.
    pub(super) async fn read(queries: &dyn Queries, filter: EventFilter) -> Result<Self, StoreError> {
        let filter = EventFilter { order: Order::NewestFirst, ..filter };
        Ok(Self::of(queries.list_events(&filter, None, MOST + 1).await?.events))
    }

    /// Of these, newest first, one more than is shown.
    fn of(mut newest_first: Vec<EventRecord>) -> Self {
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        let cut = newest_first.len() > most;
        newest_first.truncate(most);
        newest_first.reverse();
        Self { events: newest_first, cut }
    }
}
