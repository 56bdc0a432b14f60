//! Rows as JSON, both ways: arrays of records for statements to write, and records read back. A record that can't be read names its
//! table, column and key.

use std::cell::Cell;

use countersign_usecases::port::StoreError;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value;

/// The rows of one table in one statement: the inside of a JSON array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    text: String,
    count: u64,
}

impl Rows {
    pub(crate) fn of<T: Serialize>(rows: &[T]) -> Result<Self, StoreError> {
        let mut made = Self::default();
        rows.iter().try_for_each(|row| made.push(row))?;
        Ok(made)
    }

    pub(crate) fn push<T: Serialize + ?Sized>(&mut self, row: &T) -> Result<(), StoreError> {
        let text = serde_json::to_string(row)
            .map_err(|error| StoreError::Refused { message: format!("a row has no JSON form: {error}") })?;
        self.append(&text, 1);
        Ok(())
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        if !other.is_empty() {
            self.append(&other.text, other.count);
        }
    }

    fn append(&mut self, text: &str, count: u64) {
        if !self.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(text);
        self.count += count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The whole array.
    pub(crate) fn array(&self) -> String {
        format!("[{}]", self.text)
    }
}

/// Which table a record comes from, and which of its columns names the row in errors.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
}

impl Source {
    /// Reads one record.
    pub(crate) fn read<T: DeserializeOwned>(self, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| match serde_json::from_str(text) {
            Ok(record) => self.find_fault::<T>(record).unwrap_or_else(|| self.broken(&error)),
            Err(_) => self.broken(&error),
        })
    }

    /// Reads a JSON array of records.
    pub(crate) fn read_list<T: DeserializeOwned>(self, text: &str) -> Result<Vec<T>, StoreError> {
        serde_json::from_str(text).map_err(|error| {
            let records: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
            let fault = records.into_iter().find_map(|record| self.find_fault::<T>(record));
            fault.unwrap_or_else(|| self.broken(&error))
        })
    }

    fn broken(self, error: &serde_json::Error) -> StoreError {
        let message = error.to_string();
        StoreError::Corrupt { table: self.table, column: RECORD, id: String::new(), message }
    }

    /// Reads once more, column by column, to say which one it is.
    fn find_fault<T: DeserializeOwned>(self, record: Value) -> Option<StoreError> {
        let id = match &record[self.key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let column = Cell::new(RECORD);
        let error = T::deserialize(Tracked { record, column: &column }).err()?;
        let message = error.to_string();
        Some(StoreError::Corrupt { table: self.table, column: column.get(), id, message })
    }
}

/// Stands in for the column where no single one is to blame.
const RECORD: &str = "record";

/// Deserializes a flat record and remembers which column it is at.
struct Tracked<'c> {
    record: Value,
    column: &'c Cell<&'static str>,
}

impl<'de> Deserializer<'de> for Tracked<'_> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.record.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.record {
            Value::Object(members) => {
                let members = members.into_iter();
                visitor.visit_map(Columns { members, value: Value::Null, names, column: self.column })
            }
            other => other.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Columns<'c> {
    members: serde_json::map::IntoIter,
    value: Value,
    names: &'static [&'static str],
    column: &'c Cell<&'static str>,
}

impl<'de> MapAccess<'de> for Columns<'_> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((name, value)) = self.members.next() else {
            self.column.set(RECORD);
            return Ok(None);
        };
        self.value = value;
        self.column.set(self.names.iter().find(|known| **known == name).copied().unwrap_or(RECORD));
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        seed.deserialize(self.value.take())
    }
}

#[cfg(test)]
mod tests {
    use countersign_usecases::record::WaitRecord;

    use super::*;

    const WAITS: Source = Source { table: "run_waits", key: "request_id" };

    fn wait(opened_at: &str) -> String {
        format!(
            r#"{{"run_id":"r","request_id":"q","reason":"approval","wait_state":"waiting_mcp","opened_at":{opened_at},"closed_at":null}}"#
        )
    }

    #[test]
    fn a_bad_column_is_named_with_its_table_and_row() {
        let good = wait(r#""2026-01-01T00:00:00.000000Z""#);
        assert_eq!(WAITS.read::<WaitRecord>(&good).unwrap().request_id, "q");
        for bad in [wait(r#""yesterday""#), wait("7"), wait("null")] {
            let one = WAITS.read::<WaitRecord>(&bad).unwrap_err();
            let listed = WAITS.read_list::<WaitRecord>(&format!("[{good},{bad}]")).unwrap_err();
            for error in [one, listed] {
                let StoreError::Corrupt { table, column, id, .. } = error else { panic!("{error}") };
                assert_eq!((table, column, id.as_str()), ("run_waits", "opened_at", "q"));
            }
        }
    }

    #[test]
    fn what_is_no_record_at_all_is_corrupt_too() {
        for bad in ["", "7", "{}", "[7]"] {
            assert!(matches!(WAITS.read::<WaitRecord>(bad), Err(StoreError::Corrupt { .. })), "{bad}");
            assert!(matches!(WAITS.read_list::<WaitRecord>(bad), Err(StoreError::Corrupt { .. })), "{bad}");
        }
    }

    #[test]
    fn rows_join_into_one_array() {
        let mut rows = Rows::of(&["a"]).unwrap();
        rows.extend(&Rows::default());
        rows.extend(&Rows::of(&["b", "c"]).unwrap());
        assert_eq!((rows.array().as_str(), rows.count()), (r#"["a","b","c"]"#, 3));
        assert_eq!(Rows::default().array(), "[]");
    }
}
