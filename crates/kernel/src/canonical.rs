//! Canonical JSON: the subset of RFC 8785 (JSON Canonicalization Scheme) that has no floating-point numbers.
//!
//! Floats are refused rather than formatted: nothing that Countersign digests needs one, and their formatting is where implementations
//! of RFC 8785 disagree. Integers are bounded by 2^53 - 1, as RFC 8785 section 3.1 (I-JSON, RFC 7493) asks.

use serde_json::{Number, Value};

/// The largest magnitude of an integer in canonical JSON (RFC 7493, section 2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// A value has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// The number has a fraction or an exponent.
    #[error("`{0}` is not an integer; canonical JSON here has no floating-point numbers")]
    Float(String),
    /// The integer can't be held exactly by every JSON reader.
    #[error("`{0}` is beyond 2^53 - 1; write it as a string")]
    IntegerTooLarge(String),
}

/// The canonical bytes of `value`: members sorted by UTF-16 code units, no white space, minimal escapes.
///
/// Duplicate keys can't occur: a [`Value`] has none. Text from outside is parsed by a reader that refuses them.
///
/// # Errors
/// A number that is not an integer within plus or minus 2^53 - 1.
pub fn to_canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = String::new();
    write_value(value, &mut out)?;
    Ok(out.into_bytes())
}

fn write_value(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_number(number: &Number, out: &mut String) -> Result<(), CanonicalError> {
    let magnitude = match (number.as_i64(), number.as_u64()) {
        (Some(signed), _) => signed.unsigned_abs(),
        (None, Some(unsigned)) => unsigned,
        (None, None) => return Err(CanonicalError::Float(number.to_string())),
    };
    if magnitude > MAX_INTEGER {
        return Err(CanonicalError::IntegerTooLarge(number.to_string()));
    }
    out.push_str(&number.to_string());
    Ok(())
}

/// Escapes as RFC 8785 section 3.2.2.2 says: the two-character forms where JSON has them, `\u00xx` for the other control characters.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{9}' => out.push_str("\\t"),
            '\u{a}' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\u{d}' => out.push_str("\\r"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn canonical(value: &Value) -> String {
        String::from_utf8(to_canonical(value).unwrap()).unwrap()
    }

    #[test]
    fn sorts_members_by_utf16_as_the_rfc_example_does() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis"
        });
        assert_eq!(
            canonical(&value),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"Latin Small Letter O With \
             Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter \
             Dalet With Dagesh\"}"
        );
    }

    #[test]
    fn escapes_minimally() {
        assert_eq!(canonical(&json!("\u{1}\"\\/\u{7f}\n")), "\"\\u0001\\\"\\\\/\u{7f}\\n\"");
    }

    #[test]
    fn refuses_floats_and_huge_integers() {
        assert!(matches!(to_canonical(&json!(1.5)), Err(CanonicalError::Float(_))));
        assert!(matches!(to_canonical(&json!(1_u64 << 53)), Err(CanonicalError::IntegerTooLarge(_))));
        assert!(to_canonical(&json!(-9_007_199_254_740_991_i64)).is_ok());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reading_it_back_gives_the_same_value(value in any_json()) {
            let bytes = to_canonical(&value).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
    }
}
