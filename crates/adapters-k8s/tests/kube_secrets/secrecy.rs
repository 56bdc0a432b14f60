//! Values stay out of logs, errors and `Debug`, whatever happens.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_mcp_tools::ports::KubernetesSecrets as _;
use countersign_simulators::Behaviour;

use crate::support::{APP, adapter, apply, cluster, config, foreign, namespace, value};

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
    let cluster = cluster().await;
    let adapter = adapter(&cluster, "syncer").await;
    let mut told = format!("{adapter:?} {:?} {:?}", config(&cluster.url(), "syncer"), value(CANARY));
    let version = apply(&adapter, "value", CANARY, None).await.unwrap().resource_version;
    adapter.look(&namespace(), "app").await.unwrap();
    adapter.holds(&namespace(), "app", "value", &value(CANARY)).await.unwrap();
    apply(&adapter, "other", "else", Some(&version)).await.unwrap();
    for message in [CANARY, &STANDARD.encode(CANARY)] {
        for status in [400, 403, 404, 409, 422, 429, 500] {
            let message = Some(format!("the server repeats {message}"));
            cluster.fail_next("PATCH", APP, Behaviour::Answer { status, retry_after_s: None, message });
            let error = apply(&adapter, "value", CANARY, None).await.unwrap_err();
            told.push_str(&format!("{error} {error:?} {:?}", error.clone().into_step_outcome()));
        }
    }
    cluster.fail_next("PATCH", APP, Behaviour::DropAfterHandling);
    told.push_str(&format!("{:?}", apply(&adapter, "value", CANARY, None).await));
    foreign(&cluster, "value", "theirs", "helm");
    told.push_str(&format!("{:?}", apply(&adapter, "value", CANARY, None).await));

    tracing::info!("planted {}", "line");
    let log = log.text();
    assert!(log.contains("planted line"), "the log is being read");
    assert!(log.contains("shop-dev/secrets/app"), "requests are logged");
    for secret in [CANARY.to_owned(), STANDARD.encode(CANARY), hex(CANARY), "Bearer syncer".to_owned()] {
        assert!(!log.contains(&secret), "`{secret}` is in the log");
        assert!(!told.contains(&secret), "`{secret}` is told: {told}");
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
