//! Every page there is: nobody is kept out of it, and it fits a phone.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use countersign_suites::browser::{Browser, Scene, Tale, Theme, Window, violations};

/// The pages of the console, read from where they are declared.
const CONSOLE: &str = include_str!("../../../crates/transport-http/src/console.rs");

/// Addresses at which every page is seen, in every shape that it has.
fn addresses(tale: &Tale) -> Vec<String> {
    let Tale {
        run,
        entry,
        applied,
        denied,
        expired,
        answered,
        unknown,
        asked_again,
        secret,
        deletion,
        question,
    } = tale;
    let mut all: Vec<_> = [
        "/",
        "/?group=run",
        "/?q=nothing-like-it",
        "/batch",
        "/requests",
        "/requests?q=nothing-like-it",
        "/overview",
        "/runs",
        "/runs?status=finished",
        "/trace",
        "/trace?issue=acme/shop%2317",
        "/trace?issue=acme/shop%23999",
        "/audit",
        "/audit?run=nobody",
        "/policy",
        "/account",
        "/sign-in/signed-out",
        "/no-such-page",
        "/?project=%20",
    ]
    .map(str::to_owned)
    .into();
    all.push(format!("/batch?id={secret}&id={deletion}"));
    all.push(format!("/audit/{entry}"));
    all.push(format!("/runs/{run}"));
    all.push(format!("/trace?run={run}"));
    all.push(format!("/audit?run={run}"));
    for id in [applied, denied, expired, answered, unknown, asked_again, secret, deletion, question] {
        all.push(format!("/requests/{id}"));
    }
    all
}

/// The paths in the text of the console's table that show something, without parameters.
fn paths(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter_map(|line| line.trim().strip_prefix("shows(\""));
    rows.filter_map(|row| row.split('"').next()).map(|path| path.replace("{id}", "…")).collect()
}

#[test]
fn every_page_of_the_console_is_among_the_addresses() {
    let id = || "ID".to_owned();
    let tale = Tale {
        run: id(),
        entry: id(),
        applied: id(),
        denied: id(),
        expired: id(),
        answered: id(),
        unknown: id(),
        asked_again: id(),
        secret: id(),
        deletion: id(),
        question: id(),
    };
    let seen: BTreeSet<_> = addresses(&tale)
        .iter()
        .map(|address| address.split('?').next().unwrap_or_default().replace("ID", "…"))
        .collect();
    let there = paths(CONSOLE);
    assert!(there.len() >= 9 && there.contains("/requests/…"), "the console is read wrongly: {there:?}");
    // A file to be saved is no page.
    let unseen: Vec<_> = there.difference(&seen).filter(|path| *path != "/audit/export").collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
}

async fn checked(browser: &Browser, scene: &Scene, wrong: &mut BTreeSet<String>) -> Result<()> {
    wrong.extend(violations(browser, scene.packages()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: `cargo xtask browser` runs it"]
async fn no_page_keeps_anybody_out_in_either_theme() -> Result<()> {
    crate::on_sqlite(async |scene| {
        let outside = scene.browser(&Window::DESK).await?;
        let browser = scene.browser_of("alice", &Window::DESK).await?;
        let guest = scene.browser_of("victor", &Window::DESK).await?;
        let mut wrong = BTreeSet::new();
        // Nothing waits yet.
        checked(&browser, scene, &mut wrong).await?;
        let tale = Tale::tell(scene).await?;
        outside.go("/").await?;
        outside.click("button[name=sub][value=nina]").await?;
        outside.see("main").await?;
        guest.go("/audit").await?;
        for theme in Theme::ALL {
            for one in [&browser, &outside, &guest] {
                one.set_window(&Window { theme, ..Window::DESK }).await?;
            }
            checked(&outside, scene, &mut wrong).await?;
            checked(&guest, scene, &mut wrong).await?;
            for address in addresses(&tale) {
                browser.go(&address).await?;
                // What is folded has to be as good as what isn't.
                browser
                    .run("for (const one of document.querySelectorAll('details')) one.open = true", &[])
                    .await?;
                checked(&browser, scene, &mut wrong).await?;
            }
            browser.go("/").await?;
            browser.press("?").await?;
            browser.see("dialog[open]").await?;
            checked(&browser, scene, &mut wrong).await?;
        }
        ensure!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), Vec::from_iter(wrong).join("\n"));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: `cargo xtask browser` runs it"]
async fn a_developer_chooses_whom_to_be_and_is_told_that_nobody_proves_it() -> Result<()> {
    crate::for_development(async |scene| {
        let browser = scene.browser(&Window::DESK).await?;
        let mut wrong = BTreeSet::new();
        for theme in Theme::ALL {
            browser.set_window(&Window { theme, ..Window::DESK }).await?;
            browser.go("/").await?;
            ensure!(browser.text(".banner").await?.contains("nobody proves who they are"), "it is said");
            checked(&browser, scene, &mut wrong).await?;
        }
        browser.click("button[value='user:github:alice']").await?;
        browser.see(".who").await?;
        ensure!(browser.text(".who").await?.contains("Alice Moreau"), "she is in");
        ensure!(browser.text(".banner").await?.contains("nobody proves who they are"), "every page says it");
        checked(&browser, scene, &mut wrong).await?;
        ensure!(wrong.is_empty(), "violations: {wrong:#?}");
        Ok(())
    })
    .await
}

/// What sticks out of the window, unless it is in a box that scrolls by itself.
///
/// A phone zooms out until a page fits it, and then calls itself wider: so it is told how wide it is.
const STICKS_OUT: &str = "
const [width] = arguments;
if (document.documentElement.scrollWidth <= width) return [];
const out = [...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > width + 1 && !one.parentElement.closest('.scroll'))
  .map((one) => one.outerHTML.slice(0, 120));
return [`${document.documentElement.scrollWidth} wide`, ...out];
";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: `cargo xtask browser` runs it"]
async fn every_page_fits_a_phone_in_both_languages() -> Result<()> {
    crate::on_sqlite(async |scene| {
        let tale = Tale::tell(scene).await?;
        let mut wrong = Vec::new();
        for language in ["en", "ru"] {
            let browser = scene.browser_of("alice", &Window { language, ..Window::PHONE }).await?;
            for address in addresses(&tale) {
                browser.go(&address).await?;
                browser
                    .run("for (const one of document.querySelectorAll('details')) one.open = true", &[])
                    .await?;
                let found = browser.run(STICKS_OUT, &[Window::PHONE.width.into()]).await?;
                let found = found.as_array().cloned().unwrap_or_default();
                wrong.extend(found.iter().map(|one| format!("{address} in {language}: {one}")));
            }
        }
        ensure!(wrong.is_empty(), "what sticks out:\n{}", wrong.join("\n"));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: `cargo xtask browser` runs it"]
async fn what_keeps_somebody_out_or_sticks_out_is_found() -> Result<()> {
    crate::on_sqlite(async |scene| {
        let browser = scene.browser_of("alice", &Window::PHONE).await?;
        let spoil = "
            const main = document.querySelector('main');
            main.append(document.createElement('img'), document.createElement('input'), document.createElement('p'));
            const faint = main.lastChild;
            faint.textContent = 'faint'; faint.style.color = '#ddd'; faint.style.background = '#fff'; faint.style.width = '900px';
        ";
        browser.run(spoil, &[]).await?;
        let found = violations(&browser, scene.packages()).await?.join("\n");
        for rule in ["image-alt", "label", "color-contrast"] {
            ensure!(found.contains(rule), "`{rule}` is not in:\n{found}");
        }
        let out = browser.run(STICKS_OUT, &[Window::PHONE.width.into()]).await?;
        ensure!(out.to_string().contains("faint"), "what sticks out: {out}");
        Ok(())
    })
    .await
}
