//! Rows of `action_steps`.

use countersign_approvals::{StepFailure, StepProgress, StepState};
use countersign_kernel::{RedactedText, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stamp::{Row, Stamp, signed};
use crate::port::StoreError;

/// A row of `action_steps`. Key: `request_id`, `revision`, `step_number`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are the members of `StepProgress`")]
pub struct StepRecord {
    pub request_id: String,
    pub revision: i64,
    pub step_number: i64,
    /// What is done, such as `kubernetes.apply_key`.
    pub kind: String,
    /// Which target.
    pub target: String,
    /// `intended`, `not_done`, `done`, `undoing` or `undone`.
    pub state: String,
    pub intended_at: Stamp,
    pub done_at: Option<Stamp>,
    pub receipt: Option<Value>,
    pub fence: i64,
    pub attempts: i64,
    pub quiet_until: Option<Stamp>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
}

impl StepRecord {
    /// Whether no other step may be begun against its target: it is being taken, or taken back.
    pub fn holds_target(&self) -> bool {
        matches!(self.state.as_str(), "intended" | "undoing")
    }

    /// The row of a step of this kind against this target.
    pub fn of(request: RequestId, kind: &str, target: &str, step: &StepProgress) -> Self {
        let failure = step.failure.as_ref();
        Self {
            request_id: request.to_string(),
            revision: i64::from(step.revision),
            step_number: i64::from(step.number),
            kind: kind.to_owned(),
            target: target.to_owned(),
            state: step.state.as_str().to_owned(),
            intended_at: Stamp(step.intended_at),
            done_at: step.done_at.map(Stamp),
            receipt: step.state.receipt().cloned(),
            fence: signed(step.fence),
            attempts: i64::from(step.attempts),
            quiet_until: step.quiet_until.map(Stamp),
            failure_code: failure.map(|failure| failure.code.clone()),
            failure_message: failure.map(|failure| failure.message.as_str().to_owned()),
        }
    }
}

impl TryFrom<StepRecord> for StepProgress {
    type Error = StoreError;

    fn try_from(record: StepRecord) -> Result<Self, StoreError> {
        let row = Row { table: "action_steps", id: &record.request_id };
        let failure = match (record.failure_code, record.failure_message) {
            (Some(code), Some(message)) => {
                Some(StepFailure { code, message: RedactedText::from_storage(message) })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(row.corrupt("failure_code", "a failure has a code and a message"));
            }
        };
        Ok(Self {
            revision: row.number("revision", record.revision)?,
            number: row.number("step_number", record.step_number)?,
            state: StepState::from_parts(&record.state, record.receipt)
                .map_err(|error| row.corrupt("state", error))?,
            intended_at: record.intended_at.0,
            done_at: record.done_at.map(|stamp| stamp.0),
            fence: row.number("fence", record.fence)?,
            attempts: row.number("attempts", record.attempts)?,
            quiet_until: record.quiet_until.map(|stamp| stamp.0),
            failure,
        })
    }
}
