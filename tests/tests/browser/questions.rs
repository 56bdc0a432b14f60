//! Answering what an agent asks.

use anyhow::{Context, Result, ensure};
use countersign_suites::browser::{Scene, Window};
use countersign_suites::clients::Agent;
use serde_json::json;

use crate::deciding::{comes_to, in_list};

crate::on_both_stores!(
    a_question_is_answered_by_an_option,
    a_question_is_answered_in_own_words,
    a_question_is_declined,
);

async fn asks(agent: &Agent) -> Result<String> {
    let question = json!({
        "question": "The migration takes the shop offline for ten minutes. When should it run?",
        "context": "Traffic is lowest at four in the morning.",
        "options": ["Tonight at four", "On Sunday at four", "Not this week"],
    });
    agent.call("mcp_owner_feedback_request", &question).await?.request_id.context("it waits for a person")
}

async fn a_question_is_answered_by_an_option(scene: &Scene) -> Result<()> {
    let agent = scene.agent("migration-1").await?;
    let id = asks(&agent).await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    ensure!(browser.text("main").await?.contains("Traffic is lowest"), "the context is shown");
    browser.click(".options button[value='1']").await?;
    browser.see(".notice.good").await?;
    let told = comes_to(&agent, &id, "answered").await?;
    ensure!(told["selected_option"] == "On Sunday at four" && told["input_mode"] == "button", "{told}");
    browser.see(".status .badge[data-state=answered]").await
}

async fn a_question_is_answered_in_own_words(scene: &Scene) -> Result<()> {
    let agent = scene.agent("migration-2").await?;
    let id = asks(&agent).await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.write("#custom_text", "On Tuesday at five, after the backup.").await?;
    browser.click("form:has(#custom_text) button[data-key=a]").await?;
    browser.see(".notice.good").await?;
    let told = comes_to(&agent, &id, "answered").await?;
    ensure!(
        told["text"] == "On Tuesday at five, after the backup." && told["input_mode"] == "text",
        "{told}"
    );
    Ok(())
}

async fn a_question_is_declined(scene: &Scene) -> Result<()> {
    let agent = scene.agent("migration-3").await?;
    let id = asks(&agent).await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.click(&in_list(&id)).await?;
    browser.click("button[name=decision][value=deny]").await?;
    browser.see(".notice.good").await?;
    comes_to(&agent, &id, "denied").await?;
    Ok(())
}
