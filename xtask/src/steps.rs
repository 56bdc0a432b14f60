//! A list of named steps, each with its time budget, run in order; the table at the end says where the time went.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::shell;

/// One step of a longer run.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) budget: Duration,
    pub(crate) action: Box<dyn Fn() -> Result<()>>,
}

impl Step {
    pub(crate) fn new(name: &'static str, budget_s: u64, action: impl Fn() -> Result<()> + 'static) -> Self {
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
        let word = match &outcome {
            Ok(()) if took > step.budget => "over budget",
            Ok(()) => "ok",
            Err(_) => "FAILED",
        };
        lines.push(format!("{:<14} {:>8} of {:>6}  {word}", step.name, clock(took), clock(step.budget)));
        if let Err(error) = outcome {
            result = Err(error).with_context(|| format!("step `{}`", step.name));
            break;
        }
    }
    println!("\n{}\ntotal {}", lines.join("\n"), clock(start.elapsed()));
    result
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
    fn durations_read_as_a_person_says_them() {
        assert_eq!(clock(Duration::from_millis(1240)), "1.2s");
        assert_eq!(clock(Duration::from_secs(125)), "2m05s");
    }
}
