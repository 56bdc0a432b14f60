//! What a target's answers mean for looking, planning, doing and probing: one table for all tools, so that a 403 reads the same
//! whatever the target is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use countersign_kernel::RedactedText;
use countersign_kernel::redact::MARK;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::Step;
use crate::ports::{TargetError, TargetErrorKind};
use crate::secret::SecretValue;
use crate::tool::{PlanRefusal, ProbeOutcome, StepOutcome, Unseen};
use crate::watch::Inspection;

/// A stored step can't be read by this version of the tool.
pub(crate) const STEP_UNREADABLE: &str = "step_unreadable";
/// An observation can't be read by this version of the tool.
pub(crate) const OBSERVATION_UNREADABLE: &str = "observation_unreadable";
/// The plan was made without a look at the target, so nobody knows what it would change.
pub(crate) const NOT_LOOKED_AT: &str = "target_not_looked_at";
/// The plan asks for a secret and the executor brought none.
const SECRET_MISSING: &str = "secret_missing";

/// A target said, while it was looked at, that what is asked for can't be done. It is an observation, not a failure to observe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    reason: RefusedReason,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefusedReason {
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    Fenced,
    QuotaExceeded,
    Invalid,
}

impl RefusedReason {
    const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => TargetErrorKind::Unauthorized.code(),
            Self::Forbidden => TargetErrorKind::Forbidden.code(),
            Self::NotFound => TargetErrorKind::NotFound.code(),
            Self::Conflict => TargetErrorKind::Conflict.code(),
            Self::Fenced => TargetErrorKind::Fenced.code(),
            Self::QuotaExceeded => TargetErrorKind::QuotaExceeded.code(),
            Self::Invalid => TargetErrorKind::Invalid.code(),
        }
    }
}

impl Refused {
    /// Our own access check said no.
    pub(crate) fn access(target: &str, why: &str) -> Self {
        Self { reason: RefusedReason::Forbidden, message: format!("{target}: {}", scrub(why, None)) }
    }

    /// What is asked for isn't there.
    pub(crate) fn not_found(message: String) -> Self {
        Self { reason: RefusedReason::NotFound, message }
    }

    /// The target is full.
    pub(crate) fn no_room(message: String) -> Self {
        Self { reason: RefusedReason::QuotaExceeded, message }
    }

    pub(crate) fn code(&self) -> &'static str {
        self.reason.code()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn into_refusal(self) -> PlanRefusal {
        PlanRefusal { code: self.reason.code(), message: self.message }
    }
}

/// What an error while looking means: an answer that settles the matter, or `Err` with why nothing was seen.
pub(crate) fn seen_or_not(error: &TargetError) -> Result<Refused, Unseen> {
    let message = scrub(&error.to_string(), None);
    let reason = match error.kind {
        TargetErrorKind::Unreachable
        | TargetErrorKind::NoAnswer
        | TargetErrorKind::RateLimited { .. }
        | TargetErrorKind::Broken => return Err(Unseen { said: message, ..Unseen::from(error) }),
        TargetErrorKind::Unauthorized => RefusedReason::Unauthorized,
        TargetErrorKind::Forbidden => RefusedReason::Forbidden,
        TargetErrorKind::NotFound => RefusedReason::NotFound,
        TargetErrorKind::Conflict => RefusedReason::Conflict,
        TargetErrorKind::Fenced => RefusedReason::Fenced,
        TargetErrorKind::QuotaExceeded => RefusedReason::QuotaExceeded,
        TargetErrorKind::Invalid => RefusedReason::Invalid,
    };
    Ok(Refused { reason, message })
}

/// What an error of a write means. The message loses the value, should the target have repeated it.
pub(crate) fn write_failed(mut error: TargetError, secret: Option<&SecretValue>) -> StepOutcome {
    error.message = scrub(&error.message, secret);
    error.into_step_outcome()
}

/// What an error of a read on the way to a write (or of a reading step) means: nothing was done, whatever the error.
pub(crate) fn read_failed(error: &TargetError) -> StepOutcome {
    let code = error.kind.code();
    let message = scrub(&error.to_string(), None);
    match error.kind {
        TargetErrorKind::Unreachable | TargetErrorKind::NoAnswer | TargetErrorKind::Broken => {
            StepOutcome::Transient { code, message, retry_after: None }
        }
        TargetErrorKind::RateLimited { retry_after } => StepOutcome::Transient { code, message, retry_after },
        TargetErrorKind::Unauthorized
        | TargetErrorKind::Forbidden
        | TargetErrorKind::NotFound
        | TargetErrorKind::Conflict
        | TargetErrorKind::Fenced
        | TargetErrorKind::QuotaExceeded
        | TargetErrorKind::Invalid => StepOutcome::Permanent { code, message },
    }
}

/// What an error while probing means. The message loses the value, should the target have repeated it.
pub(crate) fn probe_failed(error: &TargetError, secret: Option<&SecretValue>) -> ProbeOutcome {
    TargetError { message: scrub(&error.message, secret), ..error.clone() }.into_probe_outcome()
}

/// A step whose parameters this version doesn't read.
pub(crate) fn unreadable(step: &Step) -> StepOutcome {
    StepOutcome::Permanent { code: STEP_UNREADABLE, message: unreadable_words(step) }
}

/// The same, for a probe.
pub(crate) fn unreadable_probe(step: &Step) -> ProbeOutcome {
    ProbeOutcome::CannotTell { why: unreadable_words(step), retry: false }
}

fn unreadable_words(step: &Step) -> String {
    format!("step {} `{}` has parameters this version can't read", step.number, step.kind)
}

/// A step of a plan that was made blind. It is never done: nobody approved what it would change.
pub(crate) fn not_looked_at(step: &Step) -> StepOutcome {
    let message = format!("`{}` could not be looked at when this was planned; ask again", step.target);
    StepOutcome::Permanent { code: NOT_LOOKED_AT, message }
}

/// A step that writes a secret, begun without one.
pub(crate) fn secret_missing(step: &Step) -> StepOutcome {
    let message = format!("step {} `{}` has no sealed value to write", step.number, step.kind);
    StepOutcome::Permanent { code: SECRET_MISSING, message }
}

/// A target that could not be looked at by the watcher.
pub(crate) fn could_not_look(error: &TargetError) -> Inspection {
    Inspection::CouldNotLook { why: scrub(&error.to_string(), None) }
}

/// An observation this version doesn't read.
pub(crate) fn unreadable_observation() -> PlanRefusal {
    let message = "what was seen of the target can't be read by this version".to_owned();
    PlanRefusal { code: OBSERVATION_UNREADABLE, message }
}

/// A receipt with the evidence that a probe found.
pub(crate) fn with_evidence(mut receipt: Value, evidence: &str) -> Value {
    receipt["evidence"] = Value::from(evidence);
    receipt
}

/// Takes the value, in the spellings a target might repeat it in, and anything that looks like a credential out of a message.
pub(crate) fn scrub(message: &str, secret: Option<&SecretValue>) -> String {
    let mut message = message.to_owned();
    if let Some(secret) = secret {
        for spelling in spellings(secret) {
            // An empty value has nothing to hide, and replacing nothing would fill the message with marks.
            if !spelling.is_empty() {
                message = message.replace(&spelling, MARK);
            }
        }
    }
    RedactedText::parse(&message, 0, usize::MAX)
        .map_or_else(|_| String::new(), |text| text.as_str().to_owned())
}

fn spellings(secret: &SecretValue) -> Vec<String> {
    let bytes = secret.expose();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        hex.to_ascii_uppercase(),
        hex,
    ];
    all.extend(std::str::from_utf8(bytes).map(str::to_owned));
    all
}

#[cfg(test)]
mod tests {
    use countersign_kernel::Millis;

    use super::*;

    fn error(kind: TargetErrorKind) -> TargetError {
        TargetError {
            kind,
            target: "kubernetes secret shop-dev/app".to_owned(),
            message: "it said so".to_owned(),
        }
    }

    /// Every kind, with: the refusal's code when looking (or none), how a failed read and a failed write end, and whether to probe again.
    #[test]
    fn every_kind_of_answer_has_its_meaning() {
        use TargetErrorKind as K;
        let wait = Some(Millis(1500));
        let table = [
            (K::Unreachable, None, "transient", "transient", true),
            (K::NoAnswer, None, "transient", "unclear", true),
            (K::Unauthorized, Some("target_unauthorized"), "permanent", "permanent", true),
            (K::Forbidden, Some("target_forbidden"), "permanent", "permanent", true),
            (K::NotFound, Some("target_not_found"), "permanent", "permanent", false),
            (K::Conflict, Some("target_conflict"), "permanent", "permanent", false),
            (K::Fenced, Some("target_fenced"), "permanent", "permanent", false),
            (K::QuotaExceeded, Some("target_quota_exceeded"), "permanent", "permanent", false),
            (K::Invalid, Some("target_invalid"), "permanent", "permanent", false),
            (K::RateLimited { retry_after: wait }, None, "transient", "transient", true),
            (K::Broken, None, "transient", "unclear", true),
        ];
        for (kind, refusal, read, write, again) in table {
            let error = error(kind);
            assert_eq!(seen_or_not(&error).ok().map(|refused| refused.code()), refusal, "{kind:?}");
            assert_eq!(ended(&read_failed(&error), kind), read, "{kind:?}");
            assert_eq!(ended(&write_failed(error.clone(), None), kind), write, "{kind:?}");
            let ProbeOutcome::CannotTell { why, retry } = probe_failed(&error, None) else {
                panic!("{kind:?}")
            };
            assert_eq!(
                (why.as_str(), retry),
                ("kubernetes secret shop-dev/app: it said so", again),
                "{kind:?}"
            );
        }
    }

    fn ended(outcome: &StepOutcome, kind: TargetErrorKind) -> &'static str {
        let expected_wait = match kind {
            TargetErrorKind::RateLimited { retry_after } => retry_after,
            _ => None,
        };
        let (code, message, ended) = match outcome {
            StepOutcome::Done { .. } => panic!("done"),
            StepOutcome::Transient { code, message, retry_after } => {
                assert_eq!(*retry_after, expected_wait);
                (code, message, "transient")
            }
            StepOutcome::Permanent { code, message } => (code, message, "permanent"),
            StepOutcome::Unclear { code, message } => (code, message, "unclear"),
        };
        assert_eq!((*code, message.as_str()), (kind.code(), "kubernetes secret shop-dev/app: it said so"));
        ended
    }

    #[test]
    fn a_value_repeated_by_a_target_is_taken_out_in_every_spelling() {
        let canary = "CanaryValueOfPlainLetters";
        let secret = SecretValue::new(canary.as_bytes().to_vec());
        for spelling in spellings(&secret) {
            let said = scrub(&format!("field `{spelling}` is invalid"), Some(&secret));
            assert_eq!(said, "field `[redacted]` is invalid");
        }
        assert_eq!(scrub("nothing to hide", Some(&SecretValue::new(Vec::new()))), "nothing to hide");
    }
}
