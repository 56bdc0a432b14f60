//! The open registry of control tools. A platform team registers its own beside ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_kernel::ToolName;

use crate::tool::ControlTool;

/// A tool can't be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Another tool already answers to this name.
    #[error("the tool name `{0}` is already taken")]
    NameTaken(ToolName),
    /// A tool without actions can never be called.
    #[error("the tool `{0}` declares no action")]
    NoAction(ToolName),
}

/// The tools by every name they answer to.
#[derive(Clone, Default)]
pub struct ToolRegistry {
    tools: BTreeMap<ToolName, Arc<dyn ControlTool>>,
    names: BTreeMap<ToolName, ToolName>,
}

impl ToolRegistry {
    /// No tools yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool under its name and aliases; all or nothing.
    ///
    /// # Errors
    /// One of the names is taken, or the tool has no action.
    pub fn register(&mut self, tool: Arc<dyn ControlTool>) -> Result<(), RegisterError> {
        let descriptor = tool.descriptor();
        let name = descriptor.name.clone();
        if descriptor.actions.is_empty() {
            return Err(RegisterError::NoAction(name));
        }
        let all: Vec<_> = std::iter::once(&name).chain(&descriptor.aliases).cloned().collect();
        if let Some(taken) = all.iter().find(|wanted| self.names.contains_key(*wanted)) {
            return Err(RegisterError::NameTaken(taken.clone()));
        }
        self.names.extend(all.into_iter().map(|alias| (alias, name.clone())));
        self.tools.insert(name, tool);
        Ok(())
    }

    /// The tool that answers to `name`, by its name or an alias.
    pub fn find(&self, name: &ToolName) -> Option<&Arc<dyn ControlTool>> {
        self.tools.get(self.names.get(name)?)
    }

    /// All tools, by canonical name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn ControlTool>> {
        self.tools.values()
    }
}
