//! One cell of the matrix: a point on each of its seven axes.

use std::fmt;

use countersign_kernel::{ActionName, AgentKey, Environment, ProjectKey, RunLabel, RuntimeMode, ToolName};

/// What is asked about: who wants to do what, where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The run's project.
    pub project: ProjectKey,
    /// The kind of agent.
    pub agent_key: AgentKey,
    /// What the run is for.
    pub run_label: RunLabel,
    /// What the run can reach by itself.
    pub runtime_mode: RuntimeMode,
    /// The tool, by its name or an alias.
    pub tool: ToolName,
    /// The action of the tool.
    pub action: ActionName,
    /// The environment; `None` for a call that has none, such as a question. A rule that names an environment doesn't match then.
    pub environment: Option<Environment>,
}

impl Cell {
    pub(crate) fn value(&self, axis: Axis) -> Option<&str> {
        match axis {
            Axis::Project => Some(self.project.as_str()),
            Axis::AgentKey => Some(self.agent_key.as_str()),
            Axis::RunLabel => Some(self.run_label.as_str()),
            Axis::RuntimeMode => Some(self.runtime_mode.as_str()),
            Axis::Tool => Some(self.tool.as_str()),
            Axis::Action => Some(self.action.as_str()),
            Axis::Environment => self.environment.as_ref().map(Environment::as_str),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, axis) in Axis::ALL.into_iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{axis} {}", self.value(axis).unwrap_or("-"))?;
        }
        Ok(())
    }
}

/// An axis of the matrix. Grants compare by specificity in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// The run's project.
    Project,
    /// The kind of agent.
    AgentKey,
    /// What the run is for.
    RunLabel,
    /// What the run can reach by itself.
    RuntimeMode,
    /// The tool.
    Tool,
    /// The action of the tool.
    Action,
    /// The environment.
    Environment,
}

impl Axis {
    /// All axes, in the order of comparison.
    pub const ALL: [Self; 7] = [
        Self::Project,
        Self::AgentKey,
        Self::RunLabel,
        Self::RuntimeMode,
        Self::Tool,
        Self::Action,
        Self::Environment,
    ];

    /// The axis as it is written in the text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::AgentKey => "agent_key",
            Self::RunLabel => "run_label",
            Self::RuntimeMode => "runtime_mode",
            Self::Tool => "tool",
            Self::Action => "action",
            Self::Environment => "environment",
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
