//! Values stay out of logs, errors and `Debug`, whatever happens.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_mcp_tools::ports::GithubSecrets as _;
use countersign_simulators::Behaviour;

use crate::support::{TOKEN, adapter, config, github, in_environment, in_repository, value};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

#[tokio::test]
async fn no_value_or_token_is_ever_written_down() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole program: the other tests' requests are searched along.
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");

    const CANARY: &str = "canary-value-8f2a";
    let github = github().await;
    let adapter = adapter(&github, "countersign");
    let mut told = format!("{adapter:?} {:?} {:?}", config(&github.url(), "token-canary"), value(CANARY));
    adapter.put(&in_repository(), "API_TOKEN", &value(CANARY)).await.unwrap();
    adapter.put(&in_environment("staging"), "API_TOKEN", &value(CANARY)).await.unwrap();
    adapter.look(&in_repository(), "API_TOKEN").await.unwrap();
    for message in [CANARY, &STANDARD.encode(CANARY)] {
        for status in [400, 403, 404, 409, 422, 429, 500] {
            let message = Some(format!("the server repeats {CANARY} and {message}"));
            github.fail_next("PUT", TOKEN, Behaviour::Answer { status, retry_after_s: None, message });
            let error = adapter.put(&in_repository(), "API_TOKEN", &value(CANARY)).await.unwrap_err();
            told.push_str(&format!("{error} {error:?} {:?}", error.clone().into_step_outcome()));
        }
    }
    github.fail_next("PUT", TOKEN, Behaviour::DropAfterHandling);
    told.push_str(&format!("{:?}", adapter.put(&in_repository(), "API_TOKEN", &value(CANARY)).await));

    tracing::info!("planted {}", "line");
    let log = log.text();
    assert!(log.contains("planted line"), "the log is being read");
    assert!(log.contains("acme/shop/actions/secrets/API_TOKEN"), "requests are logged");
    for secret in [
        CANARY.to_owned(),
        STANDARD.encode(CANARY),
        hex(CANARY),
        "Bearer countersign".to_owned(),
        "token-canary".to_owned(),
    ] {
        assert!(!log.contains(&secret), "`{secret}` is in the log");
        assert!(!told.contains(&secret), "`{secret}` is told: {told}");
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
