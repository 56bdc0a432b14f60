//! The document in which a store tells how deciding went.

use countersign_kernel::{Millis, ParseNameError, Timestamp};
use serde::Deserialize;

use crate::port::{AskedCount, DayCounts, Statistics, StoreError};

/// What a store's query answers with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the members are those of `Statistics`")]
pub struct StatisticsRecord {
    pub days: Vec<DayRecord>,
    pub p50_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    pub asked: Vec<AskedRecord>,
}

/// One day of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the members are those of `DayCounts`")]
pub struct DayRecord {
    /// Days since 1970-01-01 (UTC).
    pub day: i64,
    pub approvals: u64,
    pub denials: u64,
    pub answers: u64,
    pub expiries: u64,
}

/// One caller of one tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the members are those of `AskedCount`")]
pub struct AskedRecord {
    pub agent_key: String,
    pub tool: String,
    pub requests: u64,
}

impl TryFrom<StatisticsRecord> for Statistics {
    type Error = StoreError;

    fn try_from(record: StatisticsRecord) -> Result<Self, StoreError> {
        let days = record.days.into_iter().map(|day| DayCounts {
            day: Timestamp::from_unix_day(day.day),
            approvals: day.approvals,
            denials: day.denials,
            answers: day.answers,
            expiries: day.expiries,
        });
        Ok(Self {
            days: days.collect(),
            decided_within_p50: record.p50_ms.map(Millis),
            decided_within_p95: record.p95_ms.map(Millis),
            asked: record.asked.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<AskedRecord> for AskedCount {
    type Error = StoreError;

    fn try_from(record: AskedRecord) -> Result<Self, StoreError> {
        let AskedRecord { agent_key, tool, requests } = record;
        let corrupt = |column: &'static str, error: ParseNameError| StoreError::Corrupt {
            table: "mcp_action_requests",
            column,
            id: "one that was counted".to_owned(),
            message: error.to_string(),
        };
        Ok(Self {
            agent_key: agent_key.parse().map_err(|error| corrupt("agent_key", error))?,
            tool: tool.parse().map_err(|error| corrupt("tool", error))?,
            requests,
        })
    }
}
