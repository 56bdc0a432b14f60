//! A page as a picture, from top to bottom.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::session::{Browser, Window};

/// How often it is looked how high a page is.
const ROUNDS: usize = 4;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Without loss.
    Png,
    /// Small.
    Webp,
}

impl Format {
    /// What such files' names end with.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// The page that the browser shows in this window, to its end or to this height.
///
/// # Errors
/// The browser refuses.
pub async fn picture(browser: &Browser, window: &Window, format: Format, at_most: u32) -> Result<Vec<u8>> {
    // A page may grow once more when its script has looked around.
    for _ in 0..ROUNDS {
        let height = browser.run("return document.documentElement.scrollHeight", &[]).await?;
        let height = u32::try_from(height.as_u64().context("a page has a height")?)?;
        browser.set_window(&Window { height: height.max(window.height).min(at_most), ..*window }).await?;
    }
    let options = match format {
        Format::Png => json!({"format": "png"}),
        Format::Webp => json!({"format": "webp", "quality": 80}),
    };
    let taken = browser.devtools("Page.captureScreenshot", &options).await?;
    browser.set_window(window).await?;
    Ok(STANDARD.decode(taken["data"].as_str().context("a picture has data")?)?)
}
