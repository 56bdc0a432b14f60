//! Reading, beside the ledger: lists and details for people and agents. Nothing read here is decided on.

use async_trait::async_trait;
use countersign_approvals::{ActionRequest, StateName};
use countersign_audit::EventType;
use countersign_kernel::{
    ActionName, AgentKey, DatabaseName, Environment, EventId, GroupName, Millis, ProjectKey, RequestId,
    RunId, Timestamp, ToolName,
};
use countersign_waitstate::{Outcome, Run, RunStatus};

use super::store_error::StoreError;
use crate::record::{EventRecord, LinkRecord, OwnerRow, StepRecord, VoteRecord};
use crate::search::Search;

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// What has been there longest: how a queue is worked off.
    #[default]
    OldestFirst,
    /// What came last: how a past is looked through.
    NewestFirst,
}

impl Order {
    /// Both, in the order in which they are declared.
    pub const ALL: [Self; 2] = [Self::OldestFirst, Self::NewestFirst];

    /// Its name in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OldestFirst => "oldest_first",
            Self::NewestFirst => "newest_first",
        }
    }
}

/// Which requests to list. Every member but the order narrows; an empty list of states means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// In these states.
    pub states: Vec<StateName>,
    /// Of this project.
    pub project: Option<ProjectKey>,
    /// In this environment.
    pub environment: Option<Environment>,
    /// Of this tool.
    pub tool: Option<ToolName>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Whose decision is that of one of these groups; of whomever, when there are none.
    pub deciders: Vec<GroupName>,
    /// Found by these words.
    pub search: Option<Search>,
    /// By age, and then by id.
    pub order: Order,
}

/// Where a page of requests ends, in whichever order it is read: the next page begins after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCursor {
    /// When the last request that was looked at was opened.
    pub requested_at: Timestamp,
    /// Which it was.
    pub id: RequestId,
}

/// One page of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPage {
    /// The requests in the filter's order, each with the last sign of life of its run.
    pub requests: Vec<(ActionRequest, Option<Timestamp>)>,
    /// Where to go on; none on the last page. A page of a search may hold fewer requests than were asked for, even none, and have this all
    /// the same: a store that would have to look too long looks at a part of its requests, and goes on from there when asked.
    pub next: Option<RequestCursor>,
}

/// The few things somebody who waits for a request looks at again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestStatus {
    /// Where it stands.
    pub state: StateName,
    /// Its version.
    pub version: u64,
}

/// Which runs to list. Every member narrows; an empty list of statuses does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// In these states.
    pub statuses: Vec<RunStatus>,
    /// Of this project.
    pub project: Option<ProjectKey>,
    /// Of this agent.
    pub agent_key: Option<AgentKey>,
}

/// Where a page of runs ends: the next page begins after it. Runs are listed newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCursor {
    /// When the last run of the page was registered.
    pub registered_at: Timestamp,
    /// Which it was.
    pub id: RunId,
}

/// One page of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPage {
    /// The runs with their open waits, newest first.
    pub runs: Vec<Run>,
    /// Where to go on; none on the last page.
    pub next: Option<RunCursor>,
}

/// A request as its run's page shows it: where it stands and what became of it, without its call, its plan and its votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// Its id.
    pub id: RequestId,
    /// The tool.
    pub tool: ToolName,
    /// The action.
    pub action: ActionName,
    /// The environment, for tools that have one.
    pub environment: Option<Environment>,
    /// Where it stands.
    pub state: StateName,
    /// When it was opened.
    pub requested_at: Timestamp,
    /// What the agent is told, once it is over.
    pub outcome: Option<Outcome>,
}

/// One page of a run's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequestPage {
    /// The requests, oldest first.
    pub requests: Vec<RunRequest>,
    /// Where to go on; none on the last page. Good for [`Queries::list_requests`] of the same run, too.
    pub next: Option<RequestCursor>,
}

/// How many requests are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCount {
    /// The state.
    pub state: StateName,
    /// How many; at least one.
    pub count: u64,
}

/// Which events to list. Every member but the order narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this request.
    pub request: Option<RequestId>,
    /// Of this project.
    pub project: Option<ProjectKey>,
    /// Of types beginning with this text, such as `approval.`.
    pub type_prefix: Option<String>,
    /// By when they became visible.
    pub order: Order,
}

/// Where a page of events ends. Opaque outside the store that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCursor(pub String);

/// One page of events.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPage {
    /// The events in the order in which they became visible, or backwards: one that commits late is never before a cursor already given out.
    pub events: Vec<EventRecord>,
    /// Where to go on: after the last event of this page, or where the reading began when it is empty. Oldest first, what is still to come is
    /// there; newest first, there is nothing more after an empty page.
    pub next: Option<EventCursor>,
}

/// How deciding went since some moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Day by day (UTC), oldest first. Days on which nothing was decided and nothing expired are absent.
    pub days: Vec<DayCounts>,
    /// From asking to a decision or an answer: half of them took no longer. None where there were none.
    pub decided_within_p50: Option<Millis>,
    /// The same for 95 of 100.
    pub decided_within_p95: Option<Millis>,
    /// Who asked for what, most first, at most 20.
    pub asked: Vec<AskedCount>,
}

/// What was decided on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCounts {
    /// When the day began.
    pub day: Timestamp,
    /// Approvals.
    pub approvals: u64,
    /// Denials.
    pub denials: u64,
    /// Answers to questions.
    pub answers: u64,
    /// Requests nobody decided, or that were not begun, in time.
    pub expiries: u64,
}

/// How often an agent asked for a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedCount {
    /// The agent.
    pub agent_key: AgentKey,
    /// The tool.
    pub tool: ToolName,
    /// Requests.
    pub requests: u64,
}

/// Read-only questions.
#[async_trait]
pub trait Queries: Send + Sync {
    /// Requests in the filter's order; `limit` is 1 to 500.
    async fn list_requests(
        &self,
        filter: &RequestFilter,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RequestPage, StoreError>;

    /// The status of one request.
    async fn find_request_status(&self, id: RequestId) -> Result<Option<RequestStatus>, StoreError>;

    /// The votes of all revisions of a request, oldest first.
    async fn list_votes(&self, id: RequestId) -> Result<Vec<VoteRecord>, StoreError>;

    /// The steps of all revisions of a request, in order.
    async fn list_steps(&self, id: RequestId) -> Result<Vec<StepRecord>, StoreError>;

    /// For each target the newest step that touched it or may have (all but those in state `not_done`), in the order of the targets'
    /// bytes, after the given target (from the first, after the empty text); `limit` is 1 to 500.
    async fn list_newest_steps(&self, after: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError>;

    /// The steps of all requests that touched this target or may have (all but those in state `not_done`), newest first; `limit` is 1 to
    /// 500.
    async fn list_steps_on(&self, target: &str, limit: u32) -> Result<Vec<StepRecord>, StoreError>;

    /// A run with its open waits.
    async fn find_run(&self, id: &RunId) -> Result<Option<Run>, StoreError>;

    /// The requests of a run with their outcomes, oldest first; `limit` is 1 to 500.
    async fn list_run_requests(
        &self,
        run: &RunId,
        after: Option<RequestCursor>,
        limit: u32,
    ) -> Result<RunRequestPage, StoreError>;

    /// How many requests of a run are in each state, in the order of the states; one that none is in is left out.
    async fn count_run_requests(&self, run: &RunId) -> Result<Vec<StateCount>, StoreError>;

    /// The requests of a run whose outcome its agent has not acknowledged, the oldest outcome first; `limit` is 1 to 500.
    async fn list_unread(&self, run: &RunId, limit: u32) -> Result<Vec<RunRequest>, StoreError>;

    /// What the agent of a run still has to hear of, oldest request first: its requests that are not over, and those whose outcome it
    /// has not acknowledged, each with its outcome.
    async fn list_awaited(&self, run: &RunId) -> Result<Vec<(ActionRequest, Option<Outcome>)>, StoreError>;

    /// Runs, newest first; `limit` is 1 to 500.
    async fn list_runs(
        &self,
        filter: &RunFilter,
        after: Option<&RunCursor>,
        limit: u32,
    ) -> Result<RunPage, StoreError>;

    /// The runs that are not finished, oldest first, after the given one; `limit` is 1 to 500.
    async fn list_open_runs(&self, after: Option<RunId>, limit: u32) -> Result<Vec<Run>, StoreError>;

    /// The outcome of one request of a run.
    async fn find_outcome(&self, run: &RunId, request: RequestId) -> Result<Option<Outcome>, StoreError>;

    /// Events after a cursor, in the filter's order; `limit` is 1 to 1000.
    async fn list_events(
        &self,
        filter: &EventFilter,
        after: Option<&EventCursor>,
        limit: u32,
    ) -> Result<EventPage, StoreError>;

    /// One event.
    async fn find_event(&self, id: EventId) -> Result<Option<EventRecord>, StoreError>;

    /// The newest event of this type about a request, as soon as it is committed: no cursor is given out, so none can pass by an event.
    async fn find_newest_event(
        &self,
        request: RequestId,
        event_type: EventType,
    ) -> Result<Option<EventRecord>, StoreError>;

    /// The cursor after the newest visible event, to follow from now on.
    async fn newest_event(&self) -> Result<EventCursor, StoreError>;

    /// What is linked to one of these things, in both directions, each link once and in the order of [`LinkRecord`]s, `limit` at most;
    /// kinds are those of [`LinkRecord`]. Links from issues and pull requests come before those from a run to its requests.
    async fn list_links(&self, kind: &str, ids: &[String], limit: u32)
    -> Result<Vec<LinkRecord>, StoreError>;

    /// The databases that are kept (quarantined, being restored, being purged), by server and name, after the given one; `limit` is 1 to
    /// 500.
    async fn list_kept_databases(
        &self,
        after: Option<(&str, &DatabaseName)>,
        limit: u32,
    ) -> Result<Vec<OwnerRow>, StoreError>;

    /// How deciding went since this moment. Percentiles are those of the nearest rank.
    async fn statistics(&self, since: Timestamp) -> Result<Statistics, StoreError>;

    /// Whether the store answers, and the difference of its clock: the database's time.
    async fn ping(&self) -> Result<Timestamp, StoreError>;

    /// The age in milliseconds of the oldest entry waiting in the audit inbox; none when it is empty.
    async fn audit_backlog(&self) -> Result<Option<u64>, StoreError>;
}
