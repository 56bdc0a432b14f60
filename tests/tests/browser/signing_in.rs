//! Signing in at a provider of identities, and out.

use anyhow::{Result, ensure};
use countersign_suites::browser::{HOME, Scene, Window};

crate::on_both_stores!(
    a_person_signs_in_at_a_provider_and_comes_back_to_the_page_they_wanted,
    whoever_has_no_role_here_is_told_so_and_sees_nothing,
);

async fn a_person_signs_in_at_a_provider_and_comes_back_to_the_page_they_wanted(scene: &Scene) -> Result<()> {
    let browser = scene.browser(&Window::DESK).await?;
    browser.go("/audit?project=shop").await?;
    browser.click("button[name=sub][value=alice]").await?;
    browser.reach(&format!("{HOME}/audit?project=shop")).await?;
    ensure!(browser.text(".who").await?.contains("Alice Moreau"), "she is called by her name");
    browser.click(".who").await?;
    let account = browser.text("main").await?;
    for part in ["user:corp:alice", "decide", "operate", "read the record", "group:corp:shop-owners"] {
        ensure!(account.contains(part), "`{part}` is not in:\n{account}");
    }
    browser.click("form[action='/sign-out'] button:not([name])").await?;
    browser.reach(&format!("{HOME}/sign-in/signed-out")).await?;
    // The provider still knows her: she is led there and back without being asked.
    browser.go("/runs").await?;
    browser.reach(&format!("{HOME}/runs")).await?;
    ensure!(browser.text("h1").await? == "Runs", "she is back");
    Ok(())
}

async fn whoever_has_no_role_here_is_told_so_and_sees_nothing(scene: &Scene) -> Result<()> {
    let outsider = scene.browser(&Window::DESK).await?;
    outsider.go("/").await?;
    outsider.click("button[name=sub][value=nina]").await?;
    outsider.reach(&format!("{HOME}/sign-in/callback")).await?;
    let told = outsider.text("main").await?;
    ensure!(told.contains("You are not signed in"), "{told}");
    let guest = scene.browser_of("victor", &Window::DESK).await?;
    guest.go("/audit").await?;
    let told = guest.text("main").await?;
    ensure!(told.contains("This is not for you"), "{told}");
    guest.go("/overview").await?;
    ensure!(guest.text("h1").await? == "Overview", "a viewer looks");
    Ok(())
}
