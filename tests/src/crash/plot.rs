//! What a story of the crash harness is about, and how it ends when nothing is wrong with Countersign.

use std::fmt;

use crate::table::{CELLS, Cell};

/// What happens in a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plot {
    /// All targets are well.
    Well(Cell),
    /// GitHub refuses the secret for good, so that the write to Kubernetes is taken back.
    TakenBack,
}

/// The action whose second target refuses.
const SYNC: Cell = Cell { tool: "secret.sync.github_k8s", action: "sync" };

impl Plot {
    /// All of them.
    pub fn all() -> Vec<Self> {
        CELLS.into_iter().map(Self::Well).chain([Self::TakenBack]).collect()
    }

    /// The one by this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|plot| plot.name() == name)
    }

    /// What is asked for.
    pub const fn cell(self) -> Cell {
        match self {
            Self::Well(cell) => cell,
            Self::TakenBack => SYNC,
        }
    }

    /// The action, or what is told of it: `sync`, `sync-taken-back`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Well(cell) => cell.action,
            Self::TakenBack => "sync-taken-back",
        }
    }

    /// The state that the request comes to.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Well(Cell { action: "ask", .. }) => "answered",
            Self::Well(_) => "applied",
            Self::TakenBack => "failed",
        }
    }
}

/// What servers do without an agent asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chore {
    /// Staff has a quarantined database restored.
    Restore,
    /// The retention of a quarantined database is over.
    Purge,
    /// Somebody changed by hand what was applied.
    Watch,
}

/// What a tale is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Theme {
    /// A request.
    Request(Plot),
    /// A chore.
    Chore(Chore),
}

impl Theme {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let chores = [Chore::Restore, Chore::Purge, Chore::Watch];
        Plot::all().into_iter().map(Self::Request).chain(chores.map(Self::Chore)).collect()
    }

    /// Lower-case letters and dashes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request(plot) => plot.name(),
            Self::Chore(Chore::Restore) => "restore",
            Self::Chore(Chore::Purge) => "purge",
            Self::Chore(Chore::Watch) => "watch",
        }
    }

    /// Whether the point belongs to it, and is not passed by chance at the same time.
    pub fn has(self, point: &str) -> bool {
        match self {
            Self::Request(_) | Self::Chore(Chore::Restore | Chore::Purge) => !point.contains(" watch)"),
            Self::Chore(Chore::Watch) => true,
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
