//! Finding requests by words without ever looking for long.
//!
//! Three kinds of searches are quick: what common words find is soon a page, when the list is read in its order; what rare words find, the
//! index of words has at once; and a short list is soon read. So the next of the list are looked through first, and only when they neither
//! fill the page nor end the list, the index is asked, and not for long. What lies between, words that are common each by itself and rare in
//! what is asked for, would take seconds either way: then the page holds what was found in the part that was looked through, and the cursor
//! leads on from there.

use countersign_kernel::Millis;
use countersign_usecases::port::{RequestCursor, RequestPage, StoreError};
use countersign_usecases::record::Stamp;
use countersign_usecases::search::Search;
use serde::Deserialize;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryScalar;
use sqlx::{PgPool, query_scalar};

use super::requests::{Listed, TABLE, Wanted, cut, page};
use crate::error::{is_cancelled, read, store_error};
use crate::store::SearchBounds;

const IN_ORDER: &str = include_str!("search_listed_requests.sql");
const BY_WORDS: &str = include_str!("search_requests.sql");

/// What was found in a part of the list.
#[derive(Deserialize)]
struct Looked {
    looked_at: i64,
    last: Option<Last>,
    found: Vec<Listed>,
}

#[derive(Deserialize)]
struct Last {
    requested_at: Stamp,
    request_id: String,
}

impl Last {
    fn cursor(&self) -> Result<RequestCursor, StoreError> {
        let id = self.request_id.parse().map_err(|_| StoreError::Corrupt {
            table: TABLE,
            column: "request_id",
            id: self.request_id.clone(),
            message: "is no id of a request".to_owned(),
        })?;
        Ok(RequestCursor { requested_at: self.requested_at.0, id })
    }
}

/// Finds within bounds.
pub(super) struct Finder<'s> {
    pub(super) pool: &'s PgPool,
    pub(super) bounds: SearchBounds,
}

impl Finder<'_> {
    /// A page of what the words find among what is wanted.
    pub(super) async fn find(
        &self,
        wanted: &Wanted<'_>,
        search: &Search,
        size: i64,
    ) -> Result<RequestPage, StoreError> {
        let looked = self.look_in_order(wanted, search, size + 1).await?;
        let full = i64::try_from(looked.found.len()).unwrap_or(i64::MAX) > size;
        let last = looked.last.filter(|_| !full && looked.looked_at >= i64::from(self.bounds.looked_through));
        let Some(last) = last else { return cut(looked.found, size) };
        if let Some(documents) = self.look_up(wanted, search, size + 1).await? {
            return page(&documents, size);
        }
        let found = cut(looked.found, size)?;
        Ok(RequestPage { next: Some(last.cursor()?), ..found })
    }

    async fn look_in_order(
        &self,
        wanted: &Wanted<'_>,
        search: &Search,
        limit: i64,
    ) -> Result<Looked, StoreError> {
        let looked_through = i64::from(self.bounds.looked_through);
        let statement = bound(IN_ORDER, wanted, search, limit).bind(looked_through).bind(&wanted.deciders);
        read(&statement.fetch_one(self.pool).await.map_err(store_error)?, TABLE, "of a search")
    }

    /// Everything the words find; nothing when that takes too long.
    async fn look_up(
        &self,
        wanted: &Wanted<'_>,
        search: &Search,
        limit: i64,
    ) -> Result<Option<Vec<String>>, StoreError> {
        // PostgreSQL takes a limit of zero for none.
        if self.bounds.patience == Millis(0) {
            return Ok(None);
        }
        let mut transaction = self.pool.begin().await.map_err(store_error)?;
        let patience = self.bounds.patience.0.to_string();
        sqlx::query_scalar!("SELECT set_config('statement_timeout', $1, true)", patience)
            .fetch_one(&mut *transaction)
            .await
            .map_err(store_error)?;
        match bound(BY_WORDS, wanted, search, limit).bind(&wanted.deciders).fetch_all(&mut *transaction).await
        {
            Ok(documents) => {
                transaction.commit().await.map_err(store_error)?;
                Ok(Some(documents))
            }
            Err(error) if is_cancelled(&error) => {
                transaction.rollback().await.map_err(store_error)?;
                Ok(None)
            }
            Err(error) => Err(store_error(error)),
        }
    }
}

/// The statement with what is wanted. It is planned anew each time, for these very words: what is good for a rare word is bad for a common one.
/// The macros that check a statement when it is compiled know only statements that are kept; the store's contract runs these.
fn bound<'q>(
    statement: &'static str,
    wanted: &'q Wanted<'_>,
    search: &Search,
    limit: i64,
) -> QueryScalar<'q, Postgres, String, PgArguments> {
    query_scalar(statement)
        .persistent(false)
        .bind(&wanted.states)
        .bind(wanted.project)
        .bind(wanted.environment)
        .bind(wanted.tool)
        .bind(wanted.run)
        .bind(&wanted.after_at)
        .bind(&wanted.after_id)
        .bind(limit)
        .bind(wanted.newest_first)
        .bind(words_of(search))
}

/// All words, each as the beginning of one. They are letters and digits, nothing that a query would read as a sign of its own.
fn words_of(search: &Search) -> String {
    search.words().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ")
}
