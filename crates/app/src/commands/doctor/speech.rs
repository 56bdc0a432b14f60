//! Speech to text: whether whoever transcribes can be reached and takes our key. No recording is sent.

use countersign_usecases::port::TranscriberError;

use super::findings::Findings;
use crate::config::Config;
use crate::speech::SpeechSetup;

const WHAT: &str = "speech to text";

pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let setup = match SpeechSetup::from_config(config) {
        Ok(Some(setup)) => setup,
        Ok(None) => return findings.note(WHAT, "not configured: nobody can dictate"),
        Err(error) => {
            let advice = "mend the option it names; docs/configuration.md lists them";
            return findings.bad(WHAT, format!("{error:#}"), advice);
        }
    };
    match setup.transcriber.look().await {
        Ok(()) => findings.good(WHAT, format!("{} answers, and takes our key", setup.standing())),
        Err(error) => {
            let advice = match &error {
                TranscriberError::Refused { .. } => {
                    "check speech_to_text.api_key, and that speech_to_text.url has the whole path, such as `/v1`"
                }
                TranscriberError::Unavailable { .. }
                | TranscriberError::NotAudio { .. }
                | TranscriberError::TooLarge { .. } => {
                    "check speech_to_text.url and that the network lets us through"
                }
            };
            findings.bad(WHAT, format!("{}: {}", setup.standing(), error.why()), advice);
        }
    }
}
