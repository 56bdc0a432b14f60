//! What happens elsewhere appears in open pages by itself.

use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_suites::browser::{Scene, Window};
use tokio::time::Instant;

use crate::deciding::{asks_for_secret, in_list};

crate::on_both_stores!(
    what_happens_elsewhere_appears_within_a_second,
    what_somebody_is_typing_survives_what_happens_elsewhere,
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
