//! Runs as staff see them.

use countersign_kernel::visible_document;
use countersign_usecases::look::RunView;
use countersign_usecases::port;
use countersign_waitstate::{self as domain, RunState, Timer};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Link;
use super::approval::ApprovalSummary;
use super::event::Event;
use super::words::{
    FinishReason, NextAction, OutcomeStatus, RequestState, RunStatus, RuntimeMode, WaitReason, WaitState,
};

/// One page of runs, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RunPage {
    /// The runs.
    pub(in crate::api) runs: Vec<Run>,
    /// Where to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next_cursor: Option<String>,
}

/// One execution of an agent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Run {
    /// The platform's id.
    pub(in crate::api) id: String,
    /// The kind of agent.
    pub(in crate::api) agent_key: String,
    /// What the run is for.
    pub(in crate::api) run_label: String,
    /// What it can reach by itself.
    pub(in crate::api) runtime_mode: RuntimeMode,
    /// Its project.
    pub(in crate::api) project: String,
    /// Its repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) repository: Option<String>,
    /// Its Kubernetes namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) namespace: Option<String>,
    /// The issue's number in its repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) issue: Option<u64>,
    /// The pull request's number in its repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) pull_request: Option<u64>,
    /// Who launched it, attested by the platform.
    pub(in crate::api) launched_by: String,
    /// Its time budget.
    pub(in crate::api) time_budget_ms: u64,
    /// When it was registered.
    #[schema(format = DateTime)]
    pub(in crate::api) registered_at: String,
    /// Where it stands.
    pub(in crate::api) status: RunStatus,
    /// When its budget is spent; present while running.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) deadline_at: Option<String>,
    /// What is left of its budget; present while waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) budget_left_ms: Option<u64>,
    /// Since when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) waiting_since: Option<String>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) finish_reason: Option<FinishReason>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) ended_at: Option<String>,
    /// Its open waits, oldest first.
    pub(in crate::api) waits: Vec<Wait>,
    /// Its last sign of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) last_heartbeat_at: Option<String>,
    /// Grows with every change.
    pub(in crate::api) version: u64,
}

/// A run waiting on one request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Wait {
    /// The request.
    #[schema(format = "uuid")]
    pub(in crate::api) request_id: String,
    /// What for.
    pub(in crate::api) reason: WaitReason,
    /// The coarse state that shows it.
    pub(in crate::api) state: WaitState,
    /// Since when.
    #[schema(format = DateTime)]
    pub(in crate::api) opened_at: String,
}

/// A run with what one asks of it first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RunDetail {
    /// The run.
    pub(in crate::api) run: Run,
    /// How many requests it has in each state; a state that none is in is left out.
    pub(in crate::api) request_counts: Vec<RequestCount>,
    /// Requests whose outcome the agent has not acknowledged, the oldest outcome first; 50 at most.
    pub(in crate::api) unread: Vec<RunRequest>,
    /// Its requests, oldest first; 50 at most.
    pub(in crate::api) requests: Vec<RunRequest>,
    /// Where `GET approvals` goes on after `requests`; absent when these are all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference")]
    pub(in crate::api) more_requests: Option<String>,
    /// What it is connected with, issues and pull requests first; 100 at most.
    pub(in crate::api) links: Vec<Link>,
}

/// How many requests are in a state.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RequestCount {
    /// The state.
    pub(in crate::api) state: RequestState,
    /// How many; at least one.
    pub(in crate::api) count: u64,
}

/// A request of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RunRequest {
    /// Its id.
    #[schema(format = "uuid")]
    pub(in crate::api) id: String,
    /// The tool.
    pub(in crate::api) tool: String,
    /// The action.
    pub(in crate::api) action: String,
    /// The environment, for tools that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) environment: Option<String>,
    /// Where it stands.
    pub(in crate::api) state: RequestState,
    /// When it was opened.
    #[schema(format = DateTime)]
    pub(in crate::api) requested_at: String,
    /// What the agent is told, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) outcome: Option<Outcome>,
}

/// What an agent is told in the end.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Outcome {
    /// How it ended.
    pub(in crate::api) status: OutcomeStatus,
    /// What to do next.
    pub(in crate::api) next_action: NextAction,
    /// Receipts, the answer, the reason or the code. No secret.
    #[schema(value_type = Object)]
    pub(in crate::api) detail: Value,
    /// When it was put into the inbox.
    #[schema(format = DateTime)]
    pub(in crate::api) created_at: String,
    /// When the agent said it has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) acknowledged_at: Option<String>,
    /// When the run ended with it unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) undeliverable_at: Option<String>,
}

/// Everything connected with one thing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Trace {
    /// The runs, oldest first.
    pub(in crate::api) runs: Vec<Run>,
    /// Their requests, oldest first.
    pub(in crate::api) requests: Vec<ApprovalSummary>,
    /// How all of it is connected.
    pub(in crate::api) links: Vec<Link>,
    /// What happened, run by run, in order.
    pub(in crate::api) events: Vec<Event>,
    /// Whether this is all of it: the timelines of single runs have the rest.
    pub(in crate::api) complete: bool,
}

impl From<&domain::Run> for Run {
    fn from(run: &domain::Run) -> Self {
        let facts = &run.facts;
        let mut shown = Self {
            id: facts.id.to_string(),
            agent_key: facts.agent_key.to_string(),
            run_label: facts.run_label.to_string(),
            runtime_mode: facts.runtime_mode.into(),
            project: facts.project.to_string(),
            repository: facts.repository.as_ref().map(ToString::to_string),
            namespace: facts.namespace.as_ref().map(ToString::to_string),
            issue: run.links.issue,
            pull_request: run.links.pull_request,
            launched_by: facts.launched_by.to_string(),
            time_budget_ms: facts.budget.0,
            registered_at: run.registered_at.to_string(),
            status: run.state.status().into(),
            deadline_at: None,
            budget_left_ms: None,
            waiting_since: None,
            finish_reason: None,
            ended_at: None,
            waits: run.waits.iter().map(Wait::from).collect(),
            last_heartbeat_at: run.last_heartbeat_at.map(|at| at.to_string()),
            version: run.version,
        };
        shown.put_state(&run.state);
        shown
    }
}

impl Run {
    fn put_state(&mut self, state: &RunState) {
        match state {
            RunState::Live { timer: Timer::Running { deadline_at } } => {
                self.deadline_at = Some(deadline_at.to_string());
            }
            RunState::Live { timer: Timer::Paused { budget_left, since } } => {
                self.budget_left_ms = Some(budget_left.0);
                self.waiting_since = Some(since.to_string());
            }
            RunState::Ending { since: at, reason } | RunState::Finished { at, reason } => {
                self.finish_reason = Some((*reason).into());
                self.ended_at = Some(at.to_string());
            }
        }
    }
}

impl From<&domain::Wait> for Wait {
    fn from(wait: &domain::Wait) -> Self {
        Self {
            request_id: wait.request.to_string(),
            reason: wait.reason.into(),
            state: wait.reason.state().into(),
            opened_at: wait.opened_at.to_string(),
        }
    }
}

impl RunDetail {
    /// A run, and where the list of its requests goes on.
    pub(in crate::api) fn of(view: RunView, more_requests: Option<String>) -> Self {
        let count = |count: &port::StateCount| RequestCount { state: count.state.into(), count: count.count };
        Self {
            run: (&view.run).into(),
            request_counts: view.counts.iter().map(count).collect(),
            unread: view.unread.iter().map(RunRequest::from).collect(),
            requests: view.requests.requests.iter().map(RunRequest::from).collect(),
            more_requests,
            links: view.links.into_iter().map(Link::from).collect(),
        }
    }
}

impl From<&port::RunRequest> for RunRequest {
    fn from(request: &port::RunRequest) -> Self {
        Self {
            id: request.id.to_string(),
            tool: request.tool.to_string(),
            action: request.action.to_string(),
            environment: request.environment.as_ref().map(ToString::to_string),
            state: request.state.into(),
            requested_at: request.requested_at.to_string(),
            outcome: request.outcome.as_ref().map(Outcome::from),
        }
    }
}

impl From<&domain::Outcome> for Outcome {
    fn from(outcome: &domain::Outcome) -> Self {
        Self {
            status: outcome.status.into(),
            next_action: outcome.next_action.into(),
            detail: visible_document(&outcome.detail),
            created_at: outcome.created_at.to_string(),
            acknowledged_at: outcome.acknowledged_at.map(|at| at.to_string()),
            undeliverable_at: outcome.undeliverable_at.map(|at| at.to_string()),
        }
    }
}
