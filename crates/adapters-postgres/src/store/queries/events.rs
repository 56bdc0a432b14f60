//! Events, in the order in which they become visible.
//!
//! Transactions commit in another order than they write. A reader that pages by a counter would pass by the event of a transaction which
//! took its number early and commits late. So pages end below the oldest transaction that is still running (the database's function
//! `countersign_event_horizon`): of what is below it nothing can appear any more. A cursor is the writing transaction and the place in it.

use countersign_audit::EventType;
use countersign_kernel::{EventId, RequestId};
use countersign_usecases::port::{EventCursor, EventFilter, EventPage, Order, StoreError};
use countersign_usecases::record::EventRecord;
use serde::Deserialize;
use sqlx::PgPool;

use super::page_size;
use crate::error::{read, store_error};

/// How often a reader looks again because a transaction that held events back is over. Such a look finds others that are; a reader that
/// gets less than there is comes back anyway.
const LOOKS: u32 = 10;

#[derive(Deserialize)]
struct Page {
    events: Vec<Listed>,
    passing: bool,
}

#[derive(Deserialize)]
struct Listed {
    xid: String,
    position: i64,
    event: EventRecord,
}

#[derive(Deserialize)]
struct Newest {
    cursor: Option<String>,
    passing: bool,
}

/// A transaction, by its 64-bit id, and a place in it.
struct Place {
    xid: u64,
    position: i64,
}

const BEGINNING: Place = Place { xid: 0, position: 0 };

pub(super) async fn list(
    pool: &PgPool,
    filter: &EventFilter,
    after: Option<&EventCursor>,
    limit: u32,
) -> Result<EventPage, StoreError> {
    let begin = after.map(Place::parse).transpose()?;
    let listed = match filter.order {
        Order::OldestFirst => list_on(pool, filter, &begin.unwrap_or(BEGINNING), limit).await?,
        Order::NewestFirst => {
            let begin = match begin {
                Some(begin) => begin,
                None => Place::parse(&newest(pool).await?)?.next(),
            };
            list_back(pool, filter, &begin, limit).await?
        }
    };
    let last = listed.last().map(|last| EventCursor(format!("{}:{}", last.xid, last.position)));
    let next = last.or_else(|| after.cloned());
    Ok(EventPage { events: listed.into_iter().map(|listed| listed.event).collect(), next })
}

async fn list_on(
    pool: &PgPool,
    filter: &EventFilter,
    begin: &Place,
    limit: u32,
) -> Result<Vec<Listed>, StoreError> {
    let mut page = look(pool, filter, begin, limit).await?;
    for _ in 1..LOOKS {
        if !page.passing {
            break;
        }
        page = look(pool, filter, begin, limit).await?;
    }
    Ok(page.events)
}

/// Before a place that readers are shown, nothing can appear any more.
async fn list_back(
    pool: &PgPool,
    filter: &EventFilter,
    begin: &Place,
    limit: u32,
) -> Result<Vec<Listed>, StoreError> {
    let EventFilter { run, request, project, type_prefix, order: _ } = filter;
    let document = sqlx::query_file_scalar!(
        "src/store/queries/list_events_back.sql",
        begin.xid.to_string(),
        begin.position,
        run.as_ref().map(|run| run.as_str()),
        request.map(|request| request.to_string()),
        project.as_ref().map(|project| project.as_str()),
        type_prefix.as_deref(),
        page_size(limit, 1000)
    )
    .fetch_one(pool)
    .await;
    read(&document.map_err(store_error)?, "flow_events", "of a page")
}

async fn look(pool: &PgPool, filter: &EventFilter, begin: &Place, limit: u32) -> Result<Page, StoreError> {
    let EventFilter { run, request, project, type_prefix, order: _ } = filter;
    let xid = begin.xid.to_string();
    let run = run.as_ref().map(|run| run.as_str());
    let request = request.map(|request| request.to_string());
    let project = project.as_ref().map(|project| project.as_str());
    let size = page_size(limit, 1000);
    let document = if let Some(prefix) = type_prefix {
        sqlx::query_file_scalar!(
            "src/store/queries/list_events_of_types.sql",
            xid,
            begin.position,
            run,
            request.as_deref(),
            project,
            prefix,
            size
        )
        .fetch_one(pool)
        .await
    } else {
        sqlx::query_file_scalar!(
            "src/store/queries/list_events.sql",
            xid,
            begin.position,
            run,
            request.as_deref(),
            project,
            size
        )
        .fetch_one(pool)
        .await
    };
    read(&document.map_err(store_error)?, "flow_events", "of a page")
}

pub(super) async fn find(pool: &PgPool, id: EventId) -> Result<Option<EventRecord>, StoreError> {
    let id = id.to_string();
    let document = sqlx::query_scalar!(
        r#"SELECT (to_jsonb(e)
                || jsonb_build_object('salt', COALESCE(e.salt, ''), 'actor_id', COALESCE(e.actor_id, '')))::text AS "event!"
           FROM flow_events AS e WHERE e.event_id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?;
    document.map(|document| read(&document, "flow_events", &id)).transpose()
}

/// The newest event of this type about a request. One request's events are written one after the other, for each changes its version: so
/// the place in `flow_events` is their order, and nothing has to be waited for.
pub(super) async fn find_newest(
    pool: &PgPool,
    request: RequestId,
    event_type: EventType,
) -> Result<Option<EventRecord>, StoreError> {
    let id = request.to_string();
    let document = sqlx::query_scalar!(
        r#"SELECT (to_jsonb(e)
                || jsonb_build_object('salt', COALESCE(e.salt, ''), 'actor_id', COALESCE(e.actor_id, '')))::text AS "event!"
           FROM flow_events AS e WHERE e.request_id = $1 AND e.event_type = $2 ORDER BY e.position DESC LIMIT 1"#,
        id,
        event_type.as_str()
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?;
    document.map(|document| read(&document, "flow_events", &id)).transpose()
}

pub(super) async fn newest(pool: &PgPool) -> Result<EventCursor, StoreError> {
    let mut newest = look_at_newest(pool).await?;
    for _ in 1..LOOKS {
        if !newest.passing {
            break;
        }
        newest = look_at_newest(pool).await?;
    }
    Ok(EventCursor(newest.cursor.unwrap_or_else(|| format!("{}:{}", BEGINNING.xid, BEGINNING.position))))
}

async fn look_at_newest(pool: &PgPool) -> Result<Newest, StoreError> {
    let document = sqlx::query_file_scalar!("src/store/queries/newest_event.sql")
        .fetch_one(pool)
        .await
        .map_err(store_error)?;
    read(&document, "flow_events", "the newest")
}

impl Place {
    /// The place after it.
    const fn next(self) -> Self {
        Self { xid: self.xid, position: self.position.saturating_add(1) }
    }

    fn parse(cursor: &EventCursor) -> Result<Self, StoreError> {
        let parse = |text: &str| {
            let (xid, position) = text.split_once(':')?;
            Some(Self { xid: xid.parse().ok()?, position: position.parse().ok()? })
        };
        parse(&cursor.0).ok_or_else(|| StoreError::ForeignCursor { cursor: cursor.0.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cursors_of_this_store_are_read() {
        let place = Place::parse(&EventCursor("18446744073709551615:7".to_owned())).unwrap();
        assert_eq!((place.xid, place.position), (u64::MAX, 7));
        for text in ["", "7", "7:", ":7", "a:7", "-1:7", "7:7:7"] {
            assert!(Place::parse(&EventCursor(text.to_owned())).is_err(), "{text}");
        }
    }
}
