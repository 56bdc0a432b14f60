//! Which operation each method of the contract means. Who may ask for it stands in the one table of [`countersign_usecases::access`]. A
//! method that is not listed here can't be called.

use countersign_usecases::access::{Access, Operation};

/// Every method of the contract.
const METHODS: [(&str, Operation); 26] = [
    ("/countersign.v1.AgentService/ListTools", Operation::ListTools),
    ("/countersign.v1.AgentService/CallTool", Operation::CallTool),
    ("/countersign.v1.AgentService/GetOutcome", Operation::GetOutcome),
    ("/countersign.v1.AgentService/AwaitOutcome", Operation::AwaitOutcome),
    ("/countersign.v1.AgentService/ListOutcomes", Operation::ListOutcomes),
    ("/countersign.v1.AgentService/AcknowledgeOutcome", Operation::AcknowledgeOutcome),
    ("/countersign.v1.AgentService/CancelRequest", Operation::CancelOwnRequest),
    ("/countersign.v1.AgentService/Heartbeat", Operation::Heartbeat),
    ("/countersign.v1.RunService/RegisterRun", Operation::RegisterRun),
    ("/countersign.v1.RunService/LinkRun", Operation::LinkRun),
    ("/countersign.v1.RunService/RenewRunToken", Operation::RenewRunToken),
    ("/countersign.v1.RunService/FinishRun", Operation::FinishRun),
    ("/countersign.v1.RunService/GetRun", Operation::GetRun),
    ("/countersign.v1.RunService/WatchRuns", Operation::WatchRuns),
    ("/countersign.v1.ApprovalService/ListPendingApprovals", Operation::ListApprovals),
    ("/countersign.v1.ApprovalService/GetApproval", Operation::GetApproval),
    ("/countersign.v1.ApprovalService/ResolveApprovalDecision", Operation::DecideApproval),
    ("/countersign.v1.ApprovalService/AnswerQuestion", Operation::AnswerQuestion),
    ("/countersign.v1.ApprovalService/ResolveUnknown", Operation::ResolveUnknown),
    ("/countersign.v1.ApprovalService/CancelApproval", Operation::CancelApproval),
    ("/countersign.v1.ApprovalService/WatchApprovals", Operation::WatchApprovals),
    ("/countersign.v1.PolicyService/ExplainPolicy", Operation::ExplainPolicy),
    ("/countersign.v1.PolicyService/ActivatePolicy", Operation::ActivatePolicy),
    ("/countersign.v1.DatabaseService/ListQuarantinedDatabases", Operation::ListQuarantinedDatabases),
    ("/countersign.v1.DatabaseService/RestoreDatabase", Operation::RestoreDatabase),
    ("/countersign.v1.AuditService/ListEvents", Operation::ListEvents),
];

/// What the method of this path (`/package.Service/Method`) asks of its caller; `None` when there is no such method.
pub fn access_of(path: &str) -> Option<Access> {
    if path.starts_with("/grpc.health.v1.Health/") || path.starts_with("/grpc.reflection.") {
        return Some(Operation::Describe.access());
    }
    METHODS.iter().find(|(method, _)| *method == path).map(|(_, operation)| operation.access())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_has_no_access() {
        assert_eq!(access_of("/countersign.v1.AgentService/Approve"), None);
        assert_eq!(access_of("/"), None);
        assert_eq!(access_of("/grpc.health.v1.Health/Check"), Some(Access::Public));
    }
}
