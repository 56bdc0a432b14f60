//! What axe-core finds on a page that keeps somebody out.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::session::Browser;

/// All rules of WCAG 2.2 up to AA that a machine can look at, and what axe calls good practice.
const RUN: &str = "
const answer = arguments[arguments.length - 1];
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
  .then((found) => answer(found.violations.flatMap((rule) => rule.nodes.slice(0, 3).map((node) => ({
    impact: node.impact, rule: `${rule.id} (of ${rule.nodes.length})`, help: rule.help, html: node.html, why: node.failureSummary,
  })))))
  .catch((error) => answer([{ impact: 'critical', rule: 'axe itself', help: String(error) }]));
";

/// What is wrong on the page that the browser shows, each in a line, of each rule three places; the worst that axe knows are `critical` and `serious`. What is less
/// is told as well, on the standard output, and keeps nobody out.
///
/// # Errors
/// axe-core is not in the folder of packages, or can't run.
#[expect(clippy::print_stdout, reason = "what is minor is told beside the result of the test")]
pub async fn violations(browser: &Browser, packages: &Path) -> Result<Vec<String>> {
    let file = packages.join("node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(&file).with_context(|| format!("no `{}`", file.display()))?;
    browser.run(&axe, &[]).await.context("loading axe-core")?;
    let found = browser.run_until_it_answers(RUN).await.context("running axe-core")?;
    let found = found.as_array().cloned().context("axe-core answers with a list")?;
    let (serious, minor): (Vec<_>, Vec<_>) =
        found.iter().partition(|one| matches!(one["impact"].as_str(), Some("critical" | "serious")));
    let address = browser.address().await?;
    let line = |one: &&Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().replace('\n', " ");
        format!(
            "{address} {} {}: {} {} ({})",
            text("impact"),
            text("rule"),
            text("help"),
            text("html"),
            text("why")
        )
    };
    for one in &minor {
        println!("{}", line(one));
    }
    Ok(serious.iter().map(line).collect())
}
