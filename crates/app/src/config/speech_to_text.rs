//! The options of turning speech into text.

use std::num::NonZeroU32;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

use super::positive;
use super::secret::SecretSource;

/// Who turns speech into text: whoever answers as OpenAI's `POST /audio/transcriptions` does. Recordings go there and nowhere else.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct SpeechToTextConfig {
    /// What the record calls them: 1 to 64 printable ASCII characters.
    pub name: String,
    /// Their address, such as `https://api.openai.com/v1`; `/audio/transcriptions` is added. `https` unless it is on the machine itself.
    pub url: String,
    /// The model, such as `whisper-1`.
    pub model: String,
    /// Holds our key there. None for a server that asks for none.
    #[serde(default)]
    pub api_key: Option<SecretSource>,
    /// `verbose_json`, or `json` for models that answer with the text alone. Default `verbose_json`.
    #[serde(default)]
    pub response_format: SpeechFormat,
    /// Seconds one exchange may take: fewer than `http.request_timeout_s`. Default 20.
    #[serde(default = "default_timeout_s")]
    pub timeout_s: NonZeroU32,
    /// The largest recording taken, in bytes. Default 5242880.
    #[serde(default = "default_max_audio_bytes")]
    pub max_audio_bytes: NonZeroU32,
    /// The longest recording taken, in seconds. Default 60.
    #[serde(default = "default_max_audio_s")]
    pub max_audio_s: NonZeroU32,
}

/// The form in which a transcriber answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(rename_all = "snake_case")]
pub enum SpeechFormat {
    /// With the language, the length, and how sure it is.
    #[default]
    VerboseJson,
    /// The text alone.
    Json,
}

fn default_timeout_s() -> NonZeroU32 {
    positive(20)
}

fn default_max_audio_bytes() -> NonZeroU32 {
    positive(5 * 1024 * 1024)
}

fn default_max_audio_s() -> NonZeroU32 {
    positive(60)
}
