//! One browser of one person: its window, and what a person does with it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::driver::{Driver, Wire};
use super::scene::HOME;

/// How long anything is waited for that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// The member that makes a JSON object a reference to an element (WebDriver, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How light the system wants pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// Its name in style sheets and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How somebody looks at pages.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether it is a phone's.
    pub phone: bool,
    /// Whether pages may run scripts.
    pub scripts: bool,
    /// What the browser likes to read: a language's tag.
    pub language: &'static str,
    /// What the system likes.
    pub theme: Theme,
    /// What is said into its microphone, a wave file; else it hears a tone now and then.
    pub says: Option<&'static str>,
}

impl Window {
    /// On a desk.
    pub const DESK: Self = Self {
        width: 1200,
        height: 900,
        phone: false,
        scripts: true,
        language: "en",
        theme: Theme::Light,
        says: None,
    };

    /// A small phone.
    pub const PHONE: Self = Self { width: 360, height: 740, phone: true, ..Self::DESK };

    /// On a desk, by somebody who lets no page run scripts.
    pub const WITHOUT_SCRIPTS: Self = Self { scripts: false, ..Self::DESK };
}

/// A browser, with one window. It ends with its driver.
pub struct Browser {
    wire: Wire,
}

impl Browser {
    /// Starts a browser for which [`HOME`] is the server at this address, as a load balancer would have it.
    ///
    /// # Errors
    /// The browser doesn't start.
    pub async fn open(driver: &Driver, server: &str, window: &Window) -> Result<Self> {
        let address = server.trim_start_matches("http://");
        let scripts = if window.scripts { 1 } else { 2 };
        let mut options = json!({
            "args": [
                "--headless=new",
                // In a container there is no other user, and little shared memory.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                // The browser ends when its driver does, however that ends.
                "--remote-debugging-pipe",
                // It speaks to nobody but to us.
                "--no-proxy-server",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-default-apps",
                format!("--host-resolver-rules=MAP localhost:80 {address}"),
                format!("--accept-lang={}", window.language),
                format!("--window-size={},{}", window.width, window.height),
                // There is a microphone, and nobody has to be asked for it.
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
            ],
            "prefs": { "profile.managed_default_content_settings.javascript": scripts },
        });
        if let (Some(file), Some(arguments)) = (window.says, options["args"].as_array_mut()) {
            arguments.push(json!(format!("--use-file-for-fake-audio-capture={file}")));
        }
        let browser = Self { wire: driver.open(&options).await? };
        browser.set_window(window).await?;
        Ok(browser)
    }

    /// Gives it another window and theme; its language and whether it runs scripts stay.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn set_window(&self, window: &Window) -> Result<()> {
        let Window { width, height, phone, .. } = window;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics).await?;
        self.devtools("Emulation.setScrollbarsHidden", &json!({"hidden": window.phone})).await?;
        let theme = json!([{"name": "prefers-color-scheme", "value": window.theme.name()}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": theme})).await?;
        // What pages show in the reader's zone is the same on every machine.
        self.devtools("Emulation.setTimezoneOverride", &json!({"timezoneId": "Europe/Zurich"})).await?;
        Ok(())
    }

    /// A command of Chromium's own protocol.
    pub(super) async fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.wire.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    /// Goes to a path of ours.
    ///
    /// # Errors
    /// The page can't be loaded.
    pub async fn go(&self, path: &str) -> Result<()> {
        let url = format!("{HOME}{path}");
        self.wire.post("/url", &json!({"url": url})).await.with_context(|| format!("going to {path}"))?;
        Ok(())
    }

    /// Loads the page again.
    ///
    /// # Errors
    /// The page can't be loaded.
    pub async fn reload(&self) -> Result<()> {
        self.wire.post("/refresh", &json!({})).await?;
        Ok(())
    }

    /// Signs in at the provider as one of its people, who must not be known there yet, and comes back to the first page.
    ///
    /// # Errors
    /// A page on the way is not there.
    pub async fn sign_in(&self, person: &str) -> Result<()> {
        self.go("/").await?;
        self.click(&format!("button[name=sub][value={person}]")).await?;
        self.see(".who").await
    }

    /// Where it is.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn address(&self) -> Result<String> {
        Ok(self.wire.get("/url").await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until it is at an address that begins so.
    ///
    /// # Errors
    /// It doesn't come there; the message says where it is.
    pub async fn reach(&self, begin: &str) -> Result<()> {
        self.wait(&format!("the address to begin with {begin}"), async || {
            Ok(self.address().await?.starts_with(begin))
        })
        .await
    }

    /// Presses an element, as a mouse or a finger does: it has to be seen, and nothing may lie over it.
    ///
    /// # Errors
    /// There is none, or it can't be pressed.
    pub async fn click(&self, css: &str) -> Result<()> {
        for _ in 0..10 {
            let path = format!("/element/{}/click", self.find(css).await?);
            match self.wire.post(&path, &json!({})).await {
                // It was replaced by a newer one of the same, before it could be pressed.
                Err(error) if error.to_string().starts_with("stale element") => {}
                other => return other.map(drop).with_context(|| format!("pressing `{css}`")),
            }
        }
        bail!("`{css}` is replaced all the time")
    }

    /// Types into a field.
    ///
    /// # Errors
    /// There is none, or it takes no text.
    pub async fn write(&self, css: &str, text: &str) -> Result<()> {
        let path = format!("/element/{}/value", self.find(css).await?);
        self.wire
            .post(&path, &json!({"text": text}))
            .await
            .with_context(|| format!("typing into `{css}`"))?;
        Ok(())
    }

    /// Presses keys one after another, wherever the focus is. Named ones are those of WebDriver, section 17.4.2.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn press(&self, keys: &str) -> Result<()> {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|what| json!({"type": what, "value": key})))
            .collect();
        let keyboard = json!([{"type": "key", "id": "keyboard", "actions": actions}]);
        self.wire.post("/actions", &json!({"actions": keyboard})).await?;
        Ok(())
    }

    /// The text that is seen in an element.
    ///
    /// # Errors
    /// There is none.
    pub async fn text(&self, css: &str) -> Result<String> {
        let path = format!("/element/{}/text", self.find(css).await?);
        Ok(self.wire.get(&path).await?.as_str().unwrap_or_default().to_owned())
    }

    /// What stands in a field.
    ///
    /// # Errors
    /// There is none.
    pub async fn value(&self, css: &str) -> Result<String> {
        let path = format!("/element/{}/property/value", self.find(css).await?);
        Ok(self.wire.get(&path).await?.as_str().unwrap_or_default().to_owned())
    }

    /// How many of these there are now.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn count(&self, css: &str) -> Result<usize> {
        let script = "return document.querySelectorAll(arguments[0]).length";
        Ok(usize::try_from(self.run(script, &[json!(css)]).await?.as_u64().unwrap_or(0))?)
    }

    /// Waits until there is one of these.
    ///
    /// # Errors
    /// There is none within the patience.
    pub async fn see(&self, css: &str) -> Result<()> {
        self.wait(&format!("`{css}`"), async || Ok(self.count(css).await? > 0)).await
    }

    /// Waits until there is none of these.
    ///
    /// # Errors
    /// It stays.
    pub async fn see_no(&self, css: &str) -> Result<()> {
        self.wait(&format!("no `{css}`"), async || Ok(self.count(css).await? == 0)).await
    }

    /// Waits until a script of ours says that something is so.
    ///
    /// # Errors
    /// It isn't within the patience.
    pub async fn see_that(&self, condition: &str) -> Result<()> {
        let script = format!("return Boolean({condition})");
        self.wait(condition, async || Ok(self.run(&script, &[]).await? == json!(true))).await
    }

    /// Runs the body of a function in the page. The page's own rules about scripts don't hold for it.
    ///
    /// # Errors
    /// It throws.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.wire.post("/execute/sync", &json!({"script": script, "args": arguments})).await
    }

    /// The same for one that answers by calling its last argument.
    pub(super) async fn run_until_it_answers(&self, script: &str) -> Result<Value> {
        self.wire.post("/execute/async", &json!({"script": script, "args": []})).await
    }

    async fn find(&self, css: &str) -> Result<String> {
        let wanted = json!({"using": "css selector", "value": css});
        match self.wire.post("/element", &wanted).await {
            Ok(found) => Ok(found[ELEMENT].as_str().context("an element has a reference")?.to_owned()),
            Err(error) => Err(error.context(self.told(&format!("`{css}`")).await)),
        }
    }

    async fn wait(&self, what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                // While one page follows another there is none to ask.
                if matches!(is_so().await, Ok(true)) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        match waited.await {
            Ok(()) => Ok(()),
            Err(_) => bail!(self.told(what).await),
        }
    }

    /// What is missing, and what there is instead.
    async fn told(&self, what: &str) -> String {
        let text = self.run("return document.body.innerText", &[]).await.unwrap_or_default();
        let text: String = text.as_str().unwrap_or_default().chars().take(1_500).collect();
        format!("waiting for {what} at {}:\n{text}", self.address().await.unwrap_or_default())
    }
}
