//! What happens elsewhere appears in open pages by itself.

use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_suites::browser::{Scene, Window};
use tokio::time::Instant;

use crate::deciding::{asks_for_secret, in_list};

crate::on_both_stores!(
    what_happens_elsewhere_appears_within_a_second,
    what_somebody_is_typing_survives_what_happens_elsewhere,
    what_is_decided_elsewhere_can_no_longer_be_decided_here,
    the_list_changes_around_whoever_works_in_it,
    a_page_that_refused_a_form_follows_what_happens,
);

/// How long it may take. On a busy machine a single one may take longer, so the quicker of several have to hold it.
const AT_MOST: Duration = Duration::from_secs(1);

/// How often each is looked at.
const TRIES: usize = 3;

async fn what_happens_elsewhere_appears_within_a_second(scene: &Scene) -> Result<()> {
    let agent = scene.agent("live-1").await?;
    let here = scene.browser_of("alice", &Window::DESK).await?;
    let elsewhere = scene.browser_elsewhere(&Window::DESK).await?;
    elsewhere.sign_in("carol").await?;
    let (mut appeared, mut decided) = (Vec::new(), Vec::new());
    for number in 0..TRIES {
        elsewhere.go("/").await?;
        elsewhere.see(".live[data-state=on]").await?;
        let id = asks_for_secret(&agent, &format!("live-key-{number}")).await?;
        let asked = Instant::now();
        elsewhere.see(&in_list(&id)).await?;
        appeared.push(asked.elapsed());

        elsewhere.go(&format!("/requests/{id}")).await?;
        elsewhere.see(".live[data-state=on]").await?;
        here.go(&format!("/requests/{id}")).await?;
        here.click("button.deny").await?;
        let clicked = Instant::now();
        elsewhere.see(".status .badge[data-state=denied]").await?;
        decided.push(clicked.elapsed());
    }
    for (what, mut times) in [("a new request", appeared), ("a decision", decided)] {
        times.sort_unstable();
        println!("{what} appeared elsewhere after {times:?}");
        ensure!(times[TRIES / 2] < AT_MOST, "{what} appeared only after {times:?}");
    }
    Ok(())
}

async fn what_somebody_is_typing_survives_what_happens_elsewhere(scene: &Scene) -> Result<()> {
    let agent = scene.agent("live-2").await?;
    let id = asks_for_secret(&agent, "live-key").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.see(".live[data-state=on]").await?;
    browser.write("#reason", "While I").await?;
    agent.cancel(&id, "not needed any more").await?;
    browser.see(".status .badge[data-state=cancelled]").await?;
    browser.write("#reason", " type").await?;
    ensure!(browser.value("#reason").await? == "While I type", "nothing of it is lost");
    Ok(())
}

async fn what_is_decided_elsewhere_can_no_longer_be_decided_here(scene: &Scene) -> Result<()> {
    let agent = scene.agent("live-3").await?;
    let id = asks_for_secret(&agent, "live-key").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.see(".live[data-state=on]").await?;
    browser.write("#reason", "I think so.").await?;
    scene.parties.decide(&id, countersign_transport_grpc::v1::Decision::Deny, "no").await?;
    browser.see("#changed a").await?;
    browser.see("button.approve:disabled").await?;
    browser.see_that("document.querySelector('#news').textContent.includes('denied')").await?;
    ensure!(browser.value("#reason").await? == "I think so.", "what was typed stays");
    browser.click("#changed a").await?;
    browser.see(".status .badge[data-state=denied]").await?;
    browser.see("[data-typed]:not([hidden])").await?;
    ensure!(browser.value("#typed").await? == "I think so.", "the words are still theirs");
    Ok(())
}

async fn the_list_changes_around_whoever_works_in_it(scene: &Scene) -> Result<()> {
    let agent = scene.agent("live-4").await?;
    let first = asks_for_secret(&agent, "list-one").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.see(".live[data-state=on]").await?;
    browser.press("j").await?;
    browser.click(".filters summary").await?;
    browser.write("input[name=q]", "jad").await?;
    let second = asks_for_secret(&agent, "list-two").await?;
    browser.see(&in_list(&second)).await?;
    browser.see_that("document.activeElement.matches('input[name=q]')").await?;
    browser.write("input[name=q]", "jad").await?;
    ensure!(browser.value("input[name=q]").await? == "jadjad", "letters stay letters");
    let boxed = format!("input[name=id][value='{first}']");
    browser.click(&boxed).await?;
    let third = asks_for_secret(&agent, "list-three").await?;
    browser.see(&in_list(&third)).await?;
    browser.see_that(&format!("document.activeElement.matches(\"{boxed}:checked\")")).await?;
    browser.see_that("document.title.startsWith('(3) ')").await?;
    browser.click("[data-all]").await?;
    ensure!(browser.count("input[name=id]:checked").await? == 3, "all of them are chosen at once");
    Ok(())
}

async fn a_page_that_refused_a_form_follows_what_happens(scene: &Scene) -> Result<()> {
    let agent = scene.agent("live-5").await?;
    let id = asks_for_secret(&agent, "live-key").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.write("#reason", "Yes, but").await?;
    browser.run("document.querySelector('button.approve').value = 'perhaps';", &[]).await?;
    browser.click("button.approve").await?;
    browser.see(".notice.bad").await?;
    ensure!(browser.address().await?.ends_with(&format!("/requests/{id}")), "it can be loaded again");
    browser.see(".live[data-state=on]").await?;
    browser.reload().await?;
    ensure!(browser.value("#reason").await? == "Yes, but", "what was typed is there until it counts");
    browser.see(".live[data-state=on]").await?;
    browser.click("button.approve").await?;
    browser.see(".notice.good").await?;
    browser.see(".status .badge[data-state=applied]").await?;
    ensure!(
        browser.run("return Object.keys(sessionStorage).length;", &[]).await? == 0,
        "nothing of it is left in the browser"
    );
    Ok(())
}
