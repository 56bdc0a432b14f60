//! Dictating: what is asked of a transcriber and of whom it is asked, what comes back, and what the record says once it is confirmed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use countersign_approvals::{Choice, InputMode, Percent, Reply};
use countersign_kernel::{Digest, Fault, Kind, Language, Millis, RequestId};
use countersign_testkit::build::words;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::{LookedAt, Target, answer_question, decide_request};
use countersign_usecases::port::{Heard, Transcriber, TranscriberError};
use countersign_usecases::voice::{
    AudioKind, Dictated, Dictation, DictationLimits, Hearing, Purpose, Recording, Spoken, VoiceError,
    confirm_spoken, dictate,
};
use countersign_usecases::{Identity, Services};
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, CAROL, World, who};

const LIMITS: DictationLimits = DictationLimits { max_bytes: 1_000, max_duration: Millis(60_000) };

/// Hears what it is told, and remembers what it was asked.
#[derive(Default)]
struct Ear {
    hears: Mutex<Option<Result<Heard, TranscriberError>>>,
    asked: Mutex<Vec<(usize, Option<Language>)>>,
}

#[async_trait]
impl Transcriber for Ear {
    async fn transcribe(
        &self,
        recording: &Recording,
        language: Option<Language>,
    ) -> Result<Heard, TranscriberError> {
        self.asked.lock().unwrap().push((recording.bytes().len(), language));
        self.hears.lock().unwrap().clone().unwrap()
    }
}

fn heard(text: &str) -> Heard {
    Heard {
        text: text.to_owned(),
        provider: "acme".parse().unwrap(),
        model: "whisper-1".parse().unwrap(),
        language: Some("english".parse().unwrap()),
        confidence: Percent::new(93),
        duration: Some(Millis(1_480)),
    }
}

/// A world with an ear, and a request that waits.
struct Stage {
    world: World,
    ear: Arc<Ear>,
    services: Arc<Services>,
}

impl Stage {
    async fn set() -> Self {
        let world = World::new(1).await;
        let ear = Arc::new(Ear::default());
        let services =
            world.replica_with(7, |services| services.with_hearing(Some(Hearing::new(ear.clone(), LIMITS))));
        Self { world, ear, services }
    }

    fn hears(&self, heard: Result<Heard, TranscriberError>) {
        *self.ear.hears.lock().unwrap() = Some(heard);
    }

    fn asked(&self) -> usize {
        self.ear.asked.lock().unwrap().len()
    }

    async fn dictate(&self, id: RequestId, purpose: Purpose, by: &str) -> Result<Dictated, VoiceError> {
        let dictation = Dictation { purpose, recording: recording(), language: Some(Language::English) };
        dictate(&self.services, id, &dictation, &who(by)).await
    }

    async fn question(&self, allow_custom: bool) -> (RequestId, Digest) {
        let ask = json!({
            "question": "Which region should it be?", "options": ["Europe", "America"], "allow_custom": allow_custom,
        });
        let reply = self.world.try_call("mcp_owner_feedback_request", ask).await.unwrap();
        (reply.request.unwrap(), reply.plan_digest.unwrap())
    }

    /// The way the words were given, as another replica sees it.
    async fn confirm(
        &self,
        id: RequestId,
        dictated: &Dictated,
        text: &str,
        by: &Identity,
    ) -> Result<InputMode, VoiceError> {
        let seen = self.world.request(id).await.proposal.plan_digest;
        let (text, proof) = (words(text), dictated.proof.as_str());
        confirm_spoken(&self.world.replica(9), Spoken { request: id, seen, text: Some(&text), proof }, by)
            .await
    }
}

fn recording() -> Recording {
    Recording::parse(b"OggS\0and so on".to_vec(), AudioKind::Ogg, LIMITS).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, VoiceError>) -> (&'static str, Kind) {
    let error = result.unwrap_err();
    (error.code(), error.kind())
}

#[tokio::test]
async fn r5_a_dictated_reason_is_shown_first_and_recorded_with_how_it_became_text() {
    let stage = Stage::set().await;
    let id = stage.world.call("a").await.request.unwrap();
    stage.hears(Ok(heard(" Not before the release. ")));
    let before = stage.world.rows();
    let dictated = stage.dictate(id, Purpose::Reason, ALICE).await.unwrap();
    assert_eq!(dictated.text.as_str(), "Not before the release.");
    assert_eq!(*stage.ear.asked.lock().unwrap(), [(14, Some(Language::English))]);
    assert_eq!(stage.world.rows(), before, "nothing counts, and nothing is kept, before it is confirmed");
    let input_mode = stage.confirm(id, &dictated, "Not before the release.", &who(ALICE)).await.unwrap();
    assert_eq!(input_mode, InputMode::Voice(Some(dictated.transcript)));
    let decision = Decision {
        choice: Choice::Deny,
        seen: stage.world.request(id).await.proposal.plan_digest,
        reason: Some(dictated.text),
        input_mode,
    };
    decide_request(&stage.world.services, id, &decision, &who(ALICE)).await.unwrap();
    let expected = json!({
        "provider": "acme", "model": "whisper-1", "language": "english", "confidence_percent": 93,
        "audio_sha256": recording().digest().to_string(), "duration_ms": 1480,
    });
    let detail = stage.world.last_detail("approval.denied");
    assert_eq!((&detail["input_mode"], &detail["transcript"]), (&json!("voice"), &expected));
    let stored = &stage.world.request(id).await.votes[0].ballot;
    assert_eq!(stored.input_mode, decision.input_mode, "the vote comes back from the store with all of it");
}

#[tokio::test]
async fn r5_a_dictated_answer_reaches_the_agent_with_how_it_became_text() {
    let stage = Stage::set().await;
    let (id, seen) = stage.question(true).await;
    stage.hears(Ok(Heard {
        language: None,
        confidence: None,
        duration: None,
        ..heard("keep it where it is")
    }));
    let dictated = stage.dictate(id, Purpose::Answer, ALICE).await.unwrap();
    let input_mode = stage.confirm(id, &dictated, "keep it where it is", &who(ALICE)).await.unwrap();
    let answer = GivenAnswer { seen, reply: Reply::Custom(dictated.text), input_mode };
    for repeated in [false, true] {
        let reply = answer_question(&stage.world.services, id, &answer, &who(ALICE)).await.unwrap();
        assert_eq!(reply.repeated, repeated, "read back from the store it is the same answer");
    }
    let told = stage.world.rows().outcomes[0].detail.clone();
    assert_eq!((&told["input_mode"], &told["text"]), (&json!("voice"), &json!("keep it where it is")));
    assert_eq!(
        (&told["transcript"]["model"], &told["transcript"]["duration_ms"]),
        (&json!("whisper-1"), &Value::Null)
    );
    assert_eq!(stage.world.last_detail("approval.answered")["transcript"], told["transcript"]);
}

#[tokio::test]
async fn a_secret_that_is_spoken_is_neither_shown_nor_recorded() {
    let stage = Stage::set().await;
    let id = stage.world.call("a").await.request.unwrap();
    stage.hears(Ok(heard("No: the token is ghp_abcdefghijklmnop0123456789ABCDEF")));
    let dictated = stage.dictate(id, Purpose::Reason, ALICE).await.unwrap();
    assert_eq!(dictated.text.as_str(), "No: the token is [redacted]");
    assert!(!format!("{dictated:?}").contains("ghp_") && !format!("{:?}", heard("ghp_x")).contains("ghp_"));
    let mode = stage.confirm(id, &dictated, "No: the token is [redacted]", &who(ALICE)).await.unwrap();
    assert!(mode.transcript().is_some(), "what is shown is what is confirmed");
}

#[tokio::test]
async fn words_that_were_changed_count_as_typed() {
    let stage = Stage::set().await;
    let id = stage.world.call("a").await.request.unwrap();
    stage.hears(Ok(heard("line one\nline two")));
    let dictated = stage.dictate(id, Purpose::Reason, ALICE).await.unwrap();
    stage.hears(Ok(heard("line one\r\nline two\u{202e}")));
    let hidden = stage.dictate(id, Purpose::Reason, ALICE).await.unwrap();
    assert_eq!(hidden.text.as_str(), "line one\nline two<U+202E>", "nothing hides in what is confirmed");
    for (text, spoken) in
        [("line one\r\nline two", true), ("line one\nline two!", false), ("line two", false)]
    {
        let mode = stage.confirm(id, &dictated, text, &who(ALICE)).await.unwrap();
        assert_eq!(mode.transcript().is_some(), spoken, "{text}");
        assert_eq!(mode == InputMode::Text, !spoken, "{text}");
    }
}

#[tokio::test]
async fn a_proof_is_one_persons_for_one_request_as_it_is_and_for_a_time() {
    let stage = Stage::set().await;
    let (id, other) =
        (stage.world.call("a").await.request.unwrap(), stage.world.call("b").await.request.unwrap());
    stage.hears(Ok(heard("no")));
    let dictated = stage.dictate(id, Purpose::Reason, ALICE).await.unwrap();
    let not_proved = ("transcript_not_proved", Kind::Conflict);
    assert_eq!(code(stage.confirm(id, &dictated, "no", &who(BOB)).await), not_proved, "another person's");
    assert_eq!(
        code(stage.confirm(other, &dictated, "no", &who(ALICE)).await),
        not_proved,
        "another request's"
    );
    let forged = Dictated { proof: "k1.AAAA".to_owned(), ..dictated.clone() };
    assert_eq!(code(stage.confirm(id, &forged, "no", &who(ALICE)).await), not_proved, "nobody's");
    stage.world.clock.advance(Millis(899_999));
    assert!(stage.confirm(id, &dictated, "no", &who(ALICE)).await.is_ok());
    stage.world.clock.advance(Millis(1));
    assert_eq!(code(stage.confirm(id, &dictated, "no", &who(ALICE)).await), not_proved, "too old");
    // Whoever decides too late is told that, not what is wrong with the proof.
    stage
        .world
        .decide(id, Choice::Deny, stage.world.request(id).await.proposal.plan_digest, BOB)
        .await
        .unwrap();
    assert_eq!(stage.confirm(id, &forged, "no", &who(ALICE)).await.unwrap(), InputMode::Text);
}

#[tokio::test]
async fn only_whoever_may_decide_is_listened_to_and_only_while_it_waits() {
    let stage = Stage::set().await;
    stage.hears(Ok(heard("no")));
    let id = stage.world.call("a").await.request.unwrap();
    assert_eq!(code(stage.dictate(id, Purpose::Reason, CAROL).await), ("not_a_decider", Kind::Denied));
    assert_eq!(stage.world.count("mcp.tool.rejected"), 1, "the attempt is recorded");
    assert_eq!(code(stage.dictate(id, Purpose::Answer, ALICE).await), ("not_a_question", Kind::Conflict));
    let (closed, _) = stage.question(false).await;
    assert_eq!(code(stage.dictate(closed, Purpose::Answer, ALICE).await).0, "custom_not_allowed");
    let target = Target { id, version: Some(LookedAt::Version(7)) };
    let dictation = Dictation { purpose: Purpose::Reason, recording: recording(), language: None };
    let changed = dictate(&stage.services, target, &dictation, &who(ALICE)).await;
    assert_eq!(code(changed).0, "version_changed");
    stage.world.approve(id, ALICE).await.unwrap();
    assert_eq!(code(stage.dictate(id, Purpose::Reason, ALICE).await).0, "already_approved");
    assert_eq!(stage.asked(), 0, "none of it reached the transcriber");
    let nowhere = dictate(&stage.world.services, id, &dictation, &who(ALICE)).await;
    assert_eq!(code(nowhere), ("voice_not_offered", Kind::NotFound));
}

#[tokio::test]
async fn what_comes_to_nothing_is_named() {
    let stage = Stage::set().await;
    let id = stage.world.call("a").await.request.unwrap();
    let why = || "HTTP 500".to_owned();
    let long = "x".repeat(1001);
    for (given, expected) in [
        (Ok(heard(" \n ")), ("nothing_heard", Kind::Invalid)),
        (Ok(heard(&long)), ("audio_too_long", Kind::Invalid)),
        (
            Ok(Heard { duration: Some(Millis(60_001)), ..heard("a long story") }),
            ("audio_too_long", Kind::Invalid),
        ),
        (Err(TranscriberError::Unavailable { why: why() }), ("transcriber_unavailable", Kind::Unavailable)),
        (Err(TranscriberError::Refused { why: why() }), ("transcriber_unavailable", Kind::Unavailable)),
        (Err(TranscriberError::NotAudio { why: why() }), ("not_audio", Kind::Invalid)),
        (Err(TranscriberError::TooLarge { why: why() }), ("audio_too_large", Kind::Invalid)),
    ] {
        stage.hears(given);
        let refused = stage.dictate(id, Purpose::Reason, ALICE).await.unwrap_err();
        assert_eq!((refused.code(), refused.kind()), expected);
        assert!(!refused.to_string().contains("500"), "what was seen is for the log: {refused}");
    }
    let (question, _) = stage.question(true).await;
    stage.hears(Ok(heard(&long)));
    assert!(stage.dictate(question, Purpose::Answer, ALICE).await.is_ok(), "answers may be longer");
}
