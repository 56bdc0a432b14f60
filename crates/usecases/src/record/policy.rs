//! Rows of `policy_versions`.

use serde::{Deserialize, Serialize};

use super::stamp::{Row, Stamp};
use crate::port::{PolicyStamp, PolicyText, StoreError};

/// A row of `policy_versions`. Key: `number`; the highest is active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Its place in the history of texts, from 1.
    pub number: i64,
    /// The digest of the text.
    pub digest: String,
    /// The text.
    pub text: String,
    /// When it was activated.
    pub activated_at: Stamp,
    /// By whom.
    pub activated_by: String,
}

/// Number and digest of the active text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStampRecord {
    /// Its place in the history of texts, from 1.
    pub number: i64,
    /// The digest of the text.
    pub digest: String,
}

impl TryFrom<PolicyStampRecord> for PolicyStamp {
    type Error = StoreError;

    fn try_from(record: PolicyStampRecord) -> Result<Self, StoreError> {
        let id = record.number.to_string();
        let row = Row { table: "policy_versions", id: &id };
        Ok(Self {
            number: row.number("number", record.number)?,
            digest: row.parse("digest", &record.digest)?,
        })
    }
}

impl TryFrom<PolicyRecord> for PolicyText {
    type Error = StoreError;

    fn try_from(record: PolicyRecord) -> Result<Self, StoreError> {
        let stamp = PolicyStampRecord { number: record.number, digest: record.digest }.try_into()?;
        Ok(Self { stamp, text: record.text, activated_at: record.activated_at.0 })
    }
}
