//! Speaking instead of typing, over REST: what was heard comes back first, and counts by the decision or answer.

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_kernel::RequestId;
use countersign_transport_http::HttpSettings;
use countersign_usecases::access::Role;
use countersign_usecases::port::TranscriberError;
use serde_json::{Value, json};

use crate::support::{Answered, SPEECH, World, call, world, world_that, world_with};

/// A recording of this many bytes of sound, 8000 of which are a second.
pub(crate) fn wave(bytes: usize) -> Vec<u8> {
    let mut wave =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    wave.extend_from_slice(&u32::try_from(bytes).unwrap().to_le_bytes());
    wave.resize(wave.len() + bytes, 0x80);
    wave
}

fn speech(who: &str, path: &str, kind: &str, recording: Vec<u8>) -> Request<Body> {
    let mut request = call(Method::POST, who, path, None);
    if !kind.is_empty() {
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
    }
    request.map(|_| Body::from(recording))
}

impl World {
    /// Somebody speaks.
    pub(crate) async fn say(&self, who: &str, path: &str) -> Answered {
        self.send(speech(who, path, "audio/wav", wave(800))).await
    }
}

fn reason_of(id: RequestId) -> String {
    format!("/api/v1/approvals/{id}/decision/voice")
}

#[tokio::test]
async fn r5_a_denial_is_dictated_looked_at_and_recorded_with_its_transcript() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.ear.hears("Not before the release, password: hunter2");
    let heard = world.say("alice", &reason_of(id)).await;
    assert_eq!(heard.ok()["text"], "Not before the release, password: [redacted]");
    assert_eq!(heard.body["plan_digest"], world.digest(id).await);
    let shown = world.get("viewer", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(shown.ok()["summary"]["state"], "requested", "nothing counts yet");
    let deny = json!({
        "decision": "deny", "seen_digest": heard.body["plan_digest"], "reason": heard.body["text"],
        "transcript_proof": heard.body["transcript_proof"],
    });
    let path = format!("/api/v1/approvals/{id}/decision");
    assert_eq!(world.post("alice", &path, deny.clone()).await.ok()["approval"]["state"], "denied");
    assert_eq!(world.post("alice", &path, deny).await.ok()["repeated"], true);
    let shown = world.get("viewer", &format!("/api/v1/approvals/{id}")).await;
    let vote = &shown.ok()["votes"][0];
    assert_eq!((&vote["input_mode"], &vote["transcript"]), (&json!("voice"), &heard.body["transcript"]));
    assert_eq!(vote["transcript"]["duration_ms"], 100, "a wave file says it itself");
    assert!(!format!("{:?}", world.store.rows()).contains("hunter2"));
}

#[tokio::test]
async fn r5_an_answer_is_dictated_and_reaches_the_agent_with_its_transcript() {
    let world = world().await;
    let id = world.question().await;
    world.ear.hears("green, as before");
    let heard = world.say("alice", &format!("/api/v1/questions/{id}/answer/voice?language=en")).await;
    let answer = json!({
        "seen_digest": heard.ok()["plan_digest"], "custom_text": "green, as before",
        "transcript_proof": heard.body["transcript_proof"], "input_mode": "text",
    });
    let path = format!("/api/v1/questions/{id}/answer");
    assert_eq!(world.post("alice", &path, answer).await.ok()["approval"]["state"], "answered");
    let outcome = world.store.rows().outcomes[0].detail.clone();
    assert_eq!(
        (&outcome["input_mode"], &outcome["transcript"]["provider"]),
        (&json!("voice"), &json!("acme"))
    );
}

#[tokio::test]
async fn what_was_changed_is_typed_and_what_is_not_proved_is_refused() {
    let world = world().await;
    world.ear.hears("no");
    let id = world.ask("orders").await;
    let heard = world.say("alice", &reason_of(id)).await;
    let (seen, proof) = (heard.ok()["plan_digest"].clone(), heard.body["transcript_proof"].clone());
    let path = format!("/api/v1/approvals/{id}/decision");
    let deny = |reason: &str, proof: &Value| json!({"decision": "deny", "seen_digest": seen, "reason": reason, "transcript_proof": proof});
    let other = world.post("bob", &path, deny("no", &proof)).await;
    assert_eq!(other.refused(409), "transcript_not_proved", "of another person");
    assert_eq!(other.body["current"]["state"], "requested");
    let malformed = world.post("alice", &path, deny("no", &json!("with a blank"))).await;
    assert_eq!(
        malformed.fields(),
        ["body /transcript_proof: must be 1 to 4096 printable ASCII characters without blanks"]
    );
    world.post("alice", &path, deny("no, never", &proof)).await.ok();
    let shown = world.get("viewer", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(shown.ok()["votes"][0]["input_mode"], "text");
    assert!(shown.body["votes"][0].get("transcript").is_none());
    let question = world.question().await;
    let heard = world.say("alice", &format!("/api/v1/questions/{question}/answer/voice")).await;
    let chosen = json!({
        "seen_digest": heard.ok()["plan_digest"], "option_index": 0, "transcript_proof": heard.body["transcript_proof"],
    });
    world.post("alice", &format!("/api/v1/questions/{question}/answer"), chosen).await.ok();
    let rows = world.store.rows();
    let outcome = rows.outcomes.iter().find(|outcome| outcome.request_id == question.to_string()).unwrap();
    assert_eq!(outcome.detail["input_mode"], "button", "an option was not spoken");
}

#[tokio::test]
async fn recordings_have_a_kind_a_size_and_a_length() {
    let world = world().await;
    world.ear.hears("no");
    let path = reason_of(world.ask("orders").await);
    let refused = async |kind: &str, recording: Vec<u8>, status: u16| {
        world.send(speech("alice", &path, kind, recording)).await.refused(status).to_owned()
    };
    for kind in ["", "application/json", "audio/*", "text/html", "audio/midi"] {
        assert_eq!(refused(kind, wave(8), 415).await, "unsupported_media_type", "{kind}");
    }
    assert_eq!(refused("audio/ogg", wave(8), 415).await, "unsupported_media_type", "another kind inside");
    assert_eq!(refused("audio/wav", b"<html>hello</html>".to_vec(), 422).await, "not_audio");
    assert_eq!(refused("audio/wav", Vec::new(), 422).await, "not_audio");
    assert_eq!(refused("audio/wav", wave(SPEECH.max_bytes), 413).await, "audio_too_large");
    let mut slow = wave(3_000);
    slow[28..32].copy_from_slice(&100_u32.to_le_bytes());
    assert_eq!(refused("audio/wav", slow, 422).await, "audio_too_long", "thirty seconds");
    let answered = world.send(speech("alice", &path, "audio/x-wav; codecs=1", wave(8))).await;
    answered.ok();
    let query =
        world.send(speech("alice", &format!("{path}?language=xx&voice=1"), "audio/wav", wave(8))).await;
    assert_eq!(
        query.fields(),
        ["query /voice: is not known; known are `language`", "query /language: must be `en` or `ru`"]
    );
}

#[tokio::test]
async fn what_the_transcriber_cannot_do_is_told_apart() {
    let world = world().await;
    let path = reason_of(world.ask("orders").await);
    world.ear.hears("   ");
    assert_eq!(world.say("alice", &path).await.refused(422), "nothing_heard");
    world.ear.hears(&"word ".repeat(300));
    assert_eq!(world.say("alice", &path).await.refused(422), "audio_too_long");
    let why = || "it said: token ghp_abcdefghijklmnop0123456789ABCDEF".to_owned();
    for (error, status, code) in [
        (TranscriberError::Unavailable { why: why() }, 503, "transcriber_unavailable"),
        (TranscriberError::Refused { why: why() }, 503, "transcriber_unavailable"),
        (TranscriberError::NotAudio { why: why() }, 422, "not_audio"),
        (TranscriberError::TooLarge { why: why() }, 413, "audio_too_large"),
    ] {
        world.ear.fails(error);
        let refused = world.say("alice", &path).await;
        assert_eq!(refused.refused(status), code);
        assert_eq!(refused.headers.contains_key("retry-after"), status == 503, "{code}");
        assert!(!refused.body.to_string().contains("it said"), "{code}");
    }
}

#[tokio::test]
async fn nobody_is_listened_to_who_may_not_decide_or_comes_too_late() {
    let world = world().await;
    world.ear.hears("no");
    let id = world.ask("orders").await;
    assert_eq!(world.say("approver", &reason_of(id)).await.refused(403), "not_a_decider");
    assert_eq!(world.count("mcp.tool.rejected"), 1);
    let not_here = world.say("alice", &format!("/api/v1/questions/{id}/answer/voice")).await;
    assert_eq!(not_here.refused(409), "not_a_question");
    let unknown =
        world.say("alice", "/api/v1/approvals/01932d5e-7a00-7000-8000-000000000001/decision/voice").await;
    assert_eq!(unknown.refused(404), "unknown_request");
    let mut stale = speech("alice", &reason_of(id), "audio/wav", wave(8));
    stale.headers_mut().insert(header::IF_MATCH, "\"9-4f4f4f4f4f4f\"".parse().unwrap());
    assert_eq!(world.send(stale).await.refused(412), "version_changed");
    world.decide("bob", id, "deny").await.ok();
    let late = world.say("alice", &reason_of(id)).await;
    assert_eq!(late.refused(409), "already_settled");
    assert_eq!(late.body["current"]["resolution"]["by"], "user:github:bob");
}

#[tokio::test]
async fn a_server_without_a_transcriber_says_so() {
    let world = world_that(false, HttpSettings::default(), None).await;
    let id = world.ask("orders").await;
    assert_eq!(world.say("alice", &reason_of(id)).await.refused(404), "voice_not_offered");
}

#[tokio::test]
async fn a_dictation_counts_as_several_requests() {
    let requests_per_minute = std::num::NonZeroU32::new(20).unwrap();
    let world = world_with(HttpSettings { requests_per_minute, ..HttpSettings::default() }).await;
    world.ear.hears("no");
    let path = reason_of(world.ask("orders").await);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(world.say("alice", &path).await.status.as_u16());
    }
    assert_eq!(codes, [200, 200, 429]);
}

#[tokio::test]
async fn a_browser_dictates_from_our_own_pages_only() {
    let world = world().await;
    world.ear.hears("no");
    let path = reason_of(world.ask("orders").await);
    let browser = world.browser_of("user:github:alice", &[Role::Approver]).await;
    let request = || speech("", &path, "audio/wav", wave(8));
    world.send(browser.sends(request())).await.ok();
    let mut forged = browser.sends(request());
    forged.headers_mut().remove("x-csrf-token");
    assert_eq!(world.send(forged).await.refused(403), "request_forged");
}
