//! Events that change no state: a closed list, so that nothing else can be written into the log.

use countersign_approvals::{ActionRequest, RequestFacts};
use countersign_audit::EventType;
use countersign_kernel::{ActionName, Digest, Environment, ToolName};
use countersign_mcp_tools::Finding;
use serde_json::{Value, json};

/// What was called.
#[derive(Clone, Copy, Debug)]
pub struct CalledTool<'a> {
    /// The tool.
    pub tool: &'a ToolName,
    /// The action.
    pub action: &'a ActionName,
    /// The environment, for tools that have one.
    pub environment: Option<&'a Environment>,
}

impl<'a> CalledTool<'a> {
    /// What the call of a request was.
    pub fn of(facts: &'a RequestFacts) -> Self {
        Self { tool: &facts.tool, action: &facts.action, environment: facts.environment.as_ref() }
    }
}

/// Something that happened and changed no state.
#[derive(Clone, Debug)]
pub enum NoteEvent<'a> {
    /// A tool was called and the call let in.
    Called {
        /// What was called.
        call: CalledTool<'a>,
        /// The request it made.
        request: Option<&'a ActionRequest>,
    },
    /// A repeated call met its earlier request.
    Reused {
        /// The earlier request.
        request: &'a ActionRequest,
        /// Calls that changed nothing, counted since the last recorded one.
        suppressed_before: u32,
    },
    /// A call told what would happen.
    DryRun {
        /// What was called.
        call: CalledTool<'a>,
        /// What policy would answer.
        verdict: &'a str,
        /// Calls that changed nothing, counted since the last recorded one.
        suppressed_before: u32,
    },
    /// A reading call was completed at once.
    Completed {
        /// What was called.
        call: CalledTool<'a>,
    },
    /// Policy refused a call.
    PolicyDenied {
        /// What was called.
        call: CalledTool<'a>,
        /// The stable code of the reason.
        code: &'a str,
        /// The reason.
        reason: String,
        /// Refusals counted since the last recorded one.
        suppressed_before: u32,
    },
    /// A call or an execution was turned away for another reason than policy.
    Rejected {
        /// What was called.
        call: CalledTool<'a>,
        /// The request, if there is one.
        request: Option<&'a ActionRequest>,
        /// The stable code.
        code: &'a str,
        /// The reason.
        reason: String,
        /// Refused calls counted since the last recorded one; 0 where it was no call that was turned away.
        suppressed_before: u32,
    },
    /// A target is not as the last applied request left it, or carries our mark without being on record.
    BypassDetected {
        /// The request that was applied last, or that the mark names, if it is one of ours.
        request: Option<&'a ActionRequest>,
        /// The target, as a request's step names it.
        target: &'a str,
        /// What is different.
        finding: &'a Finding,
    },
    /// A policy text became active.
    PolicyLoaded {
        /// Its number.
        number: u64,
        /// Its digest.
        digest: Digest,
    },
    /// A policy text was refused.
    PolicyRejected {
        /// The digest of the refused text.
        digest: Digest,
        /// What is wrong with it: positions and rules, at most the first 20.
        errors: Vec<String>,
    },
}

impl<'a> NoteEvent<'a> {
    pub(super) fn into_parts(self) -> (EventType, Option<&'a ActionRequest>, Value) {
        match self {
            Self::Called { call, request } => (EventType::McpToolCalled, request, call.json(json!({}))),
            Self::Reused { request, suppressed_before } => {
                let state = request.state.name().as_str();
                let detail = json!({"state": state, "suppressed_before": suppressed_before});
                (EventType::ApprovalReused, Some(request), detail)
            }
            Self::DryRun { call, verdict, suppressed_before } => {
                let extra = json!({"verdict": verdict, "suppressed_before": suppressed_before});
                (EventType::McpToolDryRun, None, call.json(extra))
            }
            Self::Completed { call } => (EventType::McpToolSucceeded, None, call.json(json!({}))),
            Self::PolicyDenied { call, code, reason, suppressed_before } => {
                let extra = json!({
                    "by": "policy", "code": code, "reason": reason, "suppressed_before": suppressed_before,
                });
                (EventType::ApprovalDenied, None, call.json(extra))
            }
            Self::Rejected { call, request, code, reason, suppressed_before } => {
                let extra = json!({"code": code, "reason": reason, "suppressed_before": suppressed_before});
                (EventType::McpToolRejected, request, call.json(extra))
            }
            Self::BypassDetected { request, target, finding } => {
                let detail = json!({
                    "target": target, "deviation": finding.deviation.as_str(), "left": finding.left,
                    "seen": finding.seen, "finding": finding.mark(target),
                });
                (EventType::BypassDetected, request, detail)
            }
            Self::PolicyLoaded { number, digest } => {
                (EventType::PolicyLoaded, None, json!({"number": number, "digest": digest.to_string()}))
            }
            Self::PolicyRejected { digest, errors } => {
                (EventType::PolicyRejected, None, json!({"digest": digest.to_string(), "errors": errors}))
            }
        }
    }
}

impl CalledTool<'_> {
    fn json(&self, extra: Value) -> Value {
        let mut detail = json!({
            "tool": self.tool.as_str(), "action": self.action.as_str(),
            "environment": self.environment.map(Environment::as_str),
        });
        if let (Value::Object(members), Value::Object(more)) = (&mut detail, extra) {
            members.extend(more);
        }
        detail
    }
}
