//! Makes characters visible that would let untrusted text lie about itself: control characters, those that turn the direction of
//! writing, and those that show nothing.

use std::fmt::Write as _;

use serde_json::Value;

/// The text with such characters as `<U+XXXX>`. Line feeds stay.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if hidden(character) {
            // Writing into a string can't fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The document with every text in it made visible, names of members included.
pub fn visible_document(document: &Value) -> Value {
    match document {
        Value::String(text) => Value::String(visible(text)),
        Value::Array(items) => items.iter().map(visible_document).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (visible(name), visible_document(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => document.clone(),
    }
}

fn hidden(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_hide_is_shown() {
        assert_eq!(visible("drop \u{202e}gnihton\u{202c} now"), "drop <U+202E>gnihton<U+202C> now");
        assert_eq!(visible("a\u{1b}[2Jb\rc\u{200b}d"), "a<U+001B>[2Jb<U+000D>c<U+200B>d");
        let document = serde_json::json!({"a\u{202e}": ["b\u{200b}", 1, null, {"c": "d"}]});
        let shown = serde_json::json!({"a<U+202E>": ["b<U+200B>", 1, null, {"c": "d"}]});
        assert_eq!(visible_document(&document), shown);
        assert_eq!(visible("two\nlines, здесь, 🙂"), "two\nlines, здесь, 🙂");
    }
}
