//! Finding a request, deciding on it, and being too late.

use anyhow::{Context, Result, ensure};
use countersign_suites::browser::{Browser, HOME, Scene, Window};
use countersign_suites::clients::{Agent, status_of};
use countersign_transport_grpc::client::from_struct;
use serde_json::{Value, json};

crate::on_both_stores!(
    a_request_is_found_opened_and_approved,
    a_denial_carries_its_reason_to_the_agent,
    whoever_is_too_late_is_told_who_was_faster_and_keeps_what_they_typed,
    several_are_decided_at_once_or_none,
    a_reload_keeps_what_was_typed,
);

/// Has an agent ask for a secret of this name.
pub(crate) async fn asks_for_secret(agent: &Agent, name: &str) -> Result<String> {
    let arguments = json!({
        "environment": "dev", "github_secret_name": name.to_uppercase().replace('-', "_"),
        "kubernetes_secret_name": name, "justification": format!("The {name} is due for its rotation."),
    });
    let reply = agent.call("secret.sync.github_k8s", &arguments).await?;
    reply.request_id.context("it waits for a person")
}

/// The detail of an outcome, once there is one of this status.
pub(crate) async fn comes_to(agent: &Agent, id: &str, status: &str) -> Result<Value> {
    let outcome = agent.outcome(id).await?;
    ensure!(status_of(&outcome) == status, "came to {} instead of {status}", status_of(&outcome));
    Ok(outcome.detail.as_ref().map(from_struct).unwrap_or_default())
}

/// The title of a request in the list.
pub(crate) fn in_list(id: &str) -> String {
    format!("li[data-request='{id}'] a.title")
}

async fn a_request_is_found_opened_and_approved(scene: &Scene) -> Result<()> {
    let agent = scene.agent("deploy-1").await?;
    let (wanted, other) =
        (asks_for_secret(&agent, "search-token").await?, asks_for_secret(&agent, "mail-key").await?);
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.see(&in_list(&other)).await?;
    browser.click(".filters summary").await?;
    browser.write("input[name=q]", "search").await?;
    browser.click(".filters button").await?;
    browser.reach(&format!("{HOME}/?q=search")).await?;
    ensure!(browser.count(".requests > li").await? == 1, "only what was looked for");
    browser.click(&in_list(&wanted)).await?;
    browser.reach(&format!("{HOME}/requests/{wanted}")).await?;
    let page = browser.text("main").await?;
    for part in ["search-token", "The agent's own words", "is due for its rotation", "Fingerprint"] {
        ensure!(page.contains(part), "`{part}` is not in:\n{page}");
    }
    browser.click("button.approve").await?;
    browser.see(".notice.good").await?;
    comes_to(&agent, &wanted, "applied").await?;
    browser.see(".status .badge[data-state=applied]").await?;
    ensure!(scene.site.kubernetes.secret("shop-dev", "search-token").is_some(), "it is in place");
    let events = scene.parties.events("deploy-1").await?;
    let approved = events.iter().find(|event| event.r#type == "approval.approved").context("its event")?;
    ensure!(format!("{approved:?}").contains("user:corp:alice"), "on the record is who: {approved:?}");
    Ok(())
}

async fn a_denial_carries_its_reason_to_the_agent(scene: &Scene) -> Result<()> {
    let agent = scene.agent("deploy-2").await?;
    let id = asks_for_secret(&agent, "search-token").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.write("#reason", "Not during the freeze.\nAsk again on Monday.").await?;
    browser.click("button.deny").await?;
    browser.see(".notice.good").await?;
    let told = comes_to(&agent, &id, "denied").await?;
    ensure!(told["reason"] == "Not during the freeze.\nAsk again on Monday.", "the agent is told {told}");
    browser.see(".status .badge[data-state=denied]").await?;
    ensure!(browser.text(".resolution blockquote").await?.contains("on Monday"), "so are people");
    ensure!(scene.site.journal.is_empty(), "nothing was written");
    Ok(())
}

async fn whoever_is_too_late_is_told_who_was_faster_and_keeps_what_they_typed(scene: &Scene) -> Result<()> {
    let agent = scene.agent("deploy-3").await?;
    let id = asks_for_secret(&agent, "search-token").await?;
    // With a script the page would say at once that it is over.
    let late = scene.browser_of("alice", &Window::WITHOUT_SCRIPTS).await?;
    late.click(&in_list(&id)).await?;
    late.write("#reason", "Please go ahead, it is urgent.").await?;
    let fast = scene.browser_elsewhere(&Window::DESK).await?;
    fast.sign_in("carol").await?;
    fast.click(&in_list(&id)).await?;
    fast.write("#reason", "The audit comes first.").await?;
    fast.click("button.deny").await?;
    fast.see(".notice.good").await?;
    late.click("button.approve").await?;
    late.see(".notice.bad").await?;
    let told = late.text(".notice.bad").await?;
    for part in ["Somebody was faster", "user:corp:carol", "denied", "The audit comes first."] {
        ensure!(told.contains(part), "`{part}` is not in:\n{told}");
    }
    late.see(".notice.bad time").await?;
    ensure!(late.value("#typed").await? == "Please go ahead, it is urgent.", "what was typed is there");
    comes_to(&agent, &id, "denied").await?;
    Ok(())
}

/// Chooses these in the list, and goes to the page that names them.
async fn chosen(browser: &Browser, ids: [&str; 2]) -> Result<()> {
    browser.go("/").await?;
    for id in ids {
        browser.click(&format!("input[name=id][value='{id}']")).await?;
    }
    browser.click("form[action='/batch'] button").await?;
    browser.reach(&format!("{HOME}/batch")).await
}

async fn several_are_decided_at_once_or_none(scene: &Scene) -> Result<()> {
    let agent = scene.agent("deploy-4").await?;
    let mut ids = Vec::new();
    for name in ["one", "two", "three", "four"] {
        ids.push(asks_for_secret(&agent, &format!("key-{name}")).await?);
    }
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    chosen(&browser, [&ids[0], &ids[1]]).await?;
    let named = browser.text("ol.batch").await?;
    ensure!(named.contains("key-one") && named.contains("key-two"), "both are named: {named}");
    browser.write("#reason", "All rotations of this week.").await?;
    browser.click("button.approve").await?;
    browser.reach(&format!("{HOME}/?done=batch")).await?;
    browser.see(".notice.good").await?;
    for id in &ids[..2] {
        comes_to(&agent, id, "applied").await?;
    }
    chosen(&browser, [&ids[2], &ids[3]]).await?;
    scene.parties.decide(&ids[2], countersign_transport_grpc::v1::Decision::Deny, "no").await?;
    browser.write("#reason", "These as well.").await?;
    browser.click("button.approve").await?;
    browser.see(".notice.bad").await?;
    ensure!(browser.text(".notice.bad").await?.contains(&ids[2]), "the one that was decided is named");
    ensure!(browser.value("#reason").await? == "These as well.", "what was typed stays");
    browser.go("/").await?;
    browser.see(&in_list(&ids[3])).await
}

async fn a_reload_keeps_what_was_typed(scene: &Scene) -> Result<()> {
    let agent = scene.agent("deploy-5").await?;
    let id = asks_for_secret(&agent, "search-token").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.write("#reason", "Half a sent").await?;
    browser.reload().await?;
    ensure!(browser.value("#reason").await? == "Half a sent", "it is still there");
    browser.write("#reason", "ence.").await?;
    browser.click("button.approve").await?;
    browser.see(".notice.good").await?;
    let told = comes_to(&agent, &id, "applied").await?;
    let page = browser.text("main").await?;
    ensure!(page.contains("Half a sentence."), "the vote has it: {page} {told}");
    Ok(())
}
