//! chromedriver: one process, which starts browsers and ends with them.
//!
//! We speak its protocol (WebDriver, <https://www.w3.org/TR/webdriver2/>) ourselves: docs/adr/0022 says why.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it says before the port it has found.
const STARTED: &str = "started successfully on port ";

/// A running chromedriver. Dropping it ends its browsers, too.
pub struct Driver {
    child: Child,
    /// Kept open: it says more now and then.
    _stdout: BufReader<ChildStdout>,
    port: u16,
    wire: Wire,
}

/// Commands to a chromedriver, over HTTP.
#[derive(Clone)]
pub(super) struct Wire {
    client: reqwest::Client,
    base: String,
}

/// How often one that ends at once is started again.
const ATTEMPTS: u32 = 3;

impl Driver {
    /// Starts it on a port of its own choice; what it logs goes to this file.
    ///
    /// # Errors
    /// It is not installed, or doesn't start.
    pub fn start(log: &Path) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for _ in 0..ATTEMPTS {
            if let Some(driver) = Self::started(log)? {
                return Ok(driver);
            }
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        bail!("chromedriver did not say on which port it listens: {said}")
    }

    /// None when it ended instead: the port that it chose was another's by the time it listened.
    fn started(log: &Path) -> Result<Option<Self>> {
        let log = std::fs::File::create(log)?;
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("`chromedriver` can't be started; `cargo xtask browser` says what is needed")?;
        let mut stdout = BufReader::new(child.stdout.take().context("chromedriver has an output")?);
        let Some(port) = announced(&mut stdout) else {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        };
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let wire = Wire { client, base: format!("http://127.0.0.1:{port}") };
        Ok(Some(Self { child, _stdout: stdout, port, wire }))
    }

    /// Starts a browser with these options of Chromium, and gives the commands to it.
    pub(super) async fn open(&self, options: &Value) -> Result<Wire> {
        let always = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            // How long an element is looked for, a page loaded, a script run.
            "timeouts": { "implicit": 10_000, "pageLoad": 30_000, "script": 30_000 },
        });
        let started = self.wire.post("/session", &json!({"capabilities": {"alwaysMatch": always}})).await?;
        let id = started["sessionId"].as_str().context("a session has an id")?;
        Ok(Wire { client: self.wire.client.clone(), base: format!("{}/session/{id}", self.wire.base) })
    }
}

/// The port that it says it listens on.
fn announced(stdout: &mut impl std::io::BufRead) -> Option<u16> {
    let line = stdout.lines().map_while(Result::ok).find(|line| line.contains(STARTED))?;
    line.rsplit_once(STARTED)?.1.trim_end_matches('.').parse().ok()
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Killed, it would leave its browsers behind: it is asked to end, and killed only when it doesn't.
        let asked = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            write!(stream, "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
            stream.read_to_end(&mut Vec::new())
        });
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Wire {
    /// Asks for something.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.answer(self.client.get(format!("{}{path}", self.base))).await
    }

    /// Has something done.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.answer(self.client.post(format!("{}{path}", self.base)).json(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let answer: Value = request.send().await?.json().await?;
        let value = answer.get("value").cloned().unwrap_or_default();
        match value.get("error").and_then(Value::as_str) {
            None => Ok(value),
            Some(error) => {
                let message = value["message"].as_str().unwrap_or_default();
                // The rest are the driver's own stack and version.
                Err(anyhow!("{error}: {}", message.lines().next().unwrap_or_default()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_what_the_driver_says() {
        let said = "Starting ChromeDriver 1.2.3 (abc) on port 0\nOnly local connections are allowed.\n\
            ChromeDriver was started successfully on port 41234.\n";
        assert_eq!(announced(&mut said.as_bytes()), Some(41_234));
        assert_eq!(announced(&mut "nothing\n".as_bytes()), None);
    }
}
