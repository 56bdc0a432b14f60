//! Rows of `agent_sessions`, `run_waits` and `run_outcomes`.

use countersign_kernel::Millis;
use countersign_waitstate::{
    CallWindow, Outcome, Run, RunFacts, RunLinks, RunState, Timer, Wait, WaitReason,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stamp::{Row, Stamp, signed};
use crate::port::StoreError;

/// A row of `agent_sessions`. Key: `run_id`. `last_heartbeat_at` is never written through a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the members of `Run`; docs/architecture.md lists them")]
pub struct RunRecord {
    pub run_id: String,
    pub agent_key: String,
    pub run_label: String,
    pub runtime_mode: String,
    pub project: String,
    pub repository: Option<String>,
    pub namespace: Option<String>,
    pub issue_number: Option<i64>,
    pub pr_number: Option<i64>,
    pub launched_by: String,
    pub budget_ms: i64,
    /// `running`, `waiting`, `ending` or `finished`.
    pub status: String,
    pub finish_reason: Option<String>,
    pub registered_at: Stamp,
    pub deadline_at: Option<Stamp>,
    pub budget_left_ms: Option<i64>,
    pub waiting_since: Option<Stamp>,
    pub ending_at: Option<Stamp>,
    pub finished_at: Option<Stamp>,
    /// `waiting_mcp` or `waiting_owner_review`: that of the oldest open wait.
    pub wait_state: Option<String>,
    pub wait_reason: Option<String>,
    /// Whether the time budget is paused.
    pub timeout_guard_disabled: bool,
    pub last_heartbeat_at: Option<Stamp>,
    pub refusals_opened_at: Option<Stamp>,
    pub refusals_recorded: i64,
    pub refusals_suppressed: i64,
    /// Repeated calls and dry runs, counted as refusals are.
    pub idle_calls_opened_at: Option<Stamp>,
    pub idle_calls_recorded: i64,
    pub idle_calls_suppressed: i64,
    pub version: i64,
}

/// A row of `run_waits`. Key: `run_id`, `request_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the members of `Wait`")]
pub struct WaitRecord {
    pub run_id: String,
    pub request_id: String,
    pub reason: String,
    pub wait_state: String,
    pub opened_at: Stamp,
    /// Set when the request settled; open waits have none.
    pub closed_at: Option<Stamp>,
}

/// A run with its open waits, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunBundle {
    /// The row.
    pub run: RunRecord,
    /// Its rows of `run_waits` without `closed_at`, by `opened_at`, then `request_id`.
    pub waits: Vec<WaitRecord>,
}

/// A row of `run_outcomes`. Key: `run_id`, `request_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the members of `Outcome`")]
pub struct OutcomeRecord {
    pub run_id: String,
    pub request_id: String,
    pub status: String,
    pub next_action: String,
    pub detail: Value,
    pub created_at: Stamp,
    pub acknowledged_at: Option<Stamp>,
    pub undeliverable_at: Option<Stamp>,
}

impl From<&Run> for RunRecord {
    fn from(run: &Run) -> Self {
        let facts = &run.facts;
        let mut record = Self {
            run_id: facts.id.to_string(),
            agent_key: facts.agent_key.to_string(),
            run_label: facts.run_label.to_string(),
            runtime_mode: facts.runtime_mode.to_string(),
            project: facts.project.to_string(),
            repository: facts.repository.as_ref().map(ToString::to_string),
            namespace: facts.namespace.as_ref().map(ToString::to_string),
            issue_number: run.links.issue.map(signed),
            pr_number: run.links.pull_request.map(signed),
            launched_by: facts.launched_by.to_string(),
            budget_ms: signed(facts.budget.0),
            status: String::new(),
            finish_reason: None,
            registered_at: Stamp(run.registered_at),
            deadline_at: None,
            budget_left_ms: None,
            waiting_since: None,
            ending_at: None,
            finished_at: None,
            wait_state: run.waits.first().map(|wait| wait.reason.state().as_str().to_owned()),
            wait_reason: run.waits.first().map(|wait| wait.reason.as_str().to_owned()),
            timeout_guard_disabled: false,
            last_heartbeat_at: run.last_heartbeat_at.map(Stamp),
            refusals_opened_at: run.refusals.opened_at.map(Stamp),
            refusals_recorded: i64::from(run.refusals.recorded),
            refusals_suppressed: i64::from(run.refusals.suppressed),
            idle_calls_opened_at: run.idle_calls.opened_at.map(Stamp),
            idle_calls_recorded: i64::from(run.idle_calls.recorded),
            idle_calls_suppressed: i64::from(run.idle_calls.suppressed),
            version: signed(run.version),
        };
        record.put_state(&run.state);
        record
    }
}

impl RunRecord {
    fn put_state(&mut self, state: &RunState) {
        self.status = state.status().as_str().to_owned();
        match state {
            RunState::Live { timer: Timer::Running { deadline_at } } => {
                self.deadline_at = Some(Stamp(*deadline_at));
            }
            RunState::Live { timer: Timer::Paused { budget_left, since } } => {
                self.budget_left_ms = Some(signed(budget_left.0));
                self.waiting_since = Some(Stamp(*since));
                self.timeout_guard_disabled = true;
            }
            RunState::Ending { since, reason } => {
                self.finish_reason = Some(reason.as_str().to_owned());
                self.ending_at = Some(Stamp(*since));
            }
            RunState::Finished { at, reason } => {
                self.finish_reason = Some(reason.as_str().to_owned());
                self.finished_at = Some(Stamp(*at));
            }
        }
    }

    fn state(&self, row: Row<'_>) -> Result<RunState, StoreError> {
        let reason = || row.parse("finish_reason", row.need("finish_reason", self.finish_reason.as_deref())?);
        Ok(match self.status.as_str() {
            "running" => {
                let deadline_at = row.need("deadline_at", self.deadline_at)?.0;
                RunState::Live { timer: Timer::Running { deadline_at } }
            }
            "waiting" => {
                let left = row.number("budget_left_ms", row.need("budget_left_ms", self.budget_left_ms)?)?;
                let since = row.need("waiting_since", self.waiting_since)?.0;
                RunState::Live { timer: Timer::Paused { budget_left: Millis(left), since } }
            }
            "ending" => {
                RunState::Ending { since: row.need("ending_at", self.ending_at)?.0, reason: reason()? }
            }
            "finished" => {
                RunState::Finished { at: row.need("finished_at", self.finished_at)?.0, reason: reason()? }
            }
            other => return Err(row.corrupt("status", format!("`{other}` is no status"))),
        })
    }
}

impl TryFrom<RunBundle> for Run {
    type Error = StoreError;

    fn try_from(bundle: RunBundle) -> Result<Self, StoreError> {
        let record = bundle.run;
        let row = Row { table: "agent_sessions", id: &record.run_id };
        let facts = RunFacts {
            id: row.parse("run_id", &record.run_id)?,
            agent_key: row.parse("agent_key", &record.agent_key)?,
            run_label: row.parse("run_label", &record.run_label)?,
            runtime_mode: row.parse("runtime_mode", &record.runtime_mode)?,
            project: row.parse("project", &record.project)?,
            repository: row.parse_opt("repository", record.repository.as_deref())?,
            namespace: row.parse_opt("namespace", record.namespace.as_deref())?,
            launched_by: row.parse("launched_by", &record.launched_by)?,
            budget: Millis(row.number("budget_ms", record.budget_ms)?),
        };
        let links = RunLinks {
            issue: record.issue_number.map(|number| row.number("issue_number", number)).transpose()?,
            pull_request: record.pr_number.map(|number| row.number("pr_number", number)).transpose()?,
        };
        Ok(Self {
            facts,
            links,
            registered_at: record.registered_at.0,
            state: record.state(row)?,
            waits: bundle.waits.iter().map(Wait::try_from).collect::<Result<_, _>>()?,
            refusals: CallWindow {
                opened_at: record.refusals_opened_at.map(|stamp| stamp.0),
                recorded: row.number("refusals_recorded", record.refusals_recorded)?,
                suppressed: row.number("refusals_suppressed", record.refusals_suppressed)?,
            },
            idle_calls: CallWindow {
                opened_at: record.idle_calls_opened_at.map(|stamp| stamp.0),
                recorded: row.number("idle_calls_recorded", record.idle_calls_recorded)?,
                suppressed: row.number("idle_calls_suppressed", record.idle_calls_suppressed)?,
            },
            last_heartbeat_at: record.last_heartbeat_at.map(|stamp| stamp.0),
            version: row.number("version", record.version)?,
        })
    }
}

impl WaitRecord {
    /// The row of an open wait.
    pub fn open(run: &Run, wait: &Wait) -> Self {
        Self {
            run_id: run.facts.id.to_string(),
            request_id: wait.request.to_string(),
            reason: wait.reason.as_str().to_owned(),
            wait_state: wait.reason.state().as_str().to_owned(),
            opened_at: Stamp(wait.opened_at),
            closed_at: None,
        }
    }
}

impl TryFrom<&WaitRecord> for Wait {
    type Error = StoreError;

    fn try_from(record: &WaitRecord) -> Result<Self, StoreError> {
        let row = Row { table: "run_waits", id: &record.request_id };
        Ok(Self {
            request: row.parse("request_id", &record.request_id)?,
            reason: row.parse::<WaitReason>("reason", &record.reason)?,
            opened_at: record.opened_at.0,
        })
    }
}

impl From<&Outcome> for OutcomeRecord {
    fn from(outcome: &Outcome) -> Self {
        Self {
            run_id: outcome.run.to_string(),
            request_id: outcome.request.to_string(),
            status: outcome.status.as_str().to_owned(),
            next_action: outcome.next_action.as_str().to_owned(),
            detail: outcome.detail.clone(),
            created_at: Stamp(outcome.created_at),
            acknowledged_at: outcome.acknowledged_at.map(Stamp),
            undeliverable_at: outcome.undeliverable_at.map(Stamp),
        }
    }
}

impl TryFrom<OutcomeRecord> for Outcome {
    type Error = StoreError;

    fn try_from(record: OutcomeRecord) -> Result<Self, StoreError> {
        let row = Row { table: "run_outcomes", id: &record.request_id };
        Ok(Self {
            run: row.parse("run_id", &record.run_id)?,
            request: row.parse("request_id", &record.request_id)?,
            status: row.parse("status", &record.status)?,
            next_action: row.parse("next_action", &record.next_action)?,
            detail: record.detail,
            created_at: record.created_at.0,
            acknowledged_at: record.acknowledged_at.map(|stamp| stamp.0),
            undeliverable_at: record.undeliverable_at.map(|stamp| stamp.0),
        })
    }
}
