//! The stand-in for a transcriber: OpenAI's `POST /v1/audio/transcriptions` and `GET /v1/models`
//! (<https://platform.openai.com/docs/api-reference/audio/createTranscription>).
//!
//! It understands nothing. A recording that it knows, by its SHA-256, gets the words that are spoken in it; silence gets none; whatever else
//! begins as audio gets the words that were set, so that what a browser records can be tried out, too. It knows the [`samples`] below.

mod routes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::faults::{Behaviour, FaultRule};
use crate::journal::Journal;
use crate::server::{ChangeRefused, SeenRequest, Server, Setup, StartError, set_answer};

/// Recordings whose words are known: 8000 samples a second of 16 bits, one channel.
///
/// Made with Debian's espeak-ng 1.51 (`espeak-ng -v en-us -s 150 -w FILE TEXT`, with `-v ru` for the other), then brought from 22050 to 8000
/// samples a second by Python's `audioop.ratecv`.
pub mod samples {
    /// The English one, a wave file of 1.7 s.
    pub const ENGLISH: &[u8] = include_bytes!("speech/not-before-the-release.wav");
    /// What is said in it.
    pub const ENGLISH_WORDS: &str = "Not before the release.";
    /// The Russian one, a wave file of 1.1 s.
    pub const RUSSIAN: &[u8] = include_bytes!("speech/ne-do-reliza.wav");
    /// What is said in it.
    pub const RUSSIAN_WORDS: &str = "Не до релиза.";
}

/// What the stand-in knows when it starts.
#[derive(Clone, Debug)]
pub struct SpeechConfig {
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// The key it takes; none for one that asks for none.
    pub api_key: Option<String>,
    /// The models it has.
    pub models: Vec<String>,
    /// What it hears in recordings that it doesn't know.
    pub otherwise: String,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self {
            port: 0,
            api_key: Some("the key for speech".to_owned()),
            models: vec!["whisper-1".to_owned(), "gpt-4o-mini-transcribe".to_owned()],
            otherwise: "These are the words of a simulator.".to_owned(),
        }
    }
}

/// A change by hand.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum SpeechChange {
    /// From now on it hears this in recordings that it doesn't know.
    Otherwise {
        /// The words.
        text: String,
    },
}

/// One recording that it was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// SHA-256 of the recording, in hex.
    pub sha256: String,
    /// The name of the file it came as.
    pub file_name: String,
    /// The model.
    pub model: String,
    /// What is probably spoken.
    pub language: Option<String>,
    /// The form of the answer.
    pub response_format: String,
}

/// A running stand-in; dropping it stops it.
#[derive(Debug)]
pub struct SpeechSimulator {
    server: Server,
    listener: Listener,
}

impl SpeechSimulator {
    /// Starts on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(config: SpeechConfig) -> Result<Self, StartError> {
        let port = config.port;
        let listener = Listener { state: Arc::new(Mutex::new(Desk::new(config))) };
        let api = routes::api(listener.clone());
        let set = Router::new().route("/_simulator/set", post(set)).with_state(listener.clone());
        let setup = Setup { port, api, set, journal: Journal::default(), error_shape: routes::on_command };
        Ok(Self { server: Server::start(setup).await?, listener })
    }

    /// The base URL as clients have it configured, `/v1` included.
    pub fn url(&self) -> String {
        format!("{}/v1", self.server.url())
    }

    /// Every request seen so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.server.requests()
    }

    /// Every recording it was asked about and made words of.
    pub fn asked(&self) -> Vec<Asked> {
        self.listener.lock().asked.clone()
    }

    /// Fails the next request that matches; see [`FaultRule`] for the pattern.
    pub fn fail_next(&self, method: &str, path: &str, behaviour: Behaviour) {
        self.server.faults().add(FaultRule::next(method, path, behaviour));
    }

    /// Changes something by hand.
    pub fn set(&self, change: SpeechChange) {
        self.listener.lock().change(change);
    }

    /// Stops, and returns once the port is closed.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The state behind the routes, shared by clones.
#[derive(Clone, Debug)]
struct Listener {
    state: Arc<Mutex<Desk>>,
}

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that the stand-in knows.
#[derive(Debug)]
struct Desk {
    config: SpeechConfig,
    /// The language and the words of known recordings, by their SHA-256 in hex.
    known: BTreeMap<String, (&'static str, &'static str)>,
    asked: Vec<Asked>,
}

impl Desk {
    fn new(config: SpeechConfig) -> Self {
        let known = BTreeMap::from([
            (routes::sha256(samples::ENGLISH), ("english", samples::ENGLISH_WORDS)),
            (routes::sha256(samples::RUSSIAN), ("russian", samples::RUSSIAN_WORDS)),
        ]);
        Self { config, known, asked: Vec::new() }
    }

    fn change(&mut self, change: SpeechChange) {
        match change {
            SpeechChange::Otherwise { text } => self.config.otherwise = text,
        }
    }
}

async fn set(State(listener): State<Listener>, Json(change): Json<SpeechChange>) -> Response {
    listener.lock().change(change);
    set_answer(Ok::<(), ChangeRefused>(()))
}
