//! The run itself. Rows of `agent_sessions`.

use countersign_kernel::{
    AgentKey, Millis, Namespace, Principal, ProjectKey, Repository, RunId, RunLabel, RuntimeMode, Timestamp,
};

use crate::event::FinishReason;
use crate::wait::Wait;
use crate::window::CallWindow;

/// How many requests of one run may be open at once: an agent that keeps asking can't bury approvers, nor make its own row ever larger.
pub const MOST_OPEN_WAITS: usize = 100;

/// What the platform said of a run when it registered it. Never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    /// The platform's id.
    pub id: RunId,
    /// The kind of agent.
    pub agent_key: AgentKey,
    /// What the run is for.
    pub run_label: RunLabel,
    /// What it can reach by itself.
    pub runtime_mode: RuntimeMode,
    /// Its project.
    pub project: ProjectKey,
    /// Its repository.
    pub repository: Option<Repository>,
    /// Its Kubernetes namespace.
    pub namespace: Option<Namespace>,
    /// Who launched it, attested by the platform.
    pub launched_by: Principal,
    /// Its time budget.
    pub budget: Millis,
}

/// What a run is about. Can be added later, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RunLinks {
    /// The issue's number in the run's repository.
    pub issue: Option<u64>,
    /// The pull request's number in the run's repository.
    pub pull_request: Option<u64>,
}

/// The time budget: either it runs towards a deadline, or it is put aside. Never both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The run is working.
    Running {
        /// When the budget is spent.
        deadline_at: Timestamp,
    },
    /// The run waits for at least one request.
    Paused {
        /// What was left when waiting began.
        budget_left: Millis,
        /// Since when.
        since: Timestamp,
    },
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It may call tools.
    Live {
        /// Its budget.
        timer: Timer,
    },
    /// Its token is dead; its open requests are being settled.
    Ending {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: FinishReason,
    },
    /// Over.
    Finished {
        /// When the last request was settled.
        at: Timestamp,
        /// Why.
        reason: FinishReason,
    },
}

/// The name of a run's state: what is stored, shown and filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunStatus {
    /// Live, and working.
    Running,
    /// Live, and waiting for at least one request.
    Waiting,
    /// Its requests are being settled.
    Ending,
    /// Over.
    Finished,
}

impl RunStatus {
    /// All of them, in the order a run can meet them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Waiting, Self::Ending, Self::Finished];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ending => "ending",
            Self::Finished => "finished",
        }
    }
}

impl RunState {
    /// The state's name.
    pub fn status(&self) -> RunStatus {
        match self {
            Self::Live { timer: Timer::Running { .. } } => RunStatus::Running,
            Self::Live { timer: Timer::Paused { .. } } => RunStatus::Waiting,
            Self::Ending { .. } => RunStatus::Ending,
            Self::Finished { .. } => RunStatus::Finished,
        }
    }
}

/// One execution of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What the platform said of it.
    pub facts: RunFacts,
    /// What it is about.
    pub links: RunLinks,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Where it stands.
    pub state: RunState,
    /// Its open waits, oldest first.
    pub waits: Vec<Wait>,
    /// Refusals counted lately.
    pub refusals: CallWindow,
    /// Calls counted lately that were answered and changed nothing: repeated ones and dry runs.
    pub idle_calls: CallWindow,
    /// When it last said it was alive. Not versioned: only ever grows.
    pub last_heartbeat_at: Option<Timestamp>,
    /// Grows by one with every transition.
    pub version: u64,
}

impl Run {
    /// Whether the run may still act.
    pub fn is_live(&self) -> bool {
        match self.state {
            RunState::Live { .. } => true,
            RunState::Ending { .. } | RunState::Finished { .. } => false,
        }
    }

    /// When its budget is spent; nothing while it waits or once it is ending.
    pub fn deadline_at(&self) -> Option<Timestamp> {
        match &self.state {
            RunState::Live { timer: Timer::Running { deadline_at } } => Some(*deadline_at),
            RunState::Live { timer: Timer::Paused { .. } }
            | RunState::Ending { .. }
            | RunState::Finished { .. } => None,
        }
    }
}
