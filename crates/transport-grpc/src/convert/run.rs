//! Runs as messages, and the message that registers one.

use countersign_kernel::{Millis, RunId};
use countersign_usecases::port::RunRequest;
use countersign_usecases::record::LinkRecord;
use countersign_waitstate::{Outcome, Run, RunFacts, RunLinks, RunState, Timer};
use tonic::Status;

use super::fields::Fields;
use super::{json, stamp, words};
use crate::status::CallId;
use crate::v1;

/// The longest time budget: a year. Longer ones are slips of units.
const MAX_BUDGET_S: u64 = 366 * 24 * 3600;

/// What a registration says.
pub(crate) fn read_register(
    message: &v1::RegisterRunRequest,
    call: &CallId,
) -> Result<(RunFacts, RunLinks), Status> {
    let mut fields = Fields::new();
    let id = fields.run("run_id", &message.run_id);
    let agent_key = fields.name("agent_key", &message.agent_key);
    let run_label = fields.name("run_label", &message.run_label);
    let runtime_mode = words::read_runtime_mode(message.runtime_mode);
    let runtime_mode = fields.chosen("runtime_mode", words::RUNTIME_MODE_RULE, runtime_mode);
    let project = fields.name("project", &message.project);
    let repository = fields.maybe_name("repository", message.repository.as_deref());
    let namespace = fields.maybe_name("namespace", message.namespace.as_deref());
    let launched_by = fields.name("launched_by", &message.launched_by);
    let links = read_links(&mut fields, message.issue, message.pull_request);
    if !(1..=MAX_BUDGET_S).contains(&message.time_budget_s) {
        fields.violate("time_budget_s", "must be 1 to 31622400 seconds (366 days)");
    }
    let facts = (|| {
        Some(RunFacts {
            id: id?,
            agent_key: agent_key?,
            run_label: run_label?,
            runtime_mode: runtime_mode?,
            project: project?,
            repository,
            namespace,
            launched_by: launched_by?,
            budget: Millis::from_secs(message.time_budget_s),
        })
    })();
    fields.finish(facts.map(|facts| (facts, links)), call)
}

/// What a link says: at least one of the two.
pub(crate) fn read_link(message: &v1::LinkRunRequest, call: &CallId) -> Result<(RunId, RunLinks), Status> {
    let mut fields = Fields::new();
    let id = fields.run("run_id", &message.run_id);
    let links = read_links(&mut fields, message.issue, message.pull_request);
    if message.issue.is_none() && message.pull_request.is_none() {
        fields.violate("issue", "is required unless `pull_request` is given");
    }
    fields.finish(id.map(|id| (id, links)), call)
}

fn read_links(fields: &mut Fields, issue: Option<u64>, pull_request: Option<u64>) -> RunLinks {
    for (path, number) in [("issue", issue), ("pull_request", pull_request)] {
        // Stores keep signed numbers.
        if number.is_some_and(|number| !(1..=i64::MAX.unsigned_abs()).contains(&number)) {
            fields.violate(path, "must be 1 to 9223372036854775807");
        }
    }
    RunLinks { issue, pull_request }
}

pub(crate) fn run(run: &Run) -> v1::Run {
    let facts = &run.facts;
    let mut message = v1::Run {
        run_id: facts.id.to_string(),
        agent_key: facts.agent_key.to_string(),
        run_label: facts.run_label.to_string(),
        runtime_mode: words::runtime_mode(facts.runtime_mode).into(),
        project: facts.project.to_string(),
        repository: facts.repository.as_ref().map(ToString::to_string),
        namespace: facts.namespace.as_ref().map(ToString::to_string),
        issue: run.links.issue,
        pull_request: run.links.pull_request,
        launched_by: facts.launched_by.to_string(),
        time_budget_ms: facts.budget.0,
        registered_at: Some(stamp(run.registered_at)),
        waits: run.waits.iter().map(wait).collect(),
        last_heartbeat_at: run.last_heartbeat_at.map(stamp),
        version: run.version,
        ..v1::Run::default()
    };
    put_state(&mut message, &run.state);
    message
}

fn wait(wait: &countersign_waitstate::Wait) -> v1::Wait {
    v1::Wait {
        request_id: wait.request.to_string(),
        reason: words::wait_reason(wait.reason).into(),
        wait_state: wait.reason.state().as_str().to_owned(),
        opened_at: Some(stamp(wait.opened_at)),
    }
}

fn put_state(message: &mut v1::Run, state: &RunState) {
    match state {
        RunState::Live { timer: Timer::Running { deadline_at } } => {
            message.set_status(v1::RunStatus::Running);
            message.deadline_at = Some(stamp(*deadline_at));
        }
        RunState::Live { timer: Timer::Paused { budget_left, since } } => {
            message.set_status(v1::RunStatus::Waiting);
            message.budget_left_ms = Some(budget_left.0);
            message.waiting_since = Some(stamp(*since));
        }
        RunState::Ending { since, reason } => {
            message.set_status(v1::RunStatus::Ending);
            message.set_finish_reason(words::finish_reason(*reason));
            message.ended_at = Some(stamp(*since));
        }
        RunState::Finished { at, reason } => {
            message.set_status(v1::RunStatus::Finished);
            message.set_finish_reason(words::finish_reason(*reason));
            message.ended_at = Some(stamp(*at));
        }
    }
}

/// A run with everything about it.
pub(crate) fn detail(found: &Run, requests: &[RunRequest], links: Vec<LinkRecord>) -> v1::GetRunResponse {
    let requests = requests.iter().map(|request| v1::RunRequest {
        request_id: request.id.to_string(),
        tool: request.tool.to_string(),
        action: request.action.to_string(),
        environment: request.environment.as_ref().map(ToString::to_string),
        state: words::state(request.state).into(),
        requested_at: Some(stamp(request.requested_at)),
        outcome: request.outcome.as_ref().map(outcome),
    });
    v1::GetRunResponse {
        run: Some(run(found)),
        requests: requests.collect(),
        links: links.into_iter().map(link).collect(),
    }
}

fn outcome(outcome: &Outcome) -> v1::Outcome {
    v1::Outcome {
        status: words::outcome_status(outcome.status).into(),
        next_action: words::next_action(outcome.next_action).into(),
        detail: Some(json::shown(&outcome.detail)),
        created_at: Some(stamp(outcome.created_at)),
        acknowledged_at: outcome.acknowledged_at.map(stamp),
        undeliverable_at: outcome.undeliverable_at.map(stamp),
    }
}

pub(crate) fn link(record: LinkRecord) -> v1::Link {
    v1::Link {
        from_kind: record.from_kind,
        from_id: record.from_id,
        to_kind: record.to_kind,
        to_id: record.to_id,
    }
}
