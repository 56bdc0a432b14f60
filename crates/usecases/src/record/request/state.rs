//! The state of a request as columns.

use countersign_approvals::{
    Answer, CancelledBy, Decider, ExpiredPhase, InputMode, Settled, State, StateName,
};
use countersign_kernel::{RedactedText, Timestamp};
use serde_json::{Value, json};

use super::RequestRecord;
use crate::port::StoreError;
use crate::record::stamp::Row;
use crate::record::transcript::{read_input_mode, transcript_json};

pub(super) struct StateColumns {
    pub(super) decide_by: Option<Timestamp>,
    pub(super) execute_by: Option<Timestamp>,
    pub(super) state_at: Timestamp,
    pub(super) detail: Value,
}

pub(super) fn columns(state: &State, requested_at: Timestamp) -> StateColumns {
    let plain = |state_at, detail| StateColumns { decide_by: None, execute_by: None, state_at, detail };
    match state {
        State::Requested { decide_by } => {
            StateColumns { decide_by: Some(*decide_by), ..plain(requested_at, json!({})) }
        }
        State::Approved { approved_at, execute_by } => {
            StateColumns { execute_by: Some(*execute_by), ..plain(*approved_at, json!({})) }
        }
        State::Applying { started_at, execute_by } => {
            StateColumns { execute_by: Some(*execute_by), ..plain(*started_at, json!({})) }
        }
        State::Unknown { since, code, reason } => {
            plain(*since, json!({"code": code, "reason": reason.as_str()}))
        }
        State::Settled(settled) => plain(settled.at(), settled_detail(settled)),
    }
}

fn settled_detail(settled: &Settled) -> Value {
    match settled {
        Settled::Applied { .. } => json!({}),
        Settled::Answered { by, answer, .. } => json!({"by": by.as_str(), "answer": answer_json(answer)}),
        Settled::Denied { by, reason, .. } => {
            let by = match by {
                Decider::Policy => None,
                Decider::Principal(principal) => Some(principal.as_str()),
            };
            json!({"by": by, "reason": reason.as_ref().map(RedactedText::as_str)})
        }
        Settled::Expired { phase, .. } => json!({"phase": phase_name(*phase)}),
        Settled::Cancelled { by, reason, .. } => {
            let (kind, principal) = match by {
                CancelledBy::Agent => ("agent", None),
                CancelledBy::Staff(principal) => ("staff", Some(principal.as_str())),
                CancelledBy::RunEnd => ("run_end", None),
            };
            json!({"kind": kind, "by": principal, "reason": reason.as_ref().map(RedactedText::as_str)})
        }
        Settled::Failed { code, reason, .. } => json!({"code": code, "reason": reason.as_str()}),
    }
}

/// An answer as documents show it: to storage, events and outcomes alike.
pub(crate) fn answer_json(answer: &Answer) -> Value {
    match answer {
        Answer::Option { index, text, input_mode } => with_transcript(
            json!({
                "selected_option": text.as_str(), "selected_index": index, "custom": false,
                "input_mode": input_mode.as_str(),
            }),
            input_mode,
        ),
        Answer::Custom { text, input_mode } => with_transcript(
            json!({
                "selected_option": null, "selected_index": null, "custom": true, "text": text.as_str(),
                "input_mode": input_mode.as_str(),
            }),
            input_mode,
        ),
    }
}

/// A document with how its spoken words became text, where that is known; nothing is said of what was not spoken.
pub(crate) fn with_transcript(mut document: Value, input_mode: &InputMode) -> Value {
    if let Some(transcript) = input_mode.transcript() {
        document["transcript"] = transcript_json(transcript);
    }
    document
}

/// The name of the clock that ran out.
pub(crate) fn phase_name(phase: ExpiredPhase) -> &'static str {
    match phase {
        ExpiredPhase::Undecided => "undecided",
        ExpiredPhase::Unexecuted => "unexecuted",
    }
}

pub(super) fn read(row: Row<'_>, record: &RequestRecord) -> Result<State, StoreError> {
    let at = record.state_at.0;
    let detail = &record.state_detail;
    let bad = |what: &str| row.corrupt("state_detail", format!("has no valid `{what}`"));
    let text = |name: &str| detail[name].as_str().map(|text| RedactedText::from_storage(text.to_owned()));
    let code = || detail["code"].as_str().map(str::to_owned).ok_or_else(|| bad("code"));
    let execute_by = || row.need("execute_by", record.execute_by).map(|stamp| stamp.0);
    let settled = match row.parse::<StateName>("state", &record.state)? {
        StateName::Requested => {
            return Ok(State::Requested { decide_by: row.need("decide_by", record.decide_by)?.0 });
        }
        StateName::Approved => return Ok(State::Approved { approved_at: at, execute_by: execute_by()? }),
        StateName::Applying => return Ok(State::Applying { started_at: at, execute_by: execute_by()? }),
        StateName::Unknown => {
            let reason = text("reason").ok_or_else(|| bad("reason"))?;
            return Ok(State::Unknown { since: at, code: code()?, reason });
        }
        StateName::Applied => Settled::Applied { at },
        StateName::Answered => Settled::Answered {
            at,
            by: row.parse("state_detail", detail["by"].as_str().unwrap_or_default())?,
            answer: answer(&detail["answer"]).ok_or_else(|| bad("answer"))?,
        },
        StateName::Denied => {
            let by = match detail["by"].as_str() {
                None => Decider::Policy,
                Some(principal) => Decider::Principal(row.parse("state_detail", principal)?),
            };
            Settled::Denied { at, by, reason: text("reason") }
        }
        StateName::Expired => Settled::Expired {
            at,
            phase: match detail["phase"].as_str() {
                Some("undecided") => ExpiredPhase::Undecided,
                Some("unexecuted") => ExpiredPhase::Unexecuted,
                Some(_) | None => return Err(bad("phase")),
            },
        },
        StateName::Cancelled => {
            let by = match detail["kind"].as_str() {
                Some("agent") => CancelledBy::Agent,
                Some("run_end") => CancelledBy::RunEnd,
                Some("staff") => {
                    let principal = detail["by"].as_str().unwrap_or_default();
                    CancelledBy::Staff(row.parse("state_detail", principal)?)
                }
                Some(_) | None => return Err(bad("kind")),
            };
            Settled::Cancelled { at, by, reason: text("reason") }
        }
        StateName::Failed => {
            Settled::Failed { at, code: code()?, reason: text("reason").ok_or_else(|| bad("reason"))? }
        }
    };
    Ok(State::Settled(settled))
}

fn answer(stored: &Value) -> Option<Answer> {
    let input_mode = read_input_mode(stored["input_mode"].as_str()?, stored.get("transcript"))?;
    let text = |name: &str| Some(RedactedText::from_storage(stored[name].as_str()?.to_owned()));
    if stored["custom"].as_bool()? {
        return Some(Answer::Custom { text: text("text")?, input_mode });
    }
    let index = u32::try_from(stored["selected_index"].as_u64()?).ok()?;
    Some(Answer::Option { index, text: text("selected_option")?, input_mode })
}
