//! Stored terms read back.

use countersign_kernel::{GroupName, Millis, Terms};
use serde_json::Value;

use crate::port::StoreError;
use crate::record::stamp::Row;

pub(super) fn read(row: Row<'_>, stored: &Value) -> Result<Terms, StoreError> {
    let bad = |what: &str| row.corrupt("terms", format!("has no valid `{what}`"));
    let word = |name: &str| stored[name].as_str().ok_or_else(|| bad(name));
    let number = |name: &str| stored[name].as_u64().ok_or_else(|| bad(name));
    let deciders = stored["deciders"].as_array().ok_or_else(|| bad("deciders"))?;
    Ok(Terms {
        mode: row.parse("terms", word("mode")?)?,
        deciders: deciders
            .iter()
            .map(|group| group.as_str().and_then(|name| GroupName::parse(name).ok()))
            .collect::<Option<_>>()
            .ok_or_else(|| bad("deciders"))?,
        quorum: u32::try_from(number("quorum")?).map_err(|_| bad("quorum"))?,
        decide_within: Millis(number("decide_within_ms")?),
        execute_within: Millis(number("execute_within_ms")?),
        sole_owner: row.parse("terms", word("sole_owner")?)?,
        on_run_end: row.parse("terms", word("on_run_end")?)?,
    })
}
