//! What the runner said, suite by suite: counts, times, budgets. Pure: it is fed lines and the time they came.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use crate::steps::clock;

/// What a suite may take that isn't listed below.
pub(crate) const DEFAULT_BUDGET_S: u64 = 120;

/// Suites that need longer, because they start servers or containers or try many cases; a package's name covers all its suites. Several
/// times what they take on two idle cores, so that a busy machine passes and a hanging test is found.
pub(crate) const BUDGETS_S: [(&str, u64); 8] = [
    ("adapters-postgres", 300),
    ("adapters-sqlite", 180),
    ("app", 300),
    ("doc-tests", 240),
    ("testkit", 180),
    ("tests", 900),
    ("usecases", 240),
    ("xtask", 120),
];

/// One test executable, or the doc-tests of one crate.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) executable: Option<PathBuf>,
}

impl Suite {
    fn budget(&self) -> Duration {
        let package = self.name.split("::").next().unwrap_or_default();
        let listed = BUDGETS_S.iter().find(|(name, _)| *name == package);
        Duration::from_secs(listed.map_or(DEFAULT_BUDGET_S, |(_, seconds)| *seconds))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

struct Row {
    suite: Suite,
    start: Duration,
    /// Set when the result line came.
    took: Option<Duration>,
    counts: Counts,
    /// The names of its failed tests.
    failed: Vec<String>,
    ended: bool,
}

impl Row {
    fn took(&self, now: Duration) -> Duration {
        self.took.unwrap_or(now.saturating_sub(self.start))
    }

    fn verdict(&self) -> &'static str {
        match self.took {
            Some(took) if self.ended || took > self.suite.budget() => "OVER BUDGET",
            None if self.ended => "OVER BUDGET",
            None => "NO RESULT",
            Some(_) if self.counts.failed > 0 => "FAILED",
            Some(_) => "ok",
        }
    }
}

/// All suites seen so far.
pub(crate) struct Report {
    known: HashMap<String, Suite>,
    rows: Vec<Row>,
}

impl Report {
    /// Knows suites by the file names of their executables.
    pub(crate) fn new(known: HashMap<String, Suite>) -> Self {
        Self { known, rows: Vec::new() }
    }

    /// Takes one line of the runner's output.
    pub(crate) fn line(&mut self, line: &str, at: Duration) {
        let line = line.trim();
        if let Some(suite) = self.starting(line) {
            self.rows.push(Row {
                suite,
                start: at,
                took: None,
                counts: Counts::default(),
                failed: Vec::new(),
                ended: false,
            });
        } else if let Some(counts) = counts(line)
            && let Some(row) = self.rows.last_mut()
        {
            row.took = Some(at.saturating_sub(row.start));
            // Doc-tests may come as several groups, each with its result.
            row.counts.passed += counts.passed;
            row.counts.failed += counts.failed;
            row.counts.ignored += counts.ignored;
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
            && let Some(row) = self.rows.last_mut()
        {
            row.failed.push(name.to_owned());
        }
    }

    /// The running suite, once, when it is over its budget.
    pub(crate) fn overdue(&mut self, now: Duration) -> Option<Suite> {
        let row = self.rows.last_mut()?;
        let over = row.took.is_none() && !row.ended && row.took(now) > row.suite.budget();
        over.then(|| {
            row.ended = true;
            row.suite.clone()
        })
    }

    /// Whether every suite that started came to a good end in its time, and there was one.
    pub(crate) fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.verdict() == "ok")
    }

    /// The table, and the sum as the last line.
    pub(crate) fn render(&self, total: Duration) -> String {
        let mut lines = vec![format!(
            "{:<40} {:>6} {:>6} {:>7} {:>8} {:>7}",
            "suite", "passed", "failed", "ignored", "took", "budget"
        )];
        let mut sum = Counts::default();
        let mut empty = 0;
        for row in &self.rows {
            let Counts { passed, failed, ignored } = row.counts;
            sum = Counts {
                passed: sum.passed + passed,
                failed: sum.failed + failed,
                ignored: sum.ignored + ignored,
            };
            let verdict = row.verdict();
            if row.counts == Counts::default() && verdict == "ok" {
                empty += 1;
                continue;
            }
            let (took, budget) = (clock(row.took(total)), clock(row.suite.budget()));
            lines.push(format!(
                "{:<40} {passed:>6} {failed:>6} {ignored:>7} {took:>8} {budget:>7}  {verdict}",
                row.suite.name
            ));
        }
        for row in &self.rows {
            lines.extend(row.failed.iter().map(|name| format!("failed: {} {name}", row.suite.name)));
        }
        let word = if self.passed() { "ok" } else { "FAILED" };
        let suites = self.rows.len() - empty;
        lines.push(format!(
            "\ntest result: {word}. {} passed; {} failed; {} ignored; {suites} suites; finished in {:.2}s",
            sum.passed,
            sum.failed,
            sum.ignored,
            total.as_secs_f64()
        ));
        lines.join("\n")
    }

    fn starting(&self, line: &str) -> Option<Suite> {
        if let Some(krate) = line.strip_prefix("Doc-tests ") {
            return Some(Suite { name: format!("doc-tests::{krate}"), executable: None });
        }
        let (_, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?;
        let file = path.rsplit('/').next()?;
        // Tests may print such a line themselves: only what cargo has compiled counts.
        self.known.get(file).cloned()
    }
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`
fn counts(line: &str) -> Option<Counts> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        let part = rest.split("; ").find_map(|part| part.strip_suffix(word))?;
        part.trim().parse().ok()
    };
    Some(Counts { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites() -> HashMap<String, Suite> {
        let suite = |name: &str| Suite { name: name.to_owned(), executable: None };
        HashMap::from([
            ("kernel-1a".to_owned(), suite("kernel")),
            ("deny-2b".to_owned(), suite("tests::deny")),
        ])
    }

    fn fed(lines: &[(&str, u64)]) -> Report {
        let mut report = Report::new(suites());
        for (line, at) in lines {
            report.line(line, Duration::from_secs(*at));
        }
        report
    }

    const KERNEL: &str = "     Running unittests src/lib.rs (target/debug/deps/kernel-1a)";
    const DENY: &str = "     Running tests/deny.rs (/elsewhere/debug/deps/deny-2b)";
    const GOOD: &str =
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
    const BAD: &str =
        "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.1s";

    #[test]
    fn good_suites_add_up_in_the_last_line() {
        let report = fed(&[
            (KERNEL, 0),
            (GOOD, 1),
            (DENY, 2),
            (GOOD, 100),
            ("   Doc-tests countersign_kernel", 101),
            (GOOD, 102),
        ]);
        assert!(report.passed());
        let text = report.render(Duration::from_secs(103));
        let last = text.lines().last().unwrap();
        assert_eq!(last, "test result: ok. 36 passed; 0 failed; 3 ignored; 3 suites; finished in 103.00s");
        assert!(text.contains("tests::deny") && text.contains("1m38s  15m00s  ok"), "{text}");
    }

    #[test]
    fn a_failed_test_a_missing_result_and_no_suite_at_all_fail() {
        let failed = fed(&[(KERNEL, 0), ("test id::tests::parses ... FAILED", 1), (BAD, 1)]);
        assert!(!failed.passed());
        assert!(failed.render(Duration::from_secs(2)).contains("failed: kernel id::tests::parses\n"));
        let crashed = fed(&[(KERNEL, 0), (DENY, 1), (GOOD, 2)]);
        assert!(!crashed.passed());
        assert!(crashed.render(Duration::from_secs(3)).contains("NO RESULT"));
        assert!(!fed(&[]).passed());
    }

    #[test]
    fn a_suite_over_its_budget_fails_though_its_tests_pass() {
        let mut report = fed(&[(KERNEL, 0)]);
        assert!(report.overdue(Duration::from_secs(DEFAULT_BUDGET_S)).is_none());
        assert_eq!(report.overdue(Duration::from_secs(DEFAULT_BUDGET_S + 1)).unwrap().name, "kernel");
        assert!(report.overdue(Duration::from_secs(DEFAULT_BUDGET_S + 2)).is_none(), "told once");
        assert!(!report.passed());
        let slow = fed(&[(KERNEL, 0), (GOOD, DEFAULT_BUDGET_S + 1)]);
        assert!(!slow.passed());
        assert!(slow.render(Duration::from_secs(99)).contains("OVER BUDGET"));
    }

    #[test]
    fn what_tests_print_is_not_taken_for_a_suite() {
        let report =
            fed(&[(KERNEL, 0), ("Running something else (target/debug/deps/other-3c)", 1), (GOOD, 2)]);
        assert!(report.passed());
        assert_eq!(report.rows.len(), 1);
    }
}
