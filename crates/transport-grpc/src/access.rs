//! Who may call what: the one authorization table of the gRPC surface. A method that is not in it can't be called.

use std::str::FromStr;

/// What a bearer token's holder may see and do. Whose decision counts is policy's business, not a role's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees approvals and runs.
    Viewer,
    /// Decides, answers and withdraws, where policy asks for it.
    Approver,
    /// Keeps it running: activates policy texts, settles what is unknown, withdraws any request, restores databases.
    Operator,
    /// Reads the audited events.
    Auditor,
    /// Launches agents: registers and ends their runs.
    Platform,
}

/// The text is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: expected `viewer`, `approver`, `operator`, `auditor` or `platform`")]
pub struct ParseRoleError(String);

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Approver, Self::Operator, Self::Auditor, Self::Platform];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Platform => "platform",
        }
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| ParseRoleError(text.chars().take(64).collect()))
    }
}

/// What a method asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: health and reflection.
    Public,
    /// A run token of a live run.
    Run {
        /// Whether the use case looks itself whether the run lives, in the same snapshot it decides on, so that the gate need not.
        checked_by_use_case: bool,
    },
    /// A bearer token with one of these roles.
    AnyOf(&'static [Role]),
}

use Role::{Approver, Auditor, Operator, Platform, Viewer};

const RUN: Access = Access::Run { checked_by_use_case: false };
const RUN_IN_SNAPSHOT: Access = Access::Run { checked_by_use_case: true };
const STAFF: Access = Access::AnyOf(&[Viewer, Approver, Operator, Auditor]);
const STAFF_OR_PLATFORM: Access = Access::AnyOf(&[Viewer, Approver, Operator, Auditor, Platform]);
const PLATFORM: Access = Access::AnyOf(&[Platform]);
const APPROVER: Access = Access::AnyOf(&[Approver]);
const OPERATOR: Access = Access::AnyOf(&[Operator]);

/// Every method of the contract.
const METHODS: [(&str, Access); 26] = [
    ("/countersign.v1.AgentService/ListTools", RUN),
    ("/countersign.v1.AgentService/CallTool", RUN_IN_SNAPSHOT),
    ("/countersign.v1.AgentService/GetOutcome", RUN),
    ("/countersign.v1.AgentService/AwaitOutcome", RUN),
    ("/countersign.v1.AgentService/ListOutcomes", RUN),
    ("/countersign.v1.AgentService/AcknowledgeOutcome", RUN),
    ("/countersign.v1.AgentService/CancelRequest", RUN),
    ("/countersign.v1.AgentService/Heartbeat", RUN_IN_SNAPSHOT),
    ("/countersign.v1.RunService/RegisterRun", PLATFORM),
    ("/countersign.v1.RunService/LinkRun", PLATFORM),
    ("/countersign.v1.RunService/RenewRunToken", PLATFORM),
    ("/countersign.v1.RunService/FinishRun", PLATFORM),
    ("/countersign.v1.RunService/GetRun", STAFF_OR_PLATFORM),
    ("/countersign.v1.RunService/WatchRuns", STAFF_OR_PLATFORM),
    ("/countersign.v1.ApprovalService/ListPendingApprovals", STAFF),
    ("/countersign.v1.ApprovalService/GetApproval", STAFF),
    ("/countersign.v1.ApprovalService/ResolveApprovalDecision", APPROVER),
    ("/countersign.v1.ApprovalService/AnswerQuestion", APPROVER),
    ("/countersign.v1.ApprovalService/ResolveUnknown", OPERATOR),
    ("/countersign.v1.ApprovalService/CancelApproval", Access::AnyOf(&[Approver, Operator])),
    ("/countersign.v1.ApprovalService/WatchApprovals", STAFF),
    ("/countersign.v1.PolicyService/ExplainPolicy", STAFF),
    ("/countersign.v1.PolicyService/ActivatePolicy", OPERATOR),
    ("/countersign.v1.DatabaseService/ListQuarantinedDatabases", STAFF),
    ("/countersign.v1.DatabaseService/RestoreDatabase", OPERATOR),
    ("/countersign.v1.AuditService/ListEvents", Access::AnyOf(&[Auditor, Operator])),
];

/// What the method of this path (`/package.Service/Method`) asks of its caller; `None` when there is no such method.
pub fn access_of(path: &str) -> Option<Access> {
    if path.starts_with("/grpc.health.v1.Health/") || path.starts_with("/grpc.reflection.") {
        return Some(Access::Public);
    }
    METHODS.iter().find(|(method, _)| *method == path).map(|(_, access)| *access)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_one_spelling() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("Viewer".parse::<Role>().is_err());
    }

    #[test]
    fn what_is_not_listed_has_no_access() {
        assert_eq!(access_of("/countersign.v1.AgentService/Approve"), None);
        assert_eq!(access_of("/"), None);
        assert_eq!(access_of("/grpc.health.v1.Health/Check"), Some(Access::Public));
    }
}
