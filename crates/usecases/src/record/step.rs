//! Rows of `action_steps`.

use countersign_approvals::{StepProgress, StepState};
use countersign_kernel::RequestId;
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
    /// `intended`, `not_done` or `done`.
    pub state: String,
    pub intended_at: Stamp,
    pub done_at: Option<Stamp>,
    pub receipt: Option<Value>,
    pub fence: i64,
    pub attempts: i64,
}

impl StepRecord {
    /// The row of a step of this kind against this target.
    pub fn of(request: RequestId, kind: &str, target: &str, step: &StepProgress) -> Self {
        let receipt = match &step.state {
            StepState::Intended | StepState::NotDone => None,
            StepState::Done { receipt } => Some(receipt.clone()),
        };
        Self {
            request_id: request.to_string(),
            revision: i64::from(step.revision),
            step_number: i64::from(step.number),
            kind: kind.to_owned(),
            target: target.to_owned(),
            state: step.state.as_str().to_owned(),
            intended_at: Stamp(step.intended_at),
            done_at: step.done_at.map(Stamp),
            receipt,
            fence: signed(step.fence),
            attempts: i64::from(step.attempts),
        }
    }
}

impl TryFrom<StepRecord> for StepProgress {
    type Error = StoreError;

    fn try_from(record: StepRecord) -> Result<Self, StoreError> {
        let row = Row { table: "action_steps", id: &record.request_id };
        Ok(Self {
            revision: row.number("revision", record.revision)?,
            number: row.number("step_number", record.step_number)?,
            state: StepState::from_parts(&record.state, record.receipt)
                .map_err(|error| row.corrupt("state", error))?,
            intended_at: record.intended_at.0,
            done_at: record.done_at.map(|stamp| stamp.0),
            fence: row.number("fence", record.fence)?,
            attempts: row.number("attempts", record.attempts)?,
        })
    }
}
