//! One run of schemathesis.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::process::Command;

use super::Plan;
use super::document::Contract;
use super::report::Seen;
use super::stage::{self, Stage, Waiting};

/// What schemathesis is told beside the command line.
const CONFIG: &str = include_str!("schemathesis.toml");

/// What it is told in its own language: how recordings are made.
const HOOKS: &str = include_str!("hooks.py");

/// The parts of an attempt. Each has requests of its own that wait for people: another would find them decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Along the links of all operations.
    Links,
    /// Along the links between one request and what is done about it: among all operations they are followed too seldom.
    Desk,
    /// Each operation by itself.
    Single,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Links, Self::Desk, Self::Single];

    /// As files are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Desk => "desk",
            Self::Single => "single",
        }
    }

    const fn phases(self) -> &'static str {
        match self {
            Self::Links | Self::Desk => "stateful",
            Self::Single => "examples,coverage,fuzzing",
        }
    }

    /// How many chains of requests are tried, where more than usual.
    const fn examples(self) -> Option<&'static str> {
        match self {
            Self::Links | Self::Single => None,
            Self::Desk => Some("150"),
        }
    }

    /// The operations it is about; all of them when there are none.
    pub fn operations<'c>(self, contract: &'c Contract, role: &str) -> Vec<&'c str> {
        match self {
            Self::Links | Self::Single => Vec::new(),
            Self::Desk => {
                let operations = contract.operations();
                let mine = operations.filter(|operation| operation.is_on_desk() && operation.may(role));
                mine.map(|operation| operation.id.as_str()).collect()
            }
        }
    }
}

/// One run of schemathesis.
pub struct Attempt<'c> {
    /// As its files are called.
    pub name: String,
    pub role: &'static str,
    pub seed: u64,
    pub part: Part,
    /// Only these operations; all of them when there are none.
    pub operations: Vec<&'c str>,
}

impl Attempt<'_> {
    /// Runs it. Where it found something its words are added to `broken`.
    pub async fn make(&self, plan: &Plan, stage: &Stage, broken: &mut Vec<String>) -> Result<Seen> {
        let file = |extension: &str| plan.folder.join(format!("{}.{extension}", self.name));
        let waiting = stage.ask(&self.name).await?;
        std::fs::write(file("toml"), configuration(&waiting))?;
        std::fs::write(plan.folder.join("hooks.py"), HOOKS)?;
        let output = std::fs::File::create(file("txt"))?;
        let mut command = Command::new(&plan.program);
        command
            // It leaves a folder of its own wherever it is started.
            .current_dir(&plan.folder)
            .arg("--config-file")
            .arg(file("toml"))
            .arg("run")
            .arg(plan.folder.join("openapi.json"))
            .args(["--url", stage.http(), "--phases", self.part.phases(), "--seed", &self.seed.to_string()])
            .args(["--header", &format!("Authorization: Bearer {}", stage::token(self.role))])
            .args([
                "--no-color",
                "--generation-database",
                "none",
                "--report",
                "ndjson",
                "--report-ndjson-path",
            ])
            .arg(file("ndjson"))
            .args(self.part.examples().into_iter().flat_map(|count| ["--max-examples", count]))
            .args(self.operations.iter().flat_map(|id| ["--include-operation-id", *id]))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let status =
            command.status().await.with_context(|| format!("starting `{}`", plan.program.display()))?;
        let said = || std::fs::read_to_string(file("txt")).unwrap_or_default();
        match status.code() {
            Some(0) => {}
            // It found something.
            Some(1) => broken.push(format!("{}:\n{}", file("txt").display(), said())),
            Some(_) | None => bail!("schemathesis ended with {status}: {}", said()),
        }
        Seen::read(&file("ndjson"))
    }
}

/// What schemathesis is told, with the ids of what there is.
fn configuration(waiting: &Waiting) -> String {
    let dictionary =
        |name: &str, ids: &[String]| format!("\n[dictionaries.{name}]\nvalues = {}\n", json!(ids));
    [CONFIG, &dictionary("runs", &waiting.runs), &dictionary("requests", &waiting.requests)].concat()
}
