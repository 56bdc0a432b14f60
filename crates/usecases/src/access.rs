//! Who may ask for what: the one authorization table, behind every transport.
//!
//! A transport names the [`Operation`] that a call of it means, and asks [`Operation::access`]. Whose decision counts is policy's business,
//! not a role's.
//!
//! **Architecture invariant:** no transport has a table of roles of its own, and an operation without a row does not compile.

mod callers;
mod role;
mod seats;

pub use callers::{
    AccessError, BearerDirectory, BearerIdentity, Callers, RunTokenVerifier, TokenRejection, bearer_token,
};
pub use role::{ParseRoleError, Role};
pub use seats::{Holder, SEATS_PER_CALLER, Seat, Seats, TooManyStreams};

use Role::{Approver, Auditor, Operator, Platform, Viewer};

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A run token of a live run.
    Run {
        /// Whether the use case looks itself whether the run lives, in the same snapshot it decides on, so that a gate need not.
        checked_by_use_case: bool,
    },
    /// A bearer token with one of these roles.
    AnyOf(&'static [Role]),
}

/// Everything that can be asked of Countersign, whatever the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Which tools a run may call.
    ListTools,
    /// An agent calls a tool.
    CallTool,
    /// An agent asks how its request stands.
    GetOutcome,
    /// An agent waits for the end of its request.
    AwaitOutcome,
    /// An agent asks for all it has not read.
    ListOutcomes,
    /// An agent has read an outcome.
    AcknowledgeOutcome,
    /// An agent withdraws its request.
    CancelOwnRequest,
    /// An agent gives a sign of life.
    Heartbeat,
    /// The platform registers a run.
    RegisterRun,
    /// The platform links a run to an issue or pull request.
    LinkRun,
    /// The platform gets a run a new token.
    RenewRunToken,
    /// The platform ends a run.
    FinishRun,
    /// Runs, page by page.
    ListRuns,
    /// One run.
    GetRun,
    /// What happened to a run, in order: part of looking at the run, for everybody who may. The whole log, across runs and projects and
    /// with what is about no run, is [`Self::ListEvents`].
    ReadRunTimeline,
    /// Changes of runs as they happen.
    WatchRuns,
    /// Everything connected with an issue, a pull request, a run or a request.
    ReadTrace,
    /// Requests, page by page.
    ListApprovals,
    /// One request.
    GetApproval,
    /// A person approves or denies.
    DecideApproval,
    /// A person approves or denies several requests at once.
    DecideApprovals,
    /// A person answers a question.
    AnswerQuestion,
    /// A person dictates the reason of a decision, which does not count by that.
    DictateReason,
    /// A person dictates an answer, which does not count by that.
    DictateAnswer,
    /// A person settles what is unknown.
    ResolveUnknown,
    /// A person withdraws a request.
    CancelApproval,
    /// Changes of requests as they happen.
    WatchApprovals,
    /// What happens, as it happens: what kind of thing, when, and to which run and request. What the record says of it is [`Self::ListEvents`].
    FollowChanges,
    /// The active policy text.
    GetPolicy,
    /// Why the policy answers as it does.
    ExplainPolicy,
    /// A new policy text.
    ActivatePolicy,
    /// Databases that are kept.
    ListQuarantinedDatabases,
    /// A kept database gets its name back.
    RestoreDatabase,
    /// The audited events.
    ListEvents,
    /// A person looks at their own session, and ends it.
    ReadOwnSession,
    /// The description of a surface, and whether it serves.
    Describe,
}

const STAFF: Access = Access::AnyOf(&[Viewer, Approver, Operator, Auditor]);
const STAFF_OR_PLATFORM: Access = Access::AnyOf(&[Viewer, Approver, Operator, Auditor, Platform]);
const PLATFORM: Access = Access::AnyOf(&[Platform]);
const APPROVER: Access = Access::AnyOf(&[Approver]);
const OPERATOR: Access = Access::AnyOf(&[Operator]);

impl Operation {
    /// What it asks of its caller.
    pub const fn access(self) -> Access {
        match self {
            Self::ListTools
            | Self::GetOutcome
            | Self::AwaitOutcome
            | Self::ListOutcomes
            | Self::AcknowledgeOutcome
            | Self::CancelOwnRequest => Access::Run { checked_by_use_case: false },
            Self::CallTool | Self::Heartbeat => Access::Run { checked_by_use_case: true },
            Self::RegisterRun | Self::LinkRun | Self::RenewRunToken | Self::FinishRun => PLATFORM,
            Self::GetRun | Self::WatchRuns => STAFF_OR_PLATFORM,
            Self::ReadOwnSession => STAFF,
            Self::ListRuns
            | Self::ReadRunTimeline
            | Self::ReadTrace
            | Self::ListApprovals
            | Self::GetApproval
            | Self::WatchApprovals
            | Self::FollowChanges
            | Self::GetPolicy
            | Self::ExplainPolicy
            | Self::ListQuarantinedDatabases => STAFF,
            Self::DecideApproval
            | Self::DecideApprovals
            | Self::AnswerQuestion
            | Self::DictateReason
            | Self::DictateAnswer => APPROVER,
            Self::CancelApproval => Access::AnyOf(&[Approver, Operator]),
            Self::ResolveUnknown | Self::ActivatePolicy | Self::RestoreDatabase => OPERATOR,
            Self::ListEvents => Access::AnyOf(&[Auditor, Operator]),
            Self::Describe => Access::Public,
        }
    }
}
