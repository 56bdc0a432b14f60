//! The port [`Queries`]. A cursor of events is the position of the last event: there is one writer, so positions grow in the order in
//! which events become visible.

mod requests;
mod run_requests;

use async_trait::async_trait;
use countersign_approvals::ActionRequest;
use countersign_audit::EventType;
use countersign_kernel::{DatabaseName, EventId, RequestId, RunId, Timestamp};
use countersign_usecases::port::{
    EventCursor, EventFilter, EventPage, Order, Queries, RequestCursor, RequestFilter, RequestPage,
    RequestStatus, RunCursor, RunFilter, RunPage, RunRequest, RunRequestPage, StateCount, Statistics,
    StoreError,
};
use countersign_usecases::record::{
    DatabaseRecord, EventRecord, LinkRecord, OutcomeRecord, OwnerRow, StatisticsRecord, StepRecord,
    VoteRecord,
};
use countersign_waitstate::{Outcome, Run};
use sqlx::{query, query_as, query_file_scalar, query_scalar};

use crate::error::store_error;
use crate::ledger::{OUTCOMES, STEPS, VOTES, read_run};
use crate::register::DATABASES;
use crate::rows::Source;
use crate::store::SqliteStore;

/// An event and its place.
struct Placed {
    position: i64,
    record: String,
}

const EVENTS: Source = Source { table: "flow_events", key: "event_id" };
const COUNTED: Source = Source { table: "mcp_action_requests", key: "request_id" };
const LINKS: Source = Source { table: "links", key: "from_id" };

#[async_trait]
impl Queries for SqliteStore {
    async fn list_requests(
        &self,
        filter: &RequestFilter,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RequestPage, StoreError> {
        requests::list(self, filter, after, limit).await
    }

    async fn find_request_status(&self, id: RequestId) -> Result<Option<RequestStatus>, StoreError> {
        let id = id.to_string();
        let row = query!("SELECT state, version FROM mcp_action_requests WHERE request_id = ?1", id)
            .fetch_optional(self.readers())
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let bad = |column: &'static str, message: String| StoreError::Corrupt {
            table: "mcp_action_requests",
            column,
            id: id.clone(),
            message,
        };
        Ok(Some(RequestStatus {
            state: row.state.parse().map_err(|_| bad("state", format!("`{}` is no state", row.state)))?,
            version: u64::try_from(row.version).map_err(|error| bad("version", error.to_string()))?,
        }))
    }

    async fn list_votes(&self, id: RequestId) -> Result<Vec<VoteRecord>, StoreError> {
        let id = id.to_string();
        let votes = query_scalar!(
            r#"SELECT json_group_array(json(record) ORDER BY voted_at, principal) AS "votes!: String"
            FROM approval_votes_json WHERE request_id = ?1"#,
            id,
        );
        VOTES.read_list(&votes.fetch_one(self.readers()).await.map_err(store_error)?)
    }

    async fn list_steps(&self, id: RequestId) -> Result<Vec<StepRecord>, StoreError> {
        let id = id.to_string();
        let steps = query_scalar!(
            r#"SELECT json_group_array(json(record) ORDER BY revision, step_number) AS "steps!: String"
            FROM action_steps_json WHERE request_id = ?1"#,
            id,
        );
        STEPS.read_list(&steps.fetch_one(self.readers()).await.map_err(store_error)?)
    }

    async fn list_newest_steps(&self, after: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError> {
        let size = i64::from(limit.clamp(1, 500));
        let steps = query_scalar!(
            r#"SELECT json_group_array(json(record) ORDER BY target) AS "steps!: String" FROM (
                SELECT step.target, document.record FROM (
                    SELECT target, request_id, revision, step_number, row_number() OVER (
                        PARTITION BY target ORDER BY intended_at DESC, request_id DESC, revision DESC) AS place
                    FROM action_steps WHERE state <> 'not_done' AND target > ?1) AS step
                JOIN action_steps_json AS document USING (request_id, revision, step_number)
                WHERE step.place = 1 ORDER BY step.target LIMIT ?2)"#,
            after,
            size,
        );
        STEPS.read_list(&steps.fetch_one(self.readers()).await.map_err(store_error)?)
    }

    async fn list_steps_on(&self, target: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError> {
        let size = i64::from(limit.clamp(1, 500));
        let steps = query_scalar!(
            r#"SELECT json_group_array(json(record) ORDER BY place) AS "steps!: String" FROM (
                SELECT document.record, step.place FROM (
                    SELECT request_id, revision, step_number, row_number() OVER (
                        ORDER BY intended_at DESC, request_id DESC, revision DESC) AS place
                    FROM action_steps WHERE state <> 'not_done' AND target = ?1) AS step
                JOIN action_steps_json AS document USING (request_id, revision, step_number)
                ORDER BY step.place LIMIT ?2)"#,
            target,
            size,
        );
        STEPS.read_list(&steps.fetch_one(self.readers()).await.map_err(store_error)?)
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let id = id.as_str();
        let row = query!(
            r#"SELECT run.record AS "run: String",
                (SELECT json_group_array(json(record) ORDER BY opened_at, request_id) FROM run_waits_json
                    WHERE run_id = ?1 AND closed_at IS NULL) AS "waits!: String"
            FROM agent_sessions_json AS run WHERE run.run_id = ?1"#,
            id,
        )
        .fetch_optional(self.readers())
        .await
        .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        read_run(row.run.as_deref(), &row.waits)?.map(TryInto::try_into).transpose()
    }

    async fn list_run_requests(
        &self,
        run: &RunId,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RunRequestPage, StoreError> {
        run_requests::list(self, run, after, limit).await
    }

    async fn count_run_requests(&self, run: &RunId) -> Result<Vec<StateCount>, StoreError> {
        run_requests::count(self, run).await
    }

    async fn list_unread(&self, run: &RunId, limit: u32) -> Result<Vec<RunRequest>, StoreError> {
        run_requests::list_unread(self, run, limit).await
    }

    async fn list_awaited(&self, run: &RunId) -> Result<Vec<(ActionRequest, Option<Outcome>)>, StoreError> {
        run_requests::list_awaited(self, run).await
    }

    async fn list_runs(
        &self,
        filter: &RunFilter,
        after: Option<&RunCursor>,
        limit: u32,
    ) -> Result<RunPage, StoreError> {
        let RunFilter { statuses, project, agent_key } = filter;
        let statuses =
            serde_json::json!(statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>()).to_string();
        let project = project.as_ref().map(|name| name.as_str());
        let agent_key = agent_key.as_ref().map(|name| name.as_str());
        let (after_at, after_id) = match after {
            Some(RunCursor { registered_at, id }) => (Some(registered_at.to_string()), id.as_str()),
            None => (None, ""),
        };
        let limit = limit.clamp(1, 500);
        let one_more = limit + 1;
        let rows = query!(
            r#"SELECT json.record AS "run!: String",
                (SELECT json_group_array(json(wait.record) ORDER BY wait.opened_at, wait.request_id)
                    FROM run_waits_json AS wait WHERE wait.run_id = run.run_id AND wait.closed_at IS NULL) AS "waits!: String"
            FROM agent_sessions AS run JOIN agent_sessions_json AS json ON json.run_id = run.run_id
            WHERE (?1 = '[]' OR run.status IN (SELECT value FROM json_each(?1)))
                AND (?2 IS NULL OR run.project = ?2) AND (?3 IS NULL OR run.agent_key = ?3)
                AND (?4 IS NULL OR (run.registered_at, run.run_id) < (?4, ?5))
            ORDER BY run.registered_at DESC, run.run_id DESC LIMIT ?6"#,
            statuses,
            project,
            agent_key,
            after_at,
            after_id,
            one_more,
        )
        .fetch_all(self.readers())
        .await
        .map_err(store_error)?;
        let whole = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > whole;
        let bundles = rows.iter().take(whole).map(|row| read_run(Some(&row.run), &row.waits));
        let runs = bundles
            .filter_map(|run| run.and_then(|run| run.map(TryInto::try_into).transpose()).transpose())
            .collect::<Result<Vec<Run>, StoreError>>()?;
        let last = runs.last().filter(|_| more);
        let next = last.map(|run| RunCursor { registered_at: run.registered_at, id: run.facts.id.clone() });
        Ok(RunPage { runs, next })
    }

    async fn list_open_runs(&self, after: Option<RunId>, limit: u32) -> Result<Vec<Run>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let limit = limit.clamp(1, 500);
        let rows = query!(
            r#"SELECT run.record AS "run!: String",
                (SELECT json_group_array(json(wait.record) ORDER BY wait.opened_at, wait.request_id)
                    FROM run_waits_json AS wait WHERE wait.run_id = run.run_id AND wait.closed_at IS NULL) AS "waits!: String"
            FROM agent_sessions_json AS run
            WHERE run.status <> 'finished' AND (run.registered_at, run.run_id)
                > (coalesce((SELECT registered_at FROM agent_sessions WHERE run_id = ?1), ''), ?1)
            ORDER BY run.registered_at, run.run_id LIMIT ?2"#,
            after,
            limit,
        )
        .fetch_all(self.readers())
        .await
        .map_err(store_error)?;
        let bundles = rows.iter().map(|row| read_run(Some(&row.run), &row.waits));
        bundles
            .filter_map(|run| run.and_then(|run| run.map(TryInto::try_into).transpose()).transpose())
            .collect()
    }

    async fn find_outcome(&self, run: &RunId, request: RequestId) -> Result<Option<Outcome>, StoreError> {
        let (run, request) = (run.as_str(), request.to_string());
        let found = query_scalar!(
            r#"SELECT record AS "record!: String" FROM run_outcomes_json WHERE run_id = ?1 AND request_id = ?2"#,
            run,
            request,
        );
        let found = found.fetch_optional(self.readers()).await.map_err(store_error)?;
        found.map(|text| OUTCOMES.read::<OutcomeRecord>(&text)?.try_into()).transpose()
    }

    async fn list_events(
        &self,
        filter: &EventFilter,
        after: Option<&EventCursor>,
        limit: u32,
    ) -> Result<EventPage, StoreError> {
        let EventFilter { run, request, project, type_prefix, order } = filter;
        let begin = after.map(read_cursor).transpose()?.unwrap_or(match order {
            Order::OldestFirst => 0,
            Order::NewestFirst => i64::MAX,
        });
        let (run, project) = (run.as_ref().map(|id| id.as_str()), project.as_ref().map(|name| name.as_str()));
        let (request, type_prefix) = (request.map(|id| id.to_string()), type_prefix.as_deref());
        let limit = limit.clamp(1, 1000);
        macro_rules! rows {
            ($beyond:tt, $direction:tt) => {
                query_as!(
                    Placed,
                    r#"SELECT position AS "position!: i64", record AS "record!: String" FROM flow_events_json
                    WHERE position "#
                        + $beyond
                        + r#" ?1 AND (?2 IS NULL OR run_id = ?2)
                        AND (?3 IS NULL OR request_id = ?3) AND (?4 IS NULL OR project = ?4)
                        AND (?5 IS NULL OR substr(event_type, 1, length(?5)) = ?5)
                    ORDER BY position "#
                        + $direction
                        + " LIMIT ?6",
                    begin,
                    run,
                    request,
                    project,
                    type_prefix,
                    limit,
                )
                .fetch_all(self.readers())
                .await
            };
        }
        let rows = match order {
            Order::OldestFirst => rows!(">", "ASC"),
            Order::NewestFirst => rows!("<", "DESC"),
        };
        let rows = rows.map_err(store_error)?;
        let last = rows.last().map(|row| EventCursor(row.position.to_string()));
        let events: Vec<EventRecord> =
            rows.iter().map(|row| EVENTS.read(&row.record)).collect::<Result<_, _>>()?;
        Ok(EventPage { events, next: last.or_else(|| after.cloned()) })
    }

    async fn find_event(&self, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        let id = id.to_string();
        let found = query_scalar!(
            r#"SELECT record AS "record!: String" FROM flow_events_json WHERE event_id = ?1"#,
            id
        );
        let found = found.fetch_optional(self.readers()).await.map_err(store_error)?;
        found.map(|record| EVENTS.read(&record)).transpose()
    }

    async fn find_newest_event(
        &self,
        request: RequestId,
        event_type: EventType,
    ) -> Result<Option<EventRecord>, StoreError> {
        let (id, event_type) = (request.to_string(), event_type.as_str());
        let newest = query_scalar!(
            r#"SELECT record AS "record!: String" FROM flow_events_json
            WHERE request_id = ?1 AND event_type = ?2 ORDER BY position DESC LIMIT 1"#,
            id,
            event_type,
        );
        let newest = newest.fetch_optional(self.readers()).await.map_err(store_error)?;
        newest.map(|record| EVENTS.read(&record)).transpose()
    }

    async fn newest_event(&self) -> Result<EventCursor, StoreError> {
        let newest = query_scalar!(r#"SELECT coalesce(max(position), 0) AS "newest!: i64" FROM flow_events"#);
        Ok(EventCursor(newest.fetch_one(self.readers()).await.map_err(store_error)?.to_string()))
    }

    async fn list_links(
        &self,
        kind: &str,
        ids: &[String],
        limit: u32,
    ) -> Result<Vec<LinkRecord>, StoreError> {
        let ids = serde_json::Value::from(ids).to_string();
        let links = query_scalar!(
            r#"SELECT json_group_array(json(record) ORDER BY from_kind, from_id, to_kind, to_id) AS "links!: String" FROM (
                SELECT * FROM links_json WHERE (from_kind = ?1 AND from_id IN (SELECT value FROM json_each(?2)))
                    OR (to_kind = ?1 AND to_id IN (SELECT value FROM json_each(?2)))
                ORDER BY from_kind, from_id, to_kind, to_id LIMIT ?3)"#,
            kind,
            ids,
            limit,
        );
        LINKS.read_list(&links.fetch_one(self.readers()).await.map_err(store_error)?)
    }

    async fn list_kept_databases(
        &self,
        after: Option<(&str, &DatabaseName)>,
        limit: u32,
    ) -> Result<Vec<OwnerRow>, StoreError> {
        let (server, name) = after.map_or(("", ""), |(server, name)| (server, name.as_str()));
        let limit = limit.clamp(1, 500);
        let rows = query_scalar!(
            r#"SELECT record AS "record!: String" FROM project_databases_json
            WHERE state IN ('quarantined', 'restoring', 'purging') AND (server, database_name) > (?1, ?2)
            ORDER BY server, database_name LIMIT ?3"#,
            server,
            name,
            limit,
        );
        let rows = rows.fetch_all(self.readers()).await.map_err(store_error)?;
        rows.iter().map(|text| DATABASES.read::<DatabaseRecord>(text)?.try_into()).collect()
    }

    async fn statistics(&self, since: Timestamp) -> Result<Statistics, StoreError> {
        let since = since.to_string();
        let document = query_file_scalar!("src/queries/statistics.sql", since);
        let document = document.fetch_one(self.readers()).await.map_err(store_error)?;
        COUNTED.read::<StatisticsRecord>(&document)?.try_into()
    }

    async fn ping(&self) -> Result<Timestamp, StoreError> {
        let answer = query_scalar!(r#"SELECT count(*) AS "count!: i64" FROM work_fence"#);
        answer.fetch_one(self.readers()).await.map_err(store_error)?;
        Ok(self.now())
    }

    async fn audit_backlog(&self) -> Result<Option<u64>, StoreError> {
        let oldest = query!(
            r#"SELECT event_id, event.at AS "at!: String" FROM audit_inbox JOIN flow_events AS event USING (event_id)
            ORDER BY audit_inbox.position LIMIT 1"#
        );
        let Some(row) = oldest.fetch_optional(self.readers()).await.map_err(store_error)? else {
            return Ok(None);
        };
        Ok(Some(self.now().since(read_time(EVENTS.table, "at", &row.event_id, &row.at)?).0))
    }
}

fn read_time(
    table: &'static str,
    column: &'static str,
    id: &str,
    text: &str,
) -> Result<Timestamp, StoreError> {
    text.parse().map_err(|error: countersign_kernel::time::ParseTimestampError| StoreError::Corrupt {
        table,
        column,
        id: id.to_owned(),
        message: error.to_string(),
    })
}

fn read_cursor(cursor: &EventCursor) -> Result<i64, StoreError> {
    let position = cursor.0.parse::<i64>().ok().filter(|position| *position >= 0);
    position.ok_or_else(|| StoreError::ForeignCursor { cursor: cursor.0.clone() })
}
