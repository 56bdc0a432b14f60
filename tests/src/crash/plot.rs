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
    /// GitHub takes its time, so that the lease has to be prolonged meanwhile.
    Slow,
    /// A database is made together with a login role, whose password goes into a Kubernetes Secret. On PostgreSQL only.
    WithRole,
}

const SYNC: Cell = Cell { tool: "secret.sync.github_k8s", action: "sync" };
const CREATE: Cell = Cell { tool: "database.lifecycle", action: "create" };

impl Plot {
    /// All of them but the slow one, which only the points need.
    pub fn all() -> Vec<Self> {
        CELLS.into_iter().map(Self::Well).chain([Self::TakenBack, Self::WithRole]).collect()
    }

    /// The one by this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|plot| plot.name() == name)
    }

    /// What is asked for.
    pub const fn cell(self) -> Cell {
        match self {
            Self::Well(cell) => cell,
            Self::TakenBack | Self::Slow => SYNC,
            Self::WithRole => CREATE,
        }
    }

    /// The action, or what is told of it: `sync`, `sync-taken-back`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Well(cell) => cell.action,
            Self::TakenBack => "sync-taken-back",
            Self::Slow => "sync-slow",
            Self::WithRole => "create-with-role",
        }
    }

    /// The state that the request comes to.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Well(Cell { action: "ask", .. }) => "answered",
            Self::Well(_) | Self::Slow | Self::WithRole => "applied",
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
        let plots = Plot::all().into_iter().chain([Plot::Slow]);
        plots.map(Self::Request).chain(chores.map(Self::Chore)).collect()
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

    /// Whether it can happen where databases are files.
    pub const fn needs_no_roles(self) -> bool {
        match self {
            Self::Request(Plot::WithRole) => false,
            Self::Request(Plot::Well(_) | Plot::TakenBack | Plot::Slow) | Self::Chore(_) => true,
        }
    }

    /// Whether it is told for what happens while a target takes its time, and for nothing else.
    pub const fn is_about_time(self) -> bool {
        match self {
            Self::Request(Plot::Slow) => true,
            Self::Request(Plot::Well(_) | Plot::TakenBack | Plot::WithRole) | Self::Chore(_) => false,
        }
    }

    /// Whether servers have to watch their targets for it. The others are told without: a round of the watcher passes points by chance.
    pub const fn needs_the_watcher(self) -> bool {
        match self {
            Self::Chore(Chore::Watch) => true,
            Self::Request(_) | Self::Chore(Chore::Restore | Chore::Purge) => false,
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
