//! A request as its run's page shows it: columns of `mcp_action_requests`, and the row of `run_outcomes`.

use countersign_approvals::StateName;
use serde::{Deserialize, Serialize};

use super::run::OutcomeRecord;
use super::stamp::{Row, Stamp};
use crate::port::{RunRequest, StateCount, StoreError};

const TABLE: &str = "mcp_action_requests";

/// Columns of a request with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are those of `RequestRecord`")]
pub struct RunRequestRecord {
    pub request_id: String,
    pub tool: String,
    pub action: String,
    pub environment: Option<String>,
    pub state: String,
    pub requested_at: Stamp,
    /// Its row of `run_outcomes`, once it is over.
    pub outcome: Option<OutcomeRecord>,
}

/// How many requests of one run are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCountRecord {
    /// The state.
    pub state: String,
    /// How many.
    pub count: i64,
}

impl TryFrom<RunRequestRecord> for RunRequest {
    type Error = StoreError;

    fn try_from(record: RunRequestRecord) -> Result<Self, StoreError> {
        let row = Row { table: TABLE, id: &record.request_id };
        Ok(Self {
            id: row.parse("request_id", &record.request_id)?,
            tool: row.parse("tool", &record.tool)?,
            action: row.parse("action", &record.action)?,
            environment: row.parse_opt("environment", record.environment.as_deref())?,
            state: row.parse("state", &record.state)?,
            requested_at: record.requested_at.0,
            outcome: record.outcome.map(TryInto::try_into).transpose()?,
        })
    }
}

impl StateCountRecord {
    /// The counts of a run's requests, in the order of the states.
    ///
    /// # Errors
    /// A state is none.
    pub fn read_all(run: &str, rows: &[Self]) -> Result<Vec<StateCount>, StoreError> {
        let row = Row { table: TABLE, id: run };
        let read = |record: &Self| {
            let state = row.parse::<StateName>("state", &record.state)?;
            Ok(StateCount { state, count: row.number("count", record.count)? })
        };
        let mut counts = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        counts.sort_unstable_by_key(|count| count.state);
        Ok(counts)
    }
}
