//! What the bodies of commands say, read member by member. The pages of the console read their forms by the same rules.

use countersign_approvals::{Choice, InputMode, Reply, Verdict};
use countersign_kernel::{Digest, RedactedText, Violations};
use countersign_mcp_tools::Arguments;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::voice::{MAX_ANSWER, MAX_REASON};
use serde_json::Value;

/// The place of the last option a question may have.
const LAST_OPTION: u32 = 4;

/// The most characters of the proof of a transcript: several times as many as any has.
const MAX_PROOF: usize = 4096;

const CHOICES: [(&str, Choice); 2] = [("approve", Choice::Approve), ("deny", Choice::Deny)];
/// What makes an input mode: one that was spoken has no transcript unless it is proved.
type Mode = fn() -> InputMode;

const INPUT_MODES: [(&str, Mode); 3] =
    [("button", || InputMode::Button), ("text", || InputMode::Text), ("voice", || InputMode::Voice(None))];
const VERDICTS: [(&str, Verdict); 2] = [("applied", Verdict::Applied), ("failed", Verdict::Failed)];

/// What was said, with the proof that it was spoken, where there is one.
#[derive(Debug)]
pub(crate) struct Said<T> {
    pub(crate) what: T,
    pub(crate) transcript_proof: Option<String>,
}

pub(crate) fn read_decision(body: &Value) -> Result<Said<Decision>, Violations> {
    let mut given =
        Arguments::read(body, &["decision", "reason", "seen_digest", "input_mode", "transcript_proof"]);
    let choice = choice(&mut given);
    let seen = digest(&mut given);
    let reason = reason(&mut given);
    let input_mode = input_mode(&mut given);
    let transcript_proof = transcript_proof(&mut given);
    let decision = (|| Some(Decision { choice: choice?, seen: seen?, reason, input_mode: input_mode? }))();
    given.finish(decision.map(|what| Said { what, transcript_proof }))
}

pub(crate) fn read_cancel(body: &Value) -> Result<Option<RedactedText>, Violations> {
    let mut given = Arguments::read(body, &["reason"]);
    let reason = reason(&mut given);
    given.finish(Some(reason))
}

pub(crate) fn read_verdict(body: &Value) -> Result<(Verdict, RedactedText), Violations> {
    let mut given = Arguments::read(body, &["verdict", "reason"]);
    given.require("verdict");
    given.require("reason");
    let verdict = given.choice("verdict", &VERDICTS);
    let reason = given.prose("reason", 1, MAX_REASON);
    given.finish(verdict.zip(reason))
}

/// The decision, which has to be there.
pub(crate) fn choice(given: &mut Arguments<'_>) -> Option<Choice> {
    given.require("decision");
    given.choice("decision", &CHOICES)
}

/// The digest of what was shown, which has to be there.
pub(crate) fn digest(given: &mut Arguments<'_>) -> Option<Digest> {
    given.require("seen_digest");
    let rule = "must be `sha256:` and 64 lower-case hex digits";
    given.patterned("seen_digest", rule, |text| text.parse::<Digest>().is_ok())?.parse().ok()
}

/// A reason that may be absent or empty.
pub(crate) fn reason(given: &mut Arguments<'_>) -> Option<RedactedText> {
    given.prose("reason", 0, MAX_REASON).filter(|text| !text.as_str().is_empty())
}

/// How it was given; a button when nothing is said.
pub(crate) fn input_mode(given: &mut Arguments<'_>) -> Option<InputMode> {
    if !given.has("input_mode") {
        return Some(InputMode::Button);
    }
    given.choice("input_mode", &INPUT_MODES).map(|mode| mode())
}

/// The proof of a transcript, where there is one. What it proves is seen when it is opened.
fn transcript_proof(given: &mut Arguments<'_>) -> Option<String> {
    let rule = "must be 1 to 4096 printable ASCII characters without blanks";
    let fits = |text: &str| {
        (1..=MAX_PROOF).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    given.patterned("transcript_proof", rule, fits).map(str::to_owned)
}

pub(crate) fn read_answer(body: &Value) -> Result<Said<GivenAnswer>, Violations> {
    let known = ["seen_digest", "option_index", "custom_text", "input_mode", "transcript_proof"];
    let mut given = Arguments::read(body, &known);
    let seen = digest(&mut given);
    let option = given.integer("option_index", 0..=LAST_OPTION);
    let custom = given.prose("custom_text", 1, MAX_ANSWER);
    match (given.has("option_index"), given.has("custom_text")) {
        (true, true) => given.violate("custom_text", "excludes `option_index`: give one of the two"),
        (false, false) => given.violate("option_index", "is required unless `custom_text` is given"),
        (true, false) | (false, true) => {}
    }
    let reply = option.map(Reply::Option).or(custom.map(Reply::Custom));
    let input_mode = input_mode(&mut given);
    let transcript_proof = transcript_proof(&mut given);
    let answer = (|| Some(GivenAnswer { seen: seen?, reply: reply?, input_mode: input_mode? }))();
    given.finish(answer.map(|what| Said { what, transcript_proof }))
}

/// One decision on several requests: yes or no, and why.
pub(crate) fn read_batch_choice(body: &Value) -> Result<(Choice, Option<RedactedText>), Violations> {
    let mut given = Arguments::read(body, &["decision", "reason"]);
    let (choice, reason) = (choice(&mut given), reason(&mut given));
    given.finish(choice.map(|choice| (choice, reason)))
}
