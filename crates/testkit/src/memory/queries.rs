//! The port [`Queries`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_approvals::ActionRequest;
use countersign_audit::EventType;
use countersign_kernel::{DatabaseName, EventId, GroupName, RequestId, RunId, Timestamp};
use countersign_usecases::port::{
    EventCursor, EventFilter, EventPage, Order, Queries, RequestCursor, RequestFilter, RequestPage,
    RequestStatus, RunCursor, RunFilter, RunPage, RunRequest, RunRequestPage, StateCount, Statistics,
    StoreError,
};
use countersign_usecases::record::{
    EventRecord, LinkRecord, OutcomeRecord, OwnerRow, RequestRecord, RunRecord, RunRequestRecord, Stamp,
    StateCountRecord, StepRecord, VoteRecord,
};
use countersign_usecases::search::Search;
use countersign_waitstate::{Outcome, Run};

use super::MemoryStore;
use super::statistics;
use super::tables::Tables;

#[async_trait]
impl Queries for MemoryStore {
    async fn list_requests(
        &self,
        filter: &RequestFilter,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RequestPage, StoreError> {
        let tables = self.reach()?;
        let after = after.map(|cursor| (Stamp(cursor.requested_at), cursor.id.to_string()));
        let mut found: Vec<_> = tables.requests.values().filter(|row| tables.wanted(row, filter)).collect();
        found.sort_by_key(|row| place(row));
        match filter.order {
            Order::OldestFirst => found.retain(|row| after.as_ref().is_none_or(|after| place(row) > *after)),
            Order::NewestFirst => {
                found.retain(|row| after.as_ref().is_none_or(|after| place(row) < *after));
                found.reverse();
            }
        }
        let (page, more) = cut(found, limit, 500);
        let requests = page
            .iter()
            .map(|row| Ok((tables.request(row)?, tables.last_heartbeat(&row.run_id))))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let last = requests.last().filter(|_| more);
        let next = last.map(|(request, _)| RequestCursor {
            requested_at: request.facts.requested_at,
            id: request.facts.id,
        });
        Ok(RequestPage { requests, next })
    }

    async fn find_request_status(&self, id: RequestId) -> Result<Option<RequestStatus>, StoreError> {
        let tables = self.reach()?;
        let row = tables.requests.get(&id.to_string());
        let request = row.map(|row| tables.request(row)).transpose()?;
        Ok(request.map(|request| RequestStatus { state: request.state.name(), version: request.version }))
    }

    async fn list_votes(&self, id: RequestId) -> Result<Vec<VoteRecord>, StoreError> {
        Ok(self.reach()?.votes_of(&id.to_string()))
    }

    async fn list_steps(&self, id: RequestId) -> Result<Vec<StepRecord>, StoreError> {
        Ok(self.reach()?.steps_of(&id.to_string()))
    }

    async fn list_newest_steps(&self, after: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError> {
        let tables = self.reach()?;
        let mut newest: BTreeMap<&str, &StepRecord> = BTreeMap::new();
        let touching = |row: &&StepRecord| row.state != "not_done" && row.target.as_str() > after;
        for row in tables.steps.values().filter(touching) {
            let kept = newest.entry(&row.target).or_insert(row);
            if recency(row) > recency(kept) {
                *kept = row;
            }
        }
        Ok(cut(newest.into_values().collect(), limit, 500).0.into_iter().cloned().collect())
    }

    async fn list_steps_on(&self, target: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError> {
        let tables = self.reach()?;
        let touching = |row: &&StepRecord| row.state != "not_done" && row.target == target;
        let mut found: Vec<_> = tables.steps.values().filter(touching).collect();
        found.sort_by_key(|row| std::cmp::Reverse(recency(row)));
        Ok(cut(found, limit, 500).0.into_iter().cloned().collect())
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        self.reach()?.run_bundle(id.as_str()).map(TryInto::try_into).transpose()
    }

    async fn list_run_requests(
        &self,
        run: &RunId,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RunRequestPage, StoreError> {
        let tables = self.reach()?;
        let after = after.map(|cursor| (Stamp(cursor.requested_at), cursor.id.to_string()));
        let mut found = tables.requests_of(run);
        found.retain(|row| after.as_ref().is_none_or(|after| place(row) > *after));
        let (page, more) = cut(found, limit, 500);
        let requests = page.iter().map(|row| tables.run_request(row)).collect::<Result<Vec<_>, _>>()?;
        let last = requests.last().filter(|_| more);
        let next = last.map(|last| RequestCursor { requested_at: last.requested_at, id: last.id });
        Ok(RunRequestPage { requests, next })
    }

    async fn count_run_requests(&self, run: &RunId) -> Result<Vec<StateCount>, StoreError> {
        let tables = self.reach()?;
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for row in tables.requests_of(run) {
            *counts.entry(&row.state).or_default() += 1;
        }
        let record = |(state, count): (&str, i64)| StateCountRecord { state: state.to_owned(), count };
        let records: Vec<_> = counts.into_iter().map(record).collect();
        StateCountRecord::read_all(run.as_str(), &records)
    }

    async fn list_unread(&self, run: &RunId, limit: u32) -> Result<Vec<RunRequest>, StoreError> {
        let tables = self.reach()?;
        let mut unread = tables.outcomes_of(run.as_str());
        unread.retain(|outcome| outcome.acknowledged_at.is_none());
        let (page, _) = cut(unread, limit, 500);
        let requests = page.iter().filter_map(|outcome| tables.requests.get(&outcome.request_id));
        requests.map(|row| tables.run_request(row)).collect()
    }

    async fn list_awaited(&self, run: &RunId) -> Result<Vec<(ActionRequest, Option<Outcome>)>, StoreError> {
        let tables = self.reach()?;
        let mut awaited = Vec::new();
        for row in tables.requests_of(run) {
            let outcome = tables.outcome_of(row);
            if outcome.is_none_or(|outcome| outcome.acknowledged_at.is_none()) {
                awaited.push((tables.request(row)?, outcome.cloned().map(TryInto::try_into).transpose()?));
            }
        }
        Ok(awaited)
    }

    async fn list_runs(
        &self,
        filter: &RunFilter,
        after: Option<&RunCursor>,
        limit: u32,
    ) -> Result<RunPage, StoreError> {
        let tables = self.reach()?;
        let after = after.map(|cursor| (Stamp(cursor.registered_at), cursor.id.to_string()));
        let place = |row: &RunRecord| (row.registered_at, row.run_id.clone());
        let mut found: Vec<_> = tables.runs.values().filter(|row| wanted_run(row, filter)).collect();
        found.retain(|row| after.as_ref().is_none_or(|after| place(row) < *after));
        found.sort_by_key(|row| std::cmp::Reverse(place(row)));
        let (page, more) = cut(found, limit, 500);
        let bundles = page.iter().filter_map(|row| tables.run_bundle(&row.run_id));
        let runs = bundles.map(TryInto::try_into).collect::<Result<Vec<Run>, StoreError>>()?;
        let last = runs.last().filter(|_| more);
        let next = last.map(|run| RunCursor { registered_at: run.registered_at, id: run.facts.id.clone() });
        Ok(RunPage { runs, next })
    }

    async fn list_open_runs(&self, after: Option<RunId>, limit: u32) -> Result<Vec<Run>, StoreError> {
        let tables = self.reach()?;
        let after = after.and_then(|id| tables.runs.get(&id.to_string()));
        let after = after.map(|row| (row.registered_at, row.run_id.clone()));
        let mut open: Vec<_> = tables.runs.values().filter(|row| row.status != "finished").collect();
        open.retain(|row| {
            after.as_ref().is_none_or(|after| (row.registered_at, row.run_id.clone()) > *after)
        });
        open.sort_by(|a, b| (a.registered_at, &a.run_id).cmp(&(b.registered_at, &b.run_id)));
        let (page, _) = cut(open, limit, 500);
        page.iter().filter_map(|row| tables.run_bundle(&row.run_id)).map(TryInto::try_into).collect()
    }

    async fn find_outcome(&self, run: &RunId, request: RequestId) -> Result<Option<Outcome>, StoreError> {
        let tables = self.reach()?;
        let row = tables.outcomes.get(&(run.to_string(), request.to_string()));
        row.cloned().map(TryInto::try_into).transpose()
    }

    async fn list_events(
        &self,
        filter: &EventFilter,
        after: Option<&EventCursor>,
        limit: u32,
    ) -> Result<EventPage, StoreError> {
        let tables = self.reach()?;
        let begin = after.map(read_cursor).transpose()?;
        let wanted = |(_, event): &(_, &EventRecord)| selected(event, filter);
        let found: Vec<_> = match filter.order {
            Order::OldestFirst => tables.events.range(begin.unwrap_or(0) + 1..).filter(wanted).collect(),
            Order::NewestFirst => {
                tables.events.range(..begin.unwrap_or(u64::MAX)).rev().filter(wanted).collect()
            }
        };
        let (page, _) = cut(found, limit, 1000);
        let next = page.last().map(|(place, _)| EventCursor(place.to_string())).or_else(|| after.cloned());
        Ok(EventPage { events: page.into_iter().map(|(_, event)| event.clone()).collect(), next })
    }

    async fn find_event(&self, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        let id = id.to_string();
        Ok(self.reach()?.events.values().find(|event| event.event_id == id).cloned())
    }

    async fn find_newest_event(
        &self,
        request: RequestId,
        event_type: EventType,
    ) -> Result<Option<EventRecord>, StoreError> {
        let (id, wanted) = (request.to_string(), event_type.as_str());
        let about =
            |event: &&EventRecord| event.request_id.as_ref() == Some(&id) && event.event_type == wanted;
        Ok(self.reach()?.events.iter().rev().map(|(_, event)| event).find(about).cloned())
    }

    async fn newest_event(&self) -> Result<EventCursor, StoreError> {
        let newest = self.reach()?.events.last().map_or(0, |(place, _)| *place);
        Ok(EventCursor(newest.to_string()))
    }

    async fn list_links(
        &self,
        kind: &str,
        ids: &[String],
        limit: u32,
    ) -> Result<Vec<LinkRecord>, StoreError> {
        let tables = self.reach()?;
        let touches = |link: &LinkRecord| {
            (link.from_kind == kind && ids.contains(&link.from_id))
                || (link.to_kind == kind && ids.contains(&link.to_id))
        };
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = tables.links.iter().map(|(link, ())| link).filter(|link| touches(link));
        Ok(found.take(most).cloned().collect())
    }

    async fn list_kept_databases(
        &self,
        after: Option<(&str, &DatabaseName)>,
        limit: u32,
    ) -> Result<Vec<OwnerRow>, StoreError> {
        let tables = self.reach()?;
        let after = after.map(|(server, name)| (server.to_owned(), name.to_string()));
        let kept = tables.databases.values().filter(|row| {
            let key = (row.server.clone(), row.database_name.clone());
            let is_kept = matches!(row.state.as_str(), "quarantined" | "restoring" | "purging");
            is_kept && after.as_ref().is_none_or(|after| key > *after)
        });
        let (page, _) = cut(kept.collect(), limit, 500);
        page.into_iter().map(|row| row.clone().try_into()).collect()
    }

    async fn statistics(&self, since: Timestamp) -> Result<Statistics, StoreError> {
        let tables = self.reach()?;
        Ok(statistics::count(&tables, since))
    }

    async fn ping(&self) -> Result<Timestamp, StoreError> {
        self.reach().map(|_| self.clock().now())
    }

    async fn audit_backlog(&self) -> Result<Option<u64>, StoreError> {
        let tables = self.reach()?;
        let oldest = tables.inbox.values().map(|row| row.at).min();
        Ok(oldest.map(|at| self.clock().now().since(at.0).0))
    }
}

impl Tables {
    fn request(&self, row: &RequestRecord) -> Result<ActionRequest, StoreError> {
        let votes = self.votes_of(&row.request_id);
        countersign_usecases::record::RequestBundle { request: row.clone(), votes }.try_into()
    }

    /// The requests of a run, oldest first.
    fn requests_of(&self, run: &RunId) -> Vec<&RequestRecord> {
        let mut rows: Vec<_> = self.requests.values().filter(|row| row.run_id == run.as_str()).collect();
        rows.sort_by_key(|row| place(row));
        rows
    }

    fn outcome_of(&self, row: &RequestRecord) -> Option<&OutcomeRecord> {
        self.outcomes.get(&(row.run_id.clone(), row.request_id.clone()))
    }

    fn run_request(&self, row: &RequestRecord) -> Result<RunRequest, StoreError> {
        let record = RunRequestRecord {
            request_id: row.request_id.clone(),
            tool: row.tool.clone(),
            action: row.action.clone(),
            environment: row.environment.clone(),
            state: row.state.clone(),
            requested_at: row.requested_at,
            outcome: self.outcome_of(row).cloned(),
        };
        record.try_into()
    }

    fn wanted(&self, row: &RequestRecord, filter: &RequestFilter) -> bool {
        let RequestFilter { states, project, environment, tool, run, deciders, search, order: _ } = filter;
        let found =
            |search: &Search| self.search.get(&row.request_id).is_some_and(|kept| search.finds(&kept.words));
        let asked = |group: &GroupName| {
            row.terms["deciders"]
                .as_array()
                .is_some_and(|all| all.iter().any(|asked| asked == group.as_str()))
        };
        (states.is_empty() || states.iter().any(|state| state.as_str() == row.state))
            && project.as_ref().is_none_or(|project| row.project == project.as_str())
            && environment.as_ref().is_none_or(|wanted| row.environment.as_deref() == Some(wanted.as_str()))
            && tool.as_ref().is_none_or(|tool| row.tool == tool.as_str())
            && run.as_ref().is_none_or(|run| row.run_id == run.as_str())
            && (deciders.is_empty() || deciders.iter().any(asked))
            && search.as_ref().is_none_or(found)
    }

    fn last_heartbeat(&self, run: &str) -> Option<Timestamp> {
        self.runs.get(&run.to_owned())?.last_heartbeat_at.map(|stamp| stamp.0)
    }
}

fn place(row: &RequestRecord) -> (Stamp, String) {
    (row.requested_at, row.request_id.clone())
}

fn wanted_run(row: &RunRecord, filter: &RunFilter) -> bool {
    let RunFilter { statuses, project, agent_key } = filter;
    (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
        && project.as_ref().is_none_or(|project| project.as_str() == row.project)
        && agent_key.as_ref().is_none_or(|agent| agent.as_str() == row.agent_key)
}

fn selected(event: &EventRecord, filter: &EventFilter) -> bool {
    let EventFilter { run, request, project, type_prefix, order: _ } = filter;
    run.as_ref().is_none_or(|run| event.run_id.as_deref() == Some(run.as_str()))
        && request.is_none_or(|request| event.request_id == Some(request.to_string()))
        && project.as_ref().is_none_or(|project| event.project.as_deref() == Some(project.as_str()))
        && type_prefix.as_ref().is_none_or(|prefix| event.event_type.starts_with(prefix))
}

/// The first `limit` rows, at least one and at most `most`, and whether there are more.
fn cut<T>(mut rows: Vec<T>, limit: u32, most: usize) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(most).clamp(1, most);
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows, more)
}

fn read_cursor(cursor: &EventCursor) -> Result<u64, StoreError> {
    cursor.0.parse().map_err(|_| StoreError::ForeignCursor { cursor: cursor.0.clone() })
}

fn recency(row: &StepRecord) -> (Stamp, &str, i64) {
    (row.intended_at, &row.request_id, row.revision)
}
