//! The port [`Queries`]: lists and details for people and agents.

mod events;
mod requests;
mod run_requests;
mod runs;
mod search;

use async_trait::async_trait;
use countersign_approvals::ActionRequest;
use countersign_audit::EventType;
use countersign_kernel::{DatabaseName, EventId, RequestId, RunId, Timestamp};
use countersign_usecases::port::{
    EventCursor, EventFilter, EventPage, Queries, RequestCursor, RequestFilter, RequestPage, RequestStatus,
    RunCursor, RunFilter, RunPage, RunRequest, RunRequestPage, StateCount, Statistics, StoreError,
};
use countersign_usecases::record::{
    DatabaseRecord, EventRecord, LinkRecord, OwnerRow, StatisticsRecord, StepRecord, VoteRecord,
};
use countersign_waitstate::{Outcome, Run};

use self::requests::Wanted;
use self::search::Finder;
use super::PgStore;
use crate::error::{read, store_error};

#[async_trait]
impl Queries for PgStore {
    async fn list_requests(
        &self,
        filter: &RequestFilter,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RequestPage, StoreError> {
        let wanted = Wanted::of(filter, after);
        let size = page_size(limit, 500);
        match &filter.search {
            Some(search) => {
                Finder { pool: &self.pool, bounds: self.search }.find(&wanted, search, size).await
            }
            None => requests::list(&self.pool, wanted, size).await,
        }
    }

    async fn find_request_status(&self, id: RequestId) -> Result<Option<RequestStatus>, StoreError> {
        requests::find_status(&self.pool, id).await
    }

    async fn list_votes(&self, id: RequestId) -> Result<Vec<VoteRecord>, StoreError> {
        requests::list_votes(&self.pool, id).await
    }

    async fn list_steps(&self, id: RequestId) -> Result<Vec<StepRecord>, StoreError> {
        requests::list_steps(&self.pool, id).await
    }

    async fn list_newest_steps(&self, after: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError> {
        requests::list_newest_steps(&self.pool, after, limit).await
    }

    async fn list_steps_on(&self, target: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError> {
        requests::list_steps_on(&self.pool, target, limit).await
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        runs::find(&self.pool, id).await
    }

    async fn list_run_requests(
        &self,
        run: &RunId,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RunRequestPage, StoreError> {
        run_requests::list(&self.pool, run, after, limit).await
    }

    async fn count_run_requests(&self, run: &RunId) -> Result<Vec<StateCount>, StoreError> {
        run_requests::count(&self.pool, run).await
    }

    async fn list_unread(&self, run: &RunId, limit: u32) -> Result<Vec<RunRequest>, StoreError> {
        run_requests::list_unread(&self.pool, run, limit).await
    }

    async fn list_awaited(&self, run: &RunId) -> Result<Vec<(ActionRequest, Option<Outcome>)>, StoreError> {
        run_requests::list_awaited(&self.pool, run).await
    }

    async fn list_runs(
        &self,
        filter: &RunFilter,
        after: Option<&RunCursor>,
        limit: u32,
    ) -> Result<RunPage, StoreError> {
        runs::list(&self.pool, filter, after, limit).await
    }

    async fn list_open_runs(&self, after: Option<RunId>, limit: u32) -> Result<Vec<Run>, StoreError> {
        runs::list_open(&self.pool, after, limit).await
    }

    async fn find_outcome(&self, run: &RunId, request: RequestId) -> Result<Option<Outcome>, StoreError> {
        runs::find_outcome(&self.pool, run, request).await
    }

    async fn list_events(
        &self,
        filter: &EventFilter,
        after: Option<&EventCursor>,
        limit: u32,
    ) -> Result<EventPage, StoreError> {
        events::list(&self.pool, filter, after, limit).await
    }

    async fn find_event(&self, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        events::find(&self.pool, id).await
    }

    async fn find_newest_event(
        &self,
        request: RequestId,
        event_type: EventType,
    ) -> Result<Option<EventRecord>, StoreError> {
        events::find_newest(&self.pool, request, event_type).await
    }

    async fn newest_event(&self) -> Result<EventCursor, StoreError> {
        events::newest(&self.pool).await
    }

    async fn list_links(
        &self,
        kind: &str,
        ids: &[String],
        limit: u32,
    ) -> Result<Vec<LinkRecord>, StoreError> {
        sqlx::query_file_as!(LinkRecord, "src/store/queries/list_links.sql", kind, ids, i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)
    }

    async fn list_kept_databases(
        &self,
        after: Option<(&str, &DatabaseName)>,
        limit: u32,
    ) -> Result<Vec<OwnerRow>, StoreError> {
        let (server, name) = after.map_or(("", ""), |(server, name)| (server, name.as_str()));
        let rows = sqlx::query_scalar!(
            r#"SELECT row_to_json(d)::text AS "row!" FROM project_databases AS d
               WHERE d.state IN ('quarantined', 'restoring', 'purging') AND (d.server, d.database_name) > ($1, $2)
               ORDER BY d.server, d.database_name LIMIT $3"#,
            server,
            name,
            page_size(limit, 500)
        )
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        let owner = |row: &String| read::<DatabaseRecord>(row, "project_databases", "a kept one")?.try_into();
        rows.iter().map(owner).collect()
    }

    async fn statistics(&self, since: Timestamp) -> Result<Statistics, StoreError> {
        let since = since.to_string();
        let document = sqlx::query_file_scalar!("src/store/queries/statistics.sql", since)
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        read::<StatisticsRecord>(&document, "mcp_action_requests", "those counted")?.try_into()
    }

    async fn ping(&self) -> Result<Timestamp, StoreError> {
        let micros = sqlx::query_scalar!(
            r#"SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS "micros!""#
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(Timestamp::from_unix_micros(micros))
    }

    async fn audit_backlog(&self) -> Result<Option<u64>, StoreError> {
        let age = sqlx::query_scalar!(
            "SELECT (extract(epoch FROM clock_timestamp() - min(added_at)) * 1000)::bigint FROM audit_inbox"
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(age.map(|millis| u64::try_from(millis).unwrap_or(0)))
    }
}

/// The size of a page, at least 1 and at most as the port says.
fn page_size(limit: u32, most: u32) -> i64 {
    i64::from(limit.clamp(1, most))
}
