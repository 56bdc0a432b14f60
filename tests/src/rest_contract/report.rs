//! What schemathesis reports: its events, one a line (<https://schemathesis.readthedocs.io/en/stable/reference/reports/>).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// How many requests ended with which status, by method and path.
#[derive(Clone, Debug, Default)]
pub struct Seen(BTreeMap<(String, String, u16), usize>);

#[derive(Deserialize)]
struct Scenario {
    recorder: Recorder,
}

#[derive(Deserialize)]
struct Recorder {
    #[serde(default)]
    cases: BTreeMap<String, Case>,
    #[serde(default)]
    interactions: BTreeMap<String, Interaction>,
}

#[derive(Deserialize)]
struct Case {
    value: CaseValue,
}

#[derive(Deserialize)]
struct CaseValue {
    method: String,
    path: String,
}

#[derive(Deserialize)]
struct Interaction {
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status_code: u16,
}

impl Seen {
    /// Reads a report.
    ///
    /// # Errors
    /// It is not there, or has another form.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading `{}`", file.display()))?;
        let mut seen = Self::default();
        for line in text.lines() {
            let event: Value = serde_json::from_str(line)?;
            if let Some(finished) = event.get("ScenarioFinished") {
                let scenario =
                    Scenario::deserialize(finished).context("the report of a scenario has another form")?;
                seen.add(scenario.recorder);
            }
        }
        Ok(seen)
    }

    fn add(&mut self, recorder: Recorder) {
        for (id, interaction) in recorder.interactions {
            let case = recorder.cases.get(&id).map(|case| &case.value);
            if let (Some(case), Some(response)) = (case, interaction.response) {
                let key = (case.method.to_uppercase(), case.path.clone(), response.status_code);
                *self.0.entry(key).or_insert(0) += 1;
            }
        }
    }

    /// Takes over what another report says.
    pub fn merge(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_insert(0) += count;
        }
    }

    /// How many requests were answered.
    pub fn requests(&self) -> usize {
        self.0.values().sum()
    }

    /// How many were answered with a 2xx.
    pub fn accepted(&self) -> usize {
        self.0.iter().filter(|((_, _, status), _)| is_success(*status)).map(|(_, count)| count).sum()
    }

    /// Whether a request for this operation was ever answered with a 2xx.
    pub fn has_accepted(&self, method: &str, path: &str) -> bool {
        self.0.keys().any(|(other, at, status)| other == method && at == path && is_success(*status))
    }
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..300)
}
