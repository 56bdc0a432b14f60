//! JSON documents as `google.protobuf.Struct` and back.
//!
//! Struct holds numbers as doubles. Arguments therefore take integers only, and only those a double holds exactly: two callers can't mean
//! different numbers by the same message. Documents we send write larger integers as text.

use countersign_kernel::{Violations, visible_document};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Map, Number, Value};

/// Beyond this a double skips integers: 2^53.
const EXACT: i64 = 1 << 53;

/// The arguments of a call.
pub(crate) fn arguments(message: Option<Struct>) -> Result<Value, Violations> {
    let mut violations = Violations::new();
    let members = message.unwrap_or_default().fields.into_iter();
    let read = members.map(|(name, value)| (name.clone(), from_value(value, &name, &mut violations)));
    let read = Value::Object(read.collect());
    violations.into_result(read)
}

fn from_value(value: prost_types::Value, path: &str, violations: &mut Violations) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => Value::Bool(flag),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::NumberValue(number)) => integer(number).unwrap_or_else(|| {
            violations.add(path, "must be an integer within plus or minus 2^53");
            Value::Null
        }),
        Some(Kind::ListValue(list)) => {
            let items = list.values.into_iter().enumerate();
            items.map(|(index, item)| from_value(item, &format!("{path}[{index}]"), violations)).collect()
        }
        Some(Kind::StructValue(members)) => {
            let members = members.fields.into_iter();
            let read = members.map(|(name, value)| {
                (name.clone(), from_value(value, &format!("{path}.{name}"), violations))
            });
            Value::Object(read.collect())
        }
    }
}

fn integer(number: f64) -> Option<Value> {
    let exact = number.is_finite() && number.fract() == 0.0 && number.abs() <= EXACT as f64;
    // The bounds above are those within which the conversion is exact.
    exact.then(|| Value::Number(Number::from(number as i64)))
}

/// A document as a message. What is no object becomes one with the member `value`.
pub(crate) fn document(value: &Value) -> Struct {
    match value {
        Value::Object(members) => object(members),
        Value::Null => Struct::default(),
        other => Struct { fields: [("value".to_owned(), to_value(other))].into() },
    }
}

/// A document that people look at, who must not be deceived by it.
pub(crate) fn shown(value: &Value) -> Struct {
    document(&visible_document(value))
}

fn object(members: &Map<String, Value>) -> Struct {
    Struct { fields: members.iter().map(|(name, value)| (name.clone(), to_value(value))).collect() }
}

fn to_value(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if integer.unsigned_abs() <= EXACT.unsigned_abs() => {
                Kind::NumberValue(integer as f64)
            }
            Some(_) | None => Kind::StringValue(number.to_string()),
        },
        Value::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(to_value).collect() }),
        Value::Object(members) => Kind::StructValue(object(members)),
    };
    prost_types::Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_come_back_as_they_were() {
        let value =
            json!({"a": [1, -2, {"b": null}], "c": "text", "d": true, "e": 9_007_199_254_740_992_i64});
        assert_eq!(arguments(Some(document(&value))).unwrap(), value);
        assert_eq!(arguments(None).unwrap(), json!({}));
    }

    #[test]
    fn only_exact_integers_are_taken() {
        let number = |number| prost_types::Value { kind: Some(Kind::NumberValue(number)) };
        for bad in [1.5, f64::NAN, f64::INFINITY, 9_007_199_254_740_994.0, -1e300] {
            let list = ListValue { values: vec![number(1.0), number(bad)] };
            let list = prost_types::Value { kind: Some(Kind::ListValue(list)) };
            let message = Struct { fields: [("length".to_owned(), list)].into() };
            let violations = arguments(Some(message)).unwrap_err();
            assert_eq!(
                violations.to_string(),
                "`length[1]` must be an integer within plus or minus 2^53",
                "{bad}"
            );
        }
        assert_eq!(integer(-0.0), Some(json!(0)));
    }

    #[test]
    fn larger_integers_are_sent_as_text() {
        let sent = document(&json!({"size": 9_007_199_254_740_993_i64, "least": i64::MIN + 1}));
        assert_eq!(sent.fields["size"].kind, Some(Kind::StringValue("9007199254740993".to_owned())));
        assert_eq!(sent.fields["least"].kind, Some(Kind::StringValue("-9223372036854775807".to_owned())));
        assert_eq!(document(&json!(5)).fields["value"].kind, Some(Kind::NumberValue(5.0)));
    }
}
