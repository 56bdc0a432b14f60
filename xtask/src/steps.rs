//! A list of named steps, each with its time budget, run in order; the table at the end says where the time went.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::shell;

/// What came of a step that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// What it is for was checked, and is good.
    Checked,
    /// Nothing was checked: something that it needs isn't on this machine. The step itself has said what.
    LeftOut,
}

/// One step of a longer run.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) budget: Duration,
    pub(crate) action: Box<dyn Fn() -> Result<Done>>,
}

impl Step {
    pub(crate) fn new(name: &'static str, budget_s: u64, action: impl Fn() -> Result<()> + 'static) -> Self {
        Self::that_may_be_left_out(name, budget_s, move || action().map(|()| Done::Checked))
    }

    /// A step that says itself whether it could check anything.
    pub(crate) fn that_may_be_left_out(
        name: &'static str,
        budget_s: u64,
        action: impl Fn() -> Result<Done> + 'static,
    ) -> Self {
        Self { name, budget: Duration::from_secs(budget_s), action: Box::new(action) }
    }
}

/// Runs the steps until one fails, and prints how long each took.
pub(crate) fn run_all(steps: &[Step]) -> Result<()> {
    let start = shell::now();
    let mut lines = Vec::new();
    let mut result = Ok(());
    for step in steps {
        println!("\n== {} (budget {})", step.name, clock(step.budget));
        let step_start = shell::now();
        let outcome = (step.action)();
        let took = step_start.elapsed();
        let word = word(&outcome, took > step.budget);
        lines.push(format!("{:<14} {:>8} of {:>6}  {word}", step.name, clock(took), clock(step.budget)));
        if let Err(error) = outcome {
            result = Err(error).with_context(|| format!("step `{}`", step.name));
            break;
        }
    }
    println!("\n{}\ntotal {}", lines.join("\n"), clock(start.elapsed()));
    result
}

fn word(outcome: &Result<Done>, over_budget: bool) -> &'static str {
    match outcome {
        Ok(Done::Checked) if over_budget => "over budget",
        Ok(Done::Checked) => "ok",
        Ok(Done::LeftOut) => "NOT CHECKED",
        Err(_) => "FAILED",
    }
}

/// A duration as minutes and seconds.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1}s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    #[test]
    fn the_first_failing_step_is_the_last_one_run() {
        let ran = Rc::new(Cell::new(0));
        let count = |fails: bool| {
            let ran = Rc::clone(&ran);
            move || {
                ran.set(ran.get() + 1);
                if fails { anyhow::bail!("broken") } else { Ok(()) }
            }
        };
        let steps = [
            Step::new("one", 5, count(false)),
            Step::new("two", 5, count(true)),
            Step::new("three", 5, count(false)),
        ];
        let error = run_all(&steps).unwrap_err();
        assert_eq!(ran.get(), 2);
        assert_eq!(format!("{error:#}"), "step `two`: broken");
    }

    #[test]
    fn a_step_that_checked_nothing_is_not_called_good() {
        assert_eq!(word(&Ok(Done::LeftOut), false), "NOT CHECKED");
        assert_eq!(word(&Ok(Done::Checked), false), "ok");
        assert_eq!(word(&Ok(Done::Checked), true), "over budget");
        assert_eq!(word(&Err(anyhow::anyhow!("broken")), false), "FAILED");
    }

    #[test]
    fn durations_read_as_a_person_says_them() {
        assert_eq!(clock(Duration::from_millis(1240)), "1.2s");
        assert_eq!(clock(Duration::from_secs(125)), "2m05s");
    }
}
