//! One transcriber: where it is, and what it is asked.

use std::time::Duration;

use async_trait::async_trait;
use countersign_approvals::Label;
use countersign_kernel::Language;
use countersign_usecases::port::{Heard, Transcriber, TranscriberError};
use countersign_usecases::voice::Recording;
use reqwest::{Client, RequestBuilder, header};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::exchange::{ExchangeError, client, exchange};
use crate::{answer, form};

/// The form in which it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFormat {
    /// With the language, the length, and how sure it is.
    VerboseJson,
    /// The text alone: models that don't take the other.
    Json,
}

impl ResponseFormat {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VerboseJson => "verbose_json",
            Self::Json => "json",
        }
    }
}

/// How we reach a transcriber.
pub struct SttOptions {
    /// What the record calls it.
    pub name: Label,
    /// Its address, to which `/audio/transcriptions` is added.
    pub url: String,
    /// The model.
    pub model: Label,
    /// Our key there; none where it asks for none.
    pub api_key: Option<SecretString>,
    /// The form in which it answers.
    pub format: ResponseFormat,
    /// How long one exchange may take.
    pub timeout: Duration,
}

/// The options can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address is none.
    #[error("`{text}` is no address of a web server: {why}")]
    Address {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// There can be no client for it.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

/// Whoever answers as OpenAI's transcriptions do.
pub struct OpenAiTranscriber {
    client: Client,
    base: Url,
    options: SttOptions,
}

impl OpenAiTranscriber {
    /// A transcriber that nothing has been asked of yet.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(options: SttOptions) -> Result<Self, OptionsError> {
        let bad = |why: &str| OptionsError::Address { text: options.url.clone(), why: why.to_owned() };
        let mut base = Url::parse(&options.url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("it begins with neither `https` nor `http`"));
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(bad("it has a user, a password or a query"));
        }
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let client = client(base.scheme() == "https", options.timeout);
        let client = client.map_err(|error| OptionsError::Client(error.to_string()))?;
        Ok(Self { client, base, options })
    }

    /// Whether it can be reached and takes our key: asked without a recording, by the list of models that all such servers have.
    ///
    /// # Errors
    /// It can't be reached, or does not take us.
    pub async fn look(&self) -> Result<(), TranscriberError> {
        let asked = self.with_key(self.client.get(self.at("models")));
        let (status, body) = exchange(asked).await.map_err(unavailable)?;
        if status.is_success() {
            return Ok(());
        }
        let refused = answer::refusal(status, &body);
        Err(refused.unwrap_or_else(|| TranscriberError::Refused { why: format!("HTTP {}", status.as_u16()) }))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.options.api_key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }
}

#[async_trait]
impl Transcriber for OpenAiTranscriber {
    async fn transcribe(
        &self,
        recording: &Recording,
        language: Option<Language>,
    ) -> Result<Heard, TranscriberError> {
        let SttOptions { name, model, format, .. } = &self.options;
        let form = form::of(recording, model.as_str(), *format, language);
        let asked = self.client.post(self.at("audio/transcriptions"));
        let asked = asked.header(header::CONTENT_TYPE, form.media_type).body(form.body);
        let (status, body) = exchange(self.with_key(asked)).await.map_err(unavailable)?;
        if status.is_success() {
            let why = || "the answer is no transcription".to_owned();
            return answer::heard(&body, name, model)
                .ok_or_else(|| TranscriberError::Unavailable { why: why() });
        }
        match answer::refusal(status, &body) {
            Some(error) => Err(error),
            None => Ok(answer::nothing(name, model)),
        }
    }
}

fn unavailable(error: ExchangeError) -> TranscriberError {
    TranscriberError::Unavailable { why: error.to_string() }
}
