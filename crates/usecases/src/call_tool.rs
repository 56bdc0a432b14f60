//! An agent calls a control tool.
//!
//! Parse, look at the target, plan, let policy answer, and commit what follows: a request that waits, one that runs at once, a repeated
//! call that meets its earlier request, a refusal, a description, or a dry run.

mod enter;
pub(crate) mod judge;
mod reply;

use std::sync::Arc;

use countersign_approvals::OpenError;
use countersign_kernel::{Fault, Kind, RequestId, RunId, ToolName, Violations};
use countersign_mcp_tools::{Call, Caller, ControlTool, Observation, Plan, PlanRefusal};
use countersign_waitstate::{RunError, RunFacts};
use serde_json::Value;

use crate::error::ServiceError;
use crate::port::CallLookup;
use crate::services::{ATTEMPTS, Services, Written, busy};

pub(crate) use enter::agent_of;
pub(crate) use reply::reply_of;
pub use reply::{CallReply, CallStatus, PlanPreview};

/// A call was not let in. Where the refusal is worth auditing it has been recorded.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no such tool.
    #[error("there is no control tool `{name}`")]
    UnknownTool {
        /// At most 64 characters of what was asked for.
        name: String,
    },
    /// The arguments are wrong.
    #[error("the arguments of `{tool}` are wrong: {violations}")]
    Invalid {
        /// The tool.
        tool: ToolName,
        /// Everything that is wrong.
        violations: Violations,
    },
    /// There is no such run.
    #[error("run `{0}` is not registered")]
    UnknownRun(RunId),
    /// The run has ended.
    #[error("run `{0}` has ended")]
    RunEnded(RunId),
    /// The caller's own key was used with another intent before.
    #[error("the idempotency key was already used for request `{request}`, which wants something else")]
    KeyReused {
        /// The earlier request.
        request: RequestId,
    },
    /// Policy refuses it.
    #[error("policy refuses it: {reason}")]
    PolicyDenied {
        /// The stable code of the reason.
        reason_code: &'static str,
        /// The reason.
        reason: String,
    },
    /// It can't be done as things stand.
    #[error(transparent)]
    Impossible(PlanRefusal),
    /// Too many requests of the run are open.
    #[error(transparent)]
    NoRoom(RunError),
    /// Policy gives terms that can't be met.
    #[error(transparent)]
    Terms(#[from] OpenError),
    /// A reading call failed at the target.
    #[error("{message}")]
    Target {
        /// The stable code.
        code: &'static str,
        /// What happened.
        message: String,
        /// Whether trying again may help.
        transient: bool,
    },
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for CallError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownTool { .. } | Self::UnknownRun(_) => Kind::NotFound,
            Self::Invalid { .. } => Kind::Invalid,
            Self::RunEnded(_) => Kind::Unauthenticated,
            Self::KeyReused { .. } => Kind::AlreadyExists,
            Self::PolicyDenied { .. } => Kind::Denied,
            Self::Impossible(_) => Kind::Conflict,
            Self::NoRoom(error) => error.kind(),
            Self::Terms(error) => error.kind(),
            Self::Target { transient: true, .. } => Kind::Unavailable,
            Self::Target { transient: false, .. } => Kind::Conflict,
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownTool { .. } => "unknown_tool",
            Self::Invalid { .. } => "invalid_arguments",
            Self::UnknownRun(_) => "unknown_run",
            Self::RunEnded(_) => "run_ended",
            Self::KeyReused { .. } => "idempotency_key_reused",
            Self::PolicyDenied { .. } => "policy_denied",
            Self::Impossible(refusal) => refusal.code,
            Self::NoRoom(error) => error.code(),
            Self::Terms(error) => error.code(),
            Self::Target { code, .. } => code,
            Self::Service(error) => error.code(),
        }
    }

    fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Invalid { violations, .. } => Some(violations),
            Self::UnknownTool { .. }
            | Self::UnknownRun(_)
            | Self::RunEnded(_)
            | Self::KeyReused { .. }
            | Self::PolicyDenied { .. }
            | Self::Impossible(_)
            | Self::NoRoom(_)
            | Self::Terms(_)
            | Self::Target { .. }
            | Self::Service(_) => None,
        }
    }
}

/// One call, parsed: what stays the same however often the decision has to be made again.
pub(crate) struct Prepared {
    pub(crate) facts: Arc<RunFacts>,
    pub(crate) caller: Caller,
    pub(crate) tool: Arc<dyn ControlTool>,
    pub(crate) call: Call,
    pub(crate) lookup: CallLookup,
}

/// What the target looked like, and what would be done.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) looked: bool,
}

/// Calls a tool for a run whose token the transport has verified.
///
/// # Errors
/// See [`CallError`].
pub async fn call_tool(
    services: &Services,
    run: &RunId,
    tool: &str,
    arguments: &Value,
) -> Result<CallReply, CallError> {
    let prepared = prepare(services, run, tool, arguments).await?;
    let mut planned = None;
    let mut turn = None;
    for _ in 0..ATTEMPTS {
        let snapshot =
            services.ports.ledger.load_call(run, &prepared.lookup).await.map_err(ServiceError::from)?;
        let entry = enter::decide(services, &prepared, snapshot, &mut planned).await?;
        match services.write(entry.commit).await? {
            Written::Yes => return entry.answer,
            // Others of this run were faster: from now on in turn.
            Written::Stale if turn.is_none() => turn = Some(services.turn_of(run).await),
            Written::Stale => {}
        }
    }
    Err(busy(run).into())
}

async fn prepare(
    services: &Services,
    run: &RunId,
    tool: &str,
    arguments: &Value,
) -> Result<Prepared, CallError> {
    let facts = services.facts_of(run).await?.ok_or_else(|| CallError::UnknownRun(run.clone()))?;
    let unknown = || CallError::UnknownTool { name: tool.chars().take(64).collect() };
    let name = ToolName::parse(tool).map_err(|_| unknown())?;
    let tool = services.tools.find(&name).ok_or_else(unknown)?.clone();
    let caller = caller_of(&facts);
    let call = tool
        .parse(arguments, &caller)
        .map_err(|violations| CallError::Invalid { tool: tool.descriptor().name.clone(), violations })?;
    let lookup = CallLookup {
        tool: call.tool.clone(),
        action: call.action.clone(),
        intent_digest: call.intent_digest().map_err(ServiceError::from)?,
        key_hash: call.idempotency_key.as_ref().map(|key| key.hash()),
    };
    Ok(Prepared { facts, caller, tool, call, lookup })
}

/// What a tool may know of a run.
pub(crate) fn caller_of(facts: &RunFacts) -> Caller {
    Caller {
        run: facts.id.clone(),
        project: facts.project.clone(),
        repository: facts.repository.clone(),
        namespace: facts.namespace.clone(),
        launched_by: facts.launched_by.clone(),
    }
}

impl Prepared {
    /// Looks at the target and plans, once per call.
    pub(crate) async fn plan(&self) -> Result<Planned, PlanRefusal> {
        let observed = self.tool.observe(&self.caller, &self.call).await;
        let looked = match observed {
            Observation::Seen(_) => true,
            Observation::CouldNotLook { .. } => false,
        };
        Ok(Planned { plan: self.tool.plan(&self.caller, &self.call, &observed)?, looked })
    }
}

/// The tool of a stored call.
pub(crate) fn tool_of(services: &Services, call: &Call) -> Result<Arc<dyn ControlTool>, ServiceError> {
    let missing = || ServiceError::ToolMissing { tool: call.tool.to_string() };
    services.tools.find(&call.tool).cloned().ok_or_else(missing)
}
