//! The adapter against a stand-in over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

use std::time::Duration;

use countersign_adapters_stt::{OpenAiTranscriber, OptionsError, ResponseFormat, SttOptions};
use countersign_approvals::Percent;
use countersign_kernel::{Language, Millis};
use countersign_simulators::speech::samples;
use countersign_simulators::{Behaviour, SpeechChange, SpeechConfig, SpeechSimulator};
use countersign_usecases::port::{Heard, Transcriber, TranscriberError};
use countersign_usecases::voice::{AudioKind, DictationLimits, Recording};

const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";

struct World {
    simulator: SpeechSimulator,
    transcriber: OpenAiTranscriber,
}

fn options(simulator: &SpeechSimulator) -> SttOptions {
    SttOptions {
        name: "acme".parse().unwrap(),
        url: simulator.url(),
        model: "whisper-1".parse().unwrap(),
        api_key: Some("the key for speech".into()),
        format: ResponseFormat::VerboseJson,
        timeout: Duration::from_millis(500),
    }
}

impl World {
    async fn with(change: impl FnOnce(&mut SttOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let simulator = SpeechSimulator::start(SpeechConfig::default()).await.unwrap();
        let mut options = options(&simulator);
        change(&mut options);
        let transcriber = OpenAiTranscriber::new(options).unwrap();
        Self { simulator, transcriber }
    }

    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn hear(&self, recording: &Recording) -> Result<Heard, TranscriberError> {
        self.transcriber.transcribe(recording, None).await
    }
}

fn recording(bytes: &[u8], kind: AudioKind) -> Recording {
    let limits = DictationLimits { max_bytes: 1_000_000, max_duration: Millis(60_000) };
    Recording::parse(bytes.to_vec(), kind, limits).unwrap()
}

fn english() -> Recording {
    recording(samples::ENGLISH, AudioKind::Wav)
}

/// A wave file in which nothing moves, of so many bytes at 8000 a second.
fn silence(bytes: u32) -> Recording {
    let mut wave =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    wave.extend_from_slice(&bytes.to_le_bytes());
    wave.resize(wave.len() + usize::try_from(bytes).unwrap(), 0x80);
    recording(&wave, AudioKind::Wav)
}

fn why(result: Result<Heard, TranscriberError>) -> String {
    match result.unwrap_err() {
        TranscriberError::Unavailable { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_recorded_sample_becomes_its_words() {
    let world = World::new().await;
    let heard = world.transcriber.transcribe(&english(), Some(Language::English)).await.unwrap();
    assert_eq!(heard.text, samples::ENGLISH_WORDS);
    assert_eq!((heard.provider.as_str(), heard.model.as_str()), ("acme", "whisper-1"));
    assert_eq!(heard.language.unwrap().as_str(), "english");
    assert_eq!((heard.confidence, heard.duration), (Percent::new(90), Some(Millis(1_675))));
    let russian = recording(samples::RUSSIAN, AudioKind::Wav);
    let heard = world.transcriber.transcribe(&russian, Some(Language::Russian)).await.unwrap();
    assert_eq!((heard.text.as_str(), heard.language.unwrap().as_str()), (samples::RUSSIAN_WORDS, "russian"));
    let asked = &world.simulator.asked()[0];
    assert_eq!(format!("sha256:{}", asked.sha256), english().digest().to_string(), "byte for byte");
    assert_eq!(
        (asked.file_name.as_str(), asked.language.as_deref(), asked.response_format.as_str()),
        ("recording.wav", Some("en"), "verbose_json")
    );
}

#[tokio::test]
async fn every_kind_of_recording_is_sent_under_a_name_that_tells_it() {
    let world = World::new().await;
    world.simulator.set(SpeechChange::Otherwise { text: "whatever was said".to_owned() });
    let kinds: [(AudioKind, &[u8]); 5] = [
        (AudioKind::Webm, b"\x1a\x45\xdf\xa3 and\r\n--more"),
        (AudioKind::Ogg, b"OggS\0\r\n\r\n"),
        (AudioKind::Mp4, b"\0\0\0\x1cftypM4A "),
        (AudioKind::Mpeg, b"ID3\x04"),
        (AudioKind::Flac, b"fLaC\0"),
    ];
    for (kind, bytes) in kinds {
        let heard = world.hear(&recording(bytes, kind)).await.unwrap();
        assert_eq!(heard.text, "whatever was said", "{kind}");
    }
    let names: Vec<_> = world.simulator.asked().into_iter().map(|asked| asked.file_name).collect();
    assert_eq!(
        names,
        ["recording.webm", "recording.ogg", "recording.m4a", "recording.mp3", "recording.flac"]
    );
    assert!(
        world.simulator.asked().iter().all(|asked| asked.language.is_none()),
        "no hint unless there is one"
    );
}

#[tokio::test]
async fn silence_and_what_is_too_short_for_a_word_are_nothing() {
    let world = World::new().await;
    for length in [4_000, 400] {
        assert_eq!(world.hear(&silence(length)).await.unwrap().text, "", "{length}");
    }
}

#[tokio::test]
async fn a_model_that_answers_with_the_text_alone_is_taken() {
    let plain = |options: &mut SttOptions| {
        options.model = "gpt-4o-mini-transcribe".parse().unwrap();
        options.format = ResponseFormat::Json;
    };
    let heard = World::with(plain).await.hear(&english()).await.unwrap();
    assert_eq!((heard.text.as_str(), heard.confidence, heard.duration), (samples::ENGLISH_WORDS, None, None));
    let verbose = World::with(|options| options.model = "gpt-4o-mini-transcribe".parse().unwrap()).await;
    let refused = verbose.hear(&english()).await.unwrap_err();
    assert!(
        matches!(&refused, TranscriberError::Refused { why } if why.contains("not compatible")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_is_set_up_wrongly_is_told_from_what_is_away() {
    let wrong_key = World::with(|options| options.api_key = Some("another".into())).await;
    let no_key = World::with(|options| options.api_key = None).await;
    let no_model = World::with(|options| options.model = "whisper-9".parse().unwrap()).await;
    let elsewhere = World::with(|options| options.url = options.url.replace("/v1", "/v2")).await;
    for (world, expected) in [(wrong_key, "401"), (no_key, "401"), (no_model, "404"), (elsewhere, "404")] {
        let refused = world.hear(&english()).await.unwrap_err();
        assert!(
            matches!(&refused, TranscriberError::Refused { why } if why.starts_with(&format!("HTTP {expected}"))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_transcriber_that_is_away_or_busy_can_be_asked_again() {
    let world = World::new().await;
    let busy =
        Behaviour::Answer { status: 429, retry_after_s: Some(2), message: Some("slow down".to_owned()) };
    for behaviour in [
        busy,
        Behaviour::status(500),
        Behaviour::status(503),
        Behaviour::DropBeforeHandling,
        Behaviour::DropAfterHandling,
        Behaviour::Hang { for_ms: 5_000 },
        Behaviour::Delay { for_ms: 1_000 },
    ] {
        world.simulator.fail_next("POST", TRANSCRIPTIONS, behaviour.clone());
        let why = why(world.hear(&english()).await);
        assert!(!why.is_empty() && !why.contains("the key for speech"), "{behaviour:?}: {why}");
    }
    assert_eq!(world.hear(&english()).await.unwrap().text, samples::ENGLISH_WORDS);
    let World { simulator, transcriber } = world;
    simulator.stop().await;
    why(transcriber.transcribe(&english(), None).await);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let world = World::new().await;
    let message = Some("x".repeat(1_100_000));
    let big = Behaviour::Answer { status: 503, retry_after_s: None, message };
    world.simulator.fail_next("POST", TRANSCRIPTIONS, big);
    assert_eq!(why(world.hear(&english()).await), "the answer has more than 1048576 bytes");
}

#[tokio::test]
async fn looking_asks_for_no_transcription() {
    let world = World::new().await;
    world.transcriber.look().await.unwrap();
    assert!(world.simulator.asked().is_empty());
    let wrong = World::with(|options| options.api_key = Some("another".into())).await;
    assert!(matches!(wrong.transcriber.look().await, Err(TranscriberError::Refused { .. })));
    world.simulator.fail_next("GET", "/v1/models", Behaviour::DropBeforeHandling);
    assert!(matches!(world.transcriber.look().await, Err(TranscriberError::Unavailable { .. })));
}

#[tokio::test]
async fn an_address_is_that_of_a_web_server_and_holds_no_secret() {
    let simulator = SpeechSimulator::start(SpeechConfig::default()).await.unwrap();
    for bad in
        ["", "stt", "file:///v1", "https://user:password@stt.example/v1", "https://stt.example/v1?key=x"]
    {
        let refused = OpenAiTranscriber::new(SttOptions { url: bad.to_owned(), ..options(&simulator) });
        assert!(matches!(refused, Err(OptionsError::Address { .. })), "{bad}");
    }
    let slashed = SttOptions { url: format!("{}/", simulator.url()), ..options(&simulator) };
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert!(OpenAiTranscriber::new(slashed).unwrap().look().await.is_ok());
}
