//! One run, brought to each state by the commands themselves.

use countersign_kernel::{
    AgentKey, Millis, Namespace, Principal, ProjectKey, Repository, RequestId, RunId, RunLabel, RuntimeMode,
    Timestamp,
};
use countersign_waitstate::{
    FinishReason, Run, RunEvent, RunFacts, RunLinks, RunState, RunTransition, Timer, WaitReason, register,
};

/// When every run is registered.
pub(crate) const REGISTERED: Timestamp = Timestamp::from_unix_micros(1_700_000_000_000_000);
/// What a run may work.
pub(crate) const BUDGET: Millis = Millis::from_secs(600);

/// So many seconds after the registration.
pub(crate) fn at(secs: u64) -> Timestamp {
    REGISTERED.plus(Millis::from_secs(secs))
}

/// The request of this number.
pub(crate) fn request(number: u8) -> RequestId {
    RequestId::from_parts(REGISTERED, [number; 10])
}

pub(crate) fn facts() -> RunFacts {
    RunFacts {
        id: RunId::parse("run-1").unwrap(),
        agent_key: AgentKey::parse("sre").unwrap(),
        run_label: RunLabel::parse("run:ops").unwrap(),
        runtime_mode: RuntimeMode::FullEnv,
        project: ProjectKey::parse("shop").unwrap(),
        repository: Some(Repository::parse("acme/shop").unwrap()),
        namespace: Some(Namespace::parse("shop-dev").unwrap()),
        launched_by: Principal::parse("user:github:alice").unwrap(),
        budget: BUDGET,
    }
}

/// Every fixture is linked to issue 7 and to no pull request.
pub(crate) fn links() -> RunLinks {
    RunLinks { issue: Some(7), pull_request: None }
}

pub(crate) fn after(transition: &RunTransition) -> Run {
    transition.after().clone()
}

pub(crate) fn working() -> Run {
    after(&register(facts(), links(), REGISTERED))
}

/// Waits for request 1 since second 100.
pub(crate) fn waiting() -> Run {
    after(&working().open_wait(request(1), WaitReason::Approval, at(100)).unwrap())
}

/// Waits for request 1 since second 100 and for request 2 since second 150.
pub(crate) fn waiting_for_two() -> Run {
    after(&waiting().open_wait(request(2), WaitReason::Question, at(150)).unwrap())
}

/// Ended while request 1 was open.
pub(crate) fn ending() -> Run {
    after(&waiting().begin_end(FinishReason::Stopped, at(200)).unwrap())
}

/// Ended, and request 1 has settled since.
pub(crate) fn settled() -> Run {
    after(&ending().close_wait(request(1), at(210)).unwrap())
}

pub(crate) fn finished() -> Run {
    after(&settled().finish(at(220)).unwrap())
}

/// Where a run stands, in one word.
pub(crate) fn state_name(run: &Run) -> &'static str {
    match &run.state {
        RunState::Live { timer: Timer::Running { .. } } => "working",
        RunState::Live { timer: Timer::Paused { .. } } => "waiting",
        RunState::Ending { .. } => "ending",
        RunState::Finished { .. } => "finished",
    }
}

pub(crate) fn event_name(event: &RunEvent) -> &'static str {
    match event {
        RunEvent::Registered => "registered",
        RunEvent::Linked => "linked",
        RunEvent::WaitPaused { .. } => "wait_paused",
        RunEvent::WaitResumed { .. } => "wait_resumed",
        RunEvent::Ending { .. } => "ending",
        RunEvent::Finished { .. } => "finished",
        RunEvent::WaitChanged { .. } => "wait_changed",
        RunEvent::RefusalCounted => "refusal_counted",
        RunEvent::IdleCallCounted => "idle_call_counted",
    }
}
