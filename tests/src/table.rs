//! The table tool x action x outcome x store that a suite ends with. An empty cell fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};

/// One thing a control tool can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The tool.
    pub tool: &'static str,
    /// Its action.
    pub action: &'static str,
}

/// All of them. A registered tool without a row fails the suites: see `suites::check_registered`.
pub const CELLS: [Cell; 6] = [
    Cell { tool: "secret.sync.github_k8s", action: "sync" },
    Cell { tool: "database.lifecycle", action: "create" },
    Cell { tool: "database.lifecycle", action: "describe" },
    Cell { tool: "database.lifecycle", action: "delete" },
    Cell { tool: "database.lifecycle", action: "drop" },
    Cell { tool: "mcp_owner_feedback_request", action: "ask" },
];

/// What the suites saw, by cell and store.
#[derive(Debug, Default)]
pub struct Table {
    seen: BTreeMap<(Cell, String), String>,
    stores: BTreeSet<String>,
}

impl Table {
    /// Nothing seen yet on these stores.
    pub fn on(stores: &[&str]) -> Self {
        Self { seen: BTreeMap::new(), stores: stores.iter().map(|store| (*store).to_owned()).collect() }
    }

    /// Notes what a cell came to.
    pub fn note(&mut self, cell: Cell, store: &str, outcome: &str) {
        self.seen.insert((cell, store.to_owned()), outcome.to_owned());
    }

    /// Checks that every cell has the outcome expected of it on every store.
    ///
    /// # Errors
    /// A cell is empty or differs; the message names all of them.
    pub fn check(&self, expected: impl Fn(Cell) -> &'static str) -> Result<()> {
        let mut wrong = Vec::new();
        for cell in CELLS {
            for store in &self.stores {
                let seen = self.seen.get(&(cell, store.clone())).map_or("(nothing)", String::as_str);
                if seen != expected(cell) {
                    let (tool, action) = (cell.tool, cell.action);
                    wrong.push(format!("{tool} {action} on {store}: {seen}, expected {}", expected(cell)));
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<28} {:<9}", "tool", "action")?;
        for store in &self.stores {
            write!(f, " {store:<12}")?;
        }
        for cell in CELLS {
            write!(f, "\n{:<28} {:<9}", cell.tool, cell.action)?;
            for store in &self.stores {
                let seen = self.seen.get(&(cell, store.clone())).map_or("-", String::as_str);
                write!(f, " {seen:<12}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_fails() {
        let mut table = Table::on(&["sqlite"]);
        for cell in &CELLS[1..] {
            table.note(*cell, "sqlite", "denied");
        }
        let error = table.check(|_| "denied").unwrap_err().to_string();
        assert_eq!(error, "secret.sync.github_k8s sync on sqlite: (nothing), expected denied");
    }
}
