//! What policy answers for a cell.

use std::fmt;

use countersign_kernel::{ActionName, Environment, ProjectKey, Terms, ToolName};

use crate::rule::RuleId;

/// The answer for one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The call may go on under these terms.
    Allow {
        /// Who has to agree, how many, and how long it may take.
        terms: Terms,
        /// What the terms come from, before guards tightened them.
        rule: RuleRef,
    },
    /// The call is refused.
    Deny {
        /// Why.
        reason: DenyReason,
    },
}

/// What an answer comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RuleRef {
    /// The most specific grant that matched.
    Grant(RuleId),
    /// No grant matched: the text's `defaults`.
    Defaults,
    /// No grant matched, and the action only reads: the tool's own default.
    ToolDefault,
}

impl RuleRef {
    /// The kind's one spelling: `grant`, `defaults` or `tool_default`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Grant(_) => "grant",
            Self::Defaults => "defaults",
            Self::ToolDefault => "tool_default",
        }
    }

    /// The grant's id, if it is one.
    pub const fn id(&self) -> Option<&RuleId> {
        match self {
            Self::Grant(id) => Some(id),
            Self::Defaults | Self::ToolDefault => None,
        }
    }
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(id) => write!(f, "grant `{id}`"),
            Self::Defaults => f.write_str("the policy's defaults"),
            Self::ToolDefault => f.write_str("the tool's own default"),
        }
    }
}

/// Why a call is refused. Displayed as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DenyReason {
    /// The policy text has no such project.
    #[error("the policy knows no project `{0}`")]
    UnknownProject(ProjectKey),
    /// There is no such tool.
    #[error("there is no tool `{0}`")]
    UnknownTool(ToolName),
    /// The tool has no such action.
    #[error("the tool `{tool}` has no action `{action}`")]
    UnknownAction {
        /// The tool.
        tool: ToolName,
        /// What it doesn't do.
        action: ActionName,
    },
    /// The project has no such environment.
    #[error("the project `{project}` has no environment `{environment}`")]
    UnknownEnvironment {
        /// The project.
        project: ProjectKey,
        /// What it doesn't have.
        environment: Environment,
    },
    /// A guard denies it.
    #[error("the guard `{id}` denies it")]
    Guard {
        /// The first such guard in the text.
        id: RuleId,
    },
    /// The grant that won denies it.
    #[error("the grant `{id}` denies it")]
    Grant {
        /// The grant.
        id: RuleId,
    },
    /// No grant matches, and the text's defaults deny.
    #[error("no grant allows it, and the policy's defaults deny")]
    Defaults,
}

impl DenyReason {
    /// The stable code: what is unknown, or `policy_denied` when a rule said no.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownProject(_) => "unknown_project",
            Self::UnknownTool(_) => "unknown_tool",
            Self::UnknownAction { .. } => "unknown_action",
            Self::UnknownEnvironment { .. } => "unknown_environment",
            Self::Guard { .. } | Self::Grant { .. } | Self::Defaults => "policy_denied",
        }
    }

    /// The rule that said no, if one did.
    pub const fn rule(&self) -> Option<&RuleId> {
        match self {
            Self::Guard { id } | Self::Grant { id } => Some(id),
            Self::UnknownProject(_)
            | Self::UnknownTool(_)
            | Self::UnknownAction { .. }
            | Self::UnknownEnvironment { .. }
            | Self::Defaults => None,
        }
    }
}
