//! Speaking instead of typing: into a microphone, or from a recording. What was heard is looked at before it counts.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use countersign_simulators::SpeechChange;
use countersign_simulators::speech::samples::ENGLISH_WORDS;
use countersign_suites::browser::{Browser, Scene, Window};
use serde_json::json;

use crate::deciding::{asks_for_secret, comes_to, in_list};

crate::on_both_stores!(
    a_denial_is_dictated_into_a_microphone,
    a_question_is_answered_by_voice,
    a_recording_is_heard_without_a_script,
);

/// What is said into the microphone, and in the file.
const RECORDING: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/simulators/src/speech/not-before-the-release.wav");

/// A window in which the microphone hears the recording.
const WITH_MICROPHONE: Window = Window { says: Some(RECORDING), ..Window::DESK };

/// Dictates into a field for a second.
async fn dictate(scene: &Scene, browser: &Browser, field: &str) -> Result<()> {
    // What the browser makes of the recording has other bytes each time.
    scene.site.speech.set(SpeechChange::Otherwise { text: ENGLISH_WORDS.to_owned() });
    browser.see(".dictate:not([hidden])").await?;
    browser.click("#dictate-record").await?;
    browser.see(".dictate[data-state=recording]").await?;
    browser.see_that("/1/.test(document.querySelector('#dictate-clock').textContent)").await?;
    browser.click("#dictate-record").await?;
    browser.see_that(&format!("document.querySelector('{field}').value === '{ENGLISH_WORDS}'")).await?;
    ensure!(!scene.site.speech.asked().is_empty(), "somebody has listened");
    Ok(())
}

async fn a_denial_is_dictated_into_a_microphone(scene: &Scene) -> Result<()> {
    let agent = scene.agent("spoken-1").await?;
    let id = asks_for_secret(&agent, "key-one").await?;
    let browser = scene.browser_of("alice", &WITH_MICROPHONE).await?;
    browser.click(&in_list(&id)).await?;
    dictate(scene, &browser, "#reason").await?;
    ensure!(
        browser.count(".status .badge[data-state=requested]").await? == 1,
        "nothing counts before it is sent"
    );
    browser.click("button.deny").await?;
    browser.see(".notice.good").await?;
    let told = comes_to(&agent, &id, "denied").await?;
    ensure!(told["reason"] == ENGLISH_WORDS, "the agent is told {told}");
    browser.see("[data-transcript]").await
}

async fn a_question_is_answered_by_voice(scene: &Scene) -> Result<()> {
    let agent = scene.agent("spoken-2").await?;
    let question = json!({"question": "When shall the old release go away?", "options": ["Now", "Never"]});
    let id = agent.call("mcp_owner_feedback_request", &question).await?.request_id.context("it waits")?;
    let browser = scene.browser_of("alice", &WITH_MICROPHONE).await?;
    browser.click(&in_list(&id)).await?;
    dictate(scene, &browser, "#custom_text").await?;
    browser.click("form:has(#custom_text) button[data-key=a]").await?;
    browser.see(".notice.good").await?;
    let told = comes_to(&agent, &id, "answered").await?;
    ensure!(told["text"] == ENGLISH_WORDS && told["input_mode"] == "voice", "the agent is told {told}");
    Ok(())
}

async fn a_recording_is_heard_without_a_script(scene: &Scene) -> Result<()> {
    let agent = scene.agent("spoken-3").await?;
    let id = asks_for_secret(&agent, "key-one").await?;
    let browser = scene.browser_of("alice", &Window::WITHOUT_SCRIPTS).await?;
    browser.click(&in_list(&id)).await?;
    browser.click("#dictate-upload summary").await?;
    let file = Path::new(RECORDING).canonicalize()?;
    browser.write("#dictate-file", &file.to_string_lossy()).await?;
    browser.click("#dictate-send").await?;
    browser.see(".notice.good").await?;
    ensure!(browser.value("#reason").await? == ENGLISH_WORDS, "what is spoken in it stands in the field");
    browser.click("button.deny").await?;
    let told = comes_to(&agent, &id, "denied").await?;
    ensure!(told["reason"] == ENGLISH_WORDS, "the agent is told {told}");
    browser.see("[data-transcript]").await
}
