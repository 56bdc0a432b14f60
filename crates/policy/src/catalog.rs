//! What the tool registry declares, as far as policy needs to know it.

use std::collections::BTreeMap;

use countersign_kernel::{ActionName, ApprovalMode, ToolName};

/// What policy knows of one action of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionTraits {
    /// Whether it changes anything. Where no grant matches, a writing action takes the text's `defaults`.
    pub writes: bool,
    /// The mode of a reading action where no grant matches. `None` means the text's `defaults`; `delegated` means the owner, since a
    /// tool can't name groups.
    pub default: Option<ApprovalMode>,
    /// Whether it is a question: settled by one person's answer, so never by nobody and never by a quorum.
    pub question: bool,
}

impl ActionTraits {
    /// An action that changes something.
    pub const fn writing() -> Self {
        Self { writes: true, default: None, question: false }
    }

    /// An action that only looks, with its own default.
    pub const fn reading(default: ApprovalMode) -> Self {
        Self { writes: false, default: Some(default), question: false }
    }

    /// A question to the owner.
    pub const fn question() -> Self {
        Self { writes: false, default: Some(ApprovalMode::Owner), question: true }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToolEntry {
    aliases: Vec<ToolName>,
    pub(crate) actions: BTreeMap<ActionName, ActionTraits>,
}

/// The tools that exist, with their aliases and actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCatalog {
    tools: BTreeMap<ToolName, ToolEntry>,
}

impl ToolCatalog {
    /// No tools yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more tool; replaces an earlier one of this name.
    #[must_use]
    pub fn with_tool(
        mut self,
        name: ToolName,
        aliases: impl IntoIterator<Item = ToolName>,
        actions: impl IntoIterator<Item = (ActionName, ActionTraits)>,
    ) -> Self {
        self.add_tool(name, aliases, actions);
        self
    }

    /// Adds a tool; replaces an earlier one of this name.
    pub fn add_tool(
        &mut self,
        name: ToolName,
        aliases: impl IntoIterator<Item = ToolName>,
        actions: impl IntoIterator<Item = (ActionName, ActionTraits)>,
    ) {
        let entry =
            ToolEntry { aliases: aliases.into_iter().collect(), actions: actions.into_iter().collect() };
        self.tools.insert(name, entry);
    }

    /// The canonical name behind a name or alias.
    pub fn canonical(&self, name: &str) -> Option<&ToolName> {
        self.find(name).map(|(name, _)| name)
    }

    /// What is known of an action; the tool by its name or an alias.
    pub fn traits(&self, tool: &ToolName, action: &ActionName) -> Option<ActionTraits> {
        self.find(tool.as_str()).and_then(|(_, entry)| entry.actions.get(action).copied())
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&ToolName, &ToolEntry)> {
        // A canonical name wins over another tool's alias.
        let canonical = self.tools.iter().find(|(tool, _)| tool.as_str() == name);
        canonical.or_else(|| {
            self.tools.iter().find(|(_, entry)| entry.aliases.iter().any(|alias| alias.as_str() == name))
        })
    }

    /// The tools by their canonical names.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (&ToolName, &ToolEntry)> {
        self.tools.iter()
    }

    /// All names and aliases, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tools
            .iter()
            .flat_map(|(name, entry)| std::iter::once(name).chain(&entry.aliases).map(ToolName::as_str))
    }
}

impl ToolEntry {
    pub(crate) fn answers_to(&self, name: &ToolName, test: impl Fn(&str) -> bool) -> bool {
        test(name.as_str()) || self.aliases.iter().any(|alias| test(alias.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_its_tool_and_a_name_wins_over_an_alias() {
        let tool = |name| ToolName::parse(name).unwrap();
        let ask = ActionName::parse("ask").unwrap();
        let catalog = ToolCatalog::new()
            .with_tool(tool("a"), [tool("b"), tool("other")], [(ask.clone(), ActionTraits::question())])
            .with_tool(tool("b"), [], []);
        assert_eq!(catalog.canonical("other"), Some(&tool("a")));
        assert_eq!(catalog.canonical("b"), Some(&tool("b")));
        assert_eq!(catalog.canonical("c"), None);
        assert_eq!(catalog.traits(&tool("other"), &ask), Some(ActionTraits::question()));
        assert_eq!(catalog.traits(&tool("b"), &ask), None);
    }
}
