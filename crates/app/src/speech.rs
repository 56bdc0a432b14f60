//! Speech to text, out of the configuration.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_adapters_stt::{OpenAiTranscriber, ResponseFormat, SttOptions};
use countersign_kernel::Millis;
use countersign_usecases::voice::{DictationLimits, Hearing};

use crate::config::Config;
use crate::config::speech_to_text::{SpeechFormat, SpeechToTextConfig};
use crate::sign_in::is_of_this_machine;

/// What is configured, checked; nothing has been asked of the transcriber.
pub struct SpeechSetup {
    /// Who transcribes.
    pub transcriber: Arc<OpenAiTranscriber>,
    limits: DictationLimits,
    standing: String,
}

impl SpeechSetup {
    /// Reads what is configured; `None` where nobody can dictate.
    ///
    /// # Errors
    /// Something of it is not usable; the message names the option.
    pub fn from_config(config: &Config) -> Result<Option<Self>> {
        let read = |speech| read(config, speech).context("speech_to_text");
        config.speech_to_text.as_ref().map(read).transpose()
    }

    /// What the use cases hear with.
    pub fn hearing(self) -> Hearing {
        Hearing::new(self.transcriber, self.limits)
    }

    /// What there is, in words.
    pub fn standing(&self) -> &str {
        &self.standing
    }
}

fn read(config: &Config, speech: &SpeechToTextConfig) -> Result<SpeechSetup> {
    ensure!(
        speech.url.starts_with("https://") || is_of_this_machine(&speech.url),
        "url: `{}` has to be `https` unless it is on the machine itself",
        speech.url
    );
    ensure!(
        speech.timeout_s < config.http.request_timeout_s,
        "timeout_s has to be less than http.request_timeout_s, which is {}: nobody would hear how it ended",
        config.http.request_timeout_s
    );
    let api_key = speech.api_key.as_ref().map(|key| key.read().context("api_key")).transpose()?;
    let options = SttOptions {
        name: speech.name.parse().context("name")?,
        url: speech.url.clone(),
        model: speech.model.parse().context("model")?,
        api_key,
        format: match speech.response_format {
            SpeechFormat::VerboseJson => ResponseFormat::VerboseJson,
            SpeechFormat::Json => ResponseFormat::Json,
        },
        timeout: Duration::from_secs(u64::from(speech.timeout_s.get())),
    };
    let limits = DictationLimits {
        max_bytes: usize::try_from(speech.max_audio_bytes.get()).unwrap_or(usize::MAX),
        max_duration: Millis::from_secs(u64::from(speech.max_audio_s.get())),
    };
    let standing = format!("`{}` at `{}` with `{}`", speech.name, speech.url, speech.model);
    Ok(SpeechSetup { transcriber: Arc::new(OpenAiTranscriber::new(options)?), limits, standing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    fn configured(options: &str) -> Result<Option<SpeechSetup>> {
        // The client wants to know its cryptography even where it speaks without. Whoever was first has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = load::from_text(&format!(
            "store = {{ kind = \"sqlite\", path = \"x.db\" }}\n\
             run_tokens = {{ active = \"k1\", keys = {{ k1 = {{ env = \"K\" }} }} }}\n\
             sealing = {{ active = \"m1\", keys = {{ m1 = {{ file = \"m\" }} }} }}\n{options}"
        ))?;
        SpeechSetup::from_config(&config)
    }

    fn wrong(options: &str) -> String {
        let speech = format!("[speech_to_text]\nname = \"acme\"\nmodel = \"whisper-1\"\n{options}");
        format!("{:#}", configured(&speech).err().unwrap())
    }

    #[test]
    fn without_the_section_nobody_dictates() {
        assert!(configured("").unwrap().is_none());
    }

    #[test]
    fn limits_reach_whoever_listens() {
        let speech =
            "[speech_to_text]\nname = \"acme\"\nmodel = \"whisper-1\"\nurl = \"http://127.0.0.1:9/v1\"\n";
        let setup = configured(speech).unwrap().unwrap();
        assert_eq!(setup.standing(), "`acme` at `http://127.0.0.1:9/v1` with `whisper-1`");
        let limits = setup.hearing().limits;
        assert_eq!(limits, DictationLimits { max_bytes: 5_242_880, max_duration: Millis(60_000) });
        let set = format!("{speech}max_audio_bytes = 7\nmax_audio_s = 8\n");
        let limits = configured(&set).unwrap().unwrap().hearing().limits;
        assert_eq!(limits, DictationLimits { max_bytes: 7, max_duration: Millis(8_000) });
    }

    #[test]
    fn what_can_not_work_is_named() {
        let url = "url = \"https://stt.example/v1\"\n";
        for (options, said) in [
            ("url = \"http://stt.example/v1\"\n".to_owned(), "has to be `https` unless"),
            ("url = \"https://stt.example/v1?key=1\"\n".to_owned(), "no address of a web server"),
            (format!("{url}timeout_s = 30\n"), "less than http.request_timeout_s, which is 30"),
            (format!("{url}timeout_s = 0\n"), "nonzero"),
            (format!("{url}api_key = {{ file = \"nowhere\" }}\n"), "cannot read the secret file"),
            (format!("{url}response_format = \"srt\"\n"), "srt"),
        ] {
            let error = wrong(&options);
            assert!(error.contains("speech_to_text") && error.contains(said), "{options}: {error}");
        }
        let name = format!("[speech_to_text]\nname = \"\"\nmodel = \"m\"\n{url}");
        assert!(format!("{:#}", configured(&name).err().unwrap()).contains("name"));
    }
}
