//! The closed list of what can be audited.

use std::fmt;
use std::str::FromStr;

/// The text is not the name of an event type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an event type")]
pub struct ParseEventTypeError(String);

/// One list for the variants, their names and `ALL`, so that they can't drift apart.
macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What kind of fact an event states.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[$doc])* $variant,)*
        }

        impl EventType {
            /// Every type, in the order of the domain's list.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

event_types! {
    /// A request was opened; people have to decide.
    ApprovalRequested = "approval.requested",
    /// The same call came again and met its open request.
    ApprovalReused = "approval.reused",
    /// A vote was counted and the quorum is not met yet.
    ApprovalVoted = "approval.voted",
    /// The quorum is met, or policy approved by itself.
    ApprovalApproved = "approval.approved",
    /// A person or the policy said no.
    ApprovalDenied = "approval.denied",
    /// A question was answered.
    ApprovalAnswered = "approval.answered",
    /// A clock ran out.
    ApprovalExpired = "approval.expired",
    /// Withdrawn before it began.
    ApprovalCancelled = "approval.cancelled",
    /// The target or the policy changed before the first step.
    ApprovalDrifted = "approval.drifted",
    /// The executor began.
    ApprovalApplying = "approval.applying",
    /// All steps are done.
    ApprovalApplied = "approval.applied",
    /// Nothing was changed, or all was undone.
    ApprovalFailed = "approval.failed",
    /// A write may or may not have happened.
    ApprovalUnknown = "approval.unknown",
    /// Approvers were reminded.
    ApprovalReminded = "approval.reminded",
    /// The request was brought to further approvers.
    ApprovalEscalated = "approval.escalated",
    /// An agent called a control tool.
    McpToolCalled = "mcp.tool.called",
    /// The call waits for an approval.
    McpToolApprovalPending = "mcp.tool.approval_pending",
    /// The call asked only what would happen.
    McpToolDryRun = "mcp.tool.dry_run",
    /// The call did what it was asked to do.
    McpToolSucceeded = "mcp.tool.succeeded",
    /// The call ended without doing what it was asked to do.
    McpToolFailed = "mcp.tool.failed",
    /// The call was refused.
    McpToolRejected = "mcp.tool.rejected",
    /// A platform registered a run.
    RunRegistered = "run.registered",
    /// A run was linked to an issue or pull request.
    RunLinked = "run.linked",
    /// A run is over.
    RunFinished = "run.finished",
    /// A run began to wait for a request.
    RunWaitPaused = "run.wait.paused",
    /// A run's wait for a request ended.
    RunWaitResumed = "run.wait.resumed",
    /// A request was handed to an outside adapter.
    DeliverySent = "delivery.sent",
    /// An attempt to hand it over failed.
    DeliveryFailed = "delivery.failed",
    /// Attempts to hand it over ended.
    DeliveryAbandoned = "delivery.abandoned",
    /// An outside adapter's answer counted.
    CallbackAccepted = "callback.accepted",
    /// The same answer came again.
    CallbackDuplicate = "callback.duplicate",
    /// An answer came to something that is no longer asked.
    CallbackStale = "callback.stale",
    /// An answer was refused.
    CallbackRejected = "callback.rejected",
    /// A policy text became the active one.
    PolicyLoaded = "policy.loaded",
    /// A policy text was refused.
    PolicyRejected = "policy.rejected",
    /// An owner let somebody decide.
    DelegationGranted = "delegation.granted",
    /// That permission ended.
    DelegationEnded = "delegation.ended",
    /// Staff had a quarantined database restored.
    DatabaseRestoring = "database.restoring",
    /// A quarantined database has its old name back.
    DatabaseRestored = "database.restored",
    /// The retention of a quarantined database is over; it is about to be dropped.
    DatabasePurging = "database.purging",
    /// A quarantined database was dropped for good.
    DatabasePurged = "database.purged",
    /// A quarantined database was neither restored nor dropped and is kept.
    DatabaseKept = "database.kept",
    /// A target was written to behind Countersign's back.
    BypassDetected = "bypass.detected",
    /// The detail of an earlier event was erased.
    AuditErased = "audit.erased",
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = ParseEventTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| ParseEventTypeError(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the domain page lists them, a family a line.
    const DOMAIN: [(&str, &str); 11] = [
        (
            "approval.",
            "requested reused voted approved denied answered expired cancelled drifted applying applied failed unknown \
             reminded escalated",
        ),
        ("mcp.tool.", "called approval_pending dry_run succeeded failed rejected"),
        ("run.", "registered linked finished"),
        ("run.wait.", "paused resumed"),
        ("delivery.", "sent failed abandoned"),
        ("callback.", "accepted duplicate stale rejected"),
        ("policy.", "loaded rejected"),
        ("delegation.", "granted ended"),
        // Not on the domain page: ADR 0015.
        ("database.", "restoring restored purging purged kept"),
        ("bypass.", "detected"),
        ("audit.", "erased"),
    ];

    #[test]
    fn the_list_is_the_domains_list() {
        let domain: Vec<String> = DOMAIN
            .iter()
            .flat_map(|(family, names)| names.split_whitespace().map(move |name| format!("{family}{name}")))
            .collect();
        let ours: Vec<&str> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(ours, domain);
    }

    #[test]
    fn a_type_has_one_spelling() {
        for kind in EventType::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
        }
        for text in ["", "approval", "approval.Requested", "approval.requested ", "run.paused"] {
            let error = text.parse::<EventType>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not the name of an event type"));
        }
    }
}
