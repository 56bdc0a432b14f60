//! Other ways than a mouse at a desk: keys alone, no scripts, a phone.

use anyhow::{Result, bail, ensure};
use countersign_suites::browser::{Browser, HOME, Scene, Window};
use serde_json::json;

use crate::deciding::{asks_for_secret, comes_to, in_list};

crate::on_both_stores!(
    the_keyboard_alone_is_enough,
    keys_work_on_another_layout_and_can_be_turned_off,
    without_a_script_people_read_and_decide,
    a_phone_decides,
);

// WebDriver, section 17.4.2.
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const ESCAPE: &str = "\u{e00c}";

/// Whether the focus is on such an element.
fn focused(css: &str) -> String {
    format!("document.activeElement.matches(\"{css}\")")
}

/// Goes on with the tabulator until the focus is there. Each stop on the way shows that it has the focus.
async fn tab_to(browser: &Browser, css: &str) -> Result<()> {
    for _ in 0..80 {
        browser.press(TAB).await?;
        let stop = browser
            .run(
                "const at = document.activeElement, style = getComputedStyle(at);
                 return { there: at.matches(arguments[0]), what: at.outerHTML.slice(0, 200),
                     seen: at === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) };",
                &[json!(css)],
            )
            .await?;
        ensure!(stop["seen"] == json!(true), "the focus is not seen on {}", stop["what"]);
        if stop["there"] == json!(true) {
            return Ok(());
        }
    }
    bail!("the tabulator never comes to `{css}`")
}

async fn the_keyboard_alone_is_enough(scene: &Scene) -> Result<()> {
    let agent = scene.agent("keys-1").await?;
    let (first, second) =
        (asks_for_secret(&agent, "key-one").await?, asks_for_secret(&agent, "key-two").await?);
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    browser.press(TAB).await?;
    browser.see_that(&focused(".skip")).await?;
    browser.press(ENTER).await?;
    browser.press("?").await?;
    browser.see("dialog[open]").await?;
    browser.press(ESCAPE).await?;
    browser.see_no("dialog[open]").await?;
    browser.press("j").await?;
    browser.see_that(&focused(&in_list(&first))).await?;
    browser.press("j").await?;
    browser.see_that(&focused(&in_list(&second))).await?;
    browser.press("k").await?;
    browser.see_that(&focused(&in_list(&first))).await?;
    browser.press(ENTER).await?;
    browser.reach(&format!("{HOME}/requests/{first}")).await?;
    tab_to(&browser, "#reason").await?;
    // Letters that are keys elsewhere are letters here.
    browser.press("add jk? go").await?;
    ensure!(browser.value("#reason").await? == "add jk? go", "what is typed is text");
    tab_to(&browser, "button.approve").await?;
    browser.press("d").await?;
    browser.see_that(&focused("button.deny")).await?;
    browser.press("a").await?;
    browser.see_that(&focused("button.approve")).await?;
    browser.press(ENTER).await?;
    comes_to(&agent, &first, "applied").await?;
    browser.see(".notice.good").await?;
    browser.press("g").await?;
    browser.reach(&format!("{HOME}/")).await?;
    browser.see(&in_list(&second)).await?;
    browser.press("jx").await?;
    browser.see_that("document.querySelectorAll('input[name=id]:checked').length === 1").await?;
    tab_to(&browser, "form[action='/batch'] p button").await?;
    browser.press(ENTER).await?;
    browser.reach(&format!("{HOME}/batch")).await?;
    browser.press("d").await?;
    browser.see_that(&focused("button.deny")).await?;
    browser.press(ENTER).await?;
    comes_to(&agent, &second, "denied").await?;
    Ok(())
}

async fn keys_work_on_another_layout_and_can_be_turned_off(scene: &Scene) -> Result<()> {
    let agent = scene.agent("keys-2").await?;
    let id = asks_for_secret(&agent, "key-one").await?;
    let browser = scene.browser_of("alice", &Window::DESK).await?;
    let pressed = "const [key, code] = arguments;
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true }));";
    browser.run(pressed, &[json!("о"), json!("KeyJ")]).await?;
    browser.see_that(&focused(&in_list(&id))).await?;
    browser.click("#show-keys").await?;
    browser.see("dialog[open]").await?;
    browser.press(ESCAPE).await?;
    browser.run("document.querySelector('select[name=keys]').value = 'off';", &[]).await?;
    browser.click("form.settings button:not([type])").await?;
    browser.see("body[data-keys=off]").await?;
    browser.run(pressed, &[json!("j"), json!("KeyJ")]).await?;
    browser.see_that(&focused("body")).await
}

async fn without_a_script_people_read_and_decide(scene: &Scene) -> Result<()> {
    let agent = scene.agent("plain-1").await?;
    let (first, second) =
        (asks_for_secret(&agent, "key-one").await?, asks_for_secret(&agent, "key-two").await?);
    let browser = scene.browser_of("alice", &Window::WITHOUT_SCRIPTS).await?;
    ensure!(browser.text("#live").await?.contains("Not updated by itself"), "it is said");
    browser.click(&in_list(&first)).await?;
    ensure!(browser.text("main").await?.contains("is due for its rotation"), "it can be read");
    ensure!(
        browser.text(".facts time").await?.ends_with("UTC"),
        "no script has turned the time into another zone"
    );
    browser.write("#reason", "Without a script.").await?;
    browser.click("button.approve").await?;
    browser.see(".notice.good").await?;
    comes_to(&agent, &first, "applied").await?;
    browser.reload().await?;
    browser.see(".status .badge[data-state=applied]").await?;
    browser.go("/").await?;
    browser.click(&format!("input[name=id][value='{second}']")).await?;
    browser.click("form[action='/batch'] p button").await?;
    browser.click("button.deny").await?;
    browser.reach(&format!("{HOME}/?done=batch")).await?;
    comes_to(&agent, &second, "denied").await?;
    browser.click("select[name=theme] option[value=dark]").await?;
    browser.click(".settings button").await?;
    browser.see("html[data-theme=dark]").await
}

async fn a_phone_decides(scene: &Scene) -> Result<()> {
    let agent = scene.agent("phone-1").await?;
    let id = asks_for_secret(&agent, "key-one").await?;
    let browser = scene.browser_of("alice", &Window::PHONE).await?;
    browser.click(&in_list(&id)).await?;
    browser.write("#reason", "From the train.").await?;
    browser.click("button.approve").await?;
    browser.see(".notice.good").await?;
    comes_to(&agent, &id, "applied").await?;
    browser.see(".status .badge[data-state=applied]").await
}
