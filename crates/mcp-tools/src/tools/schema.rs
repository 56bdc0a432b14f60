//! The pieces of JSON Schema that the tools' input schemas share. They say exactly what `Arguments` checks, in the words of 2020-12.

use serde_json::{Value, json};

use crate::arguments::{MAX_LINK_TEXT, MAX_LINK_URL, MAX_LINKS};

/// A closed object with these properties.
pub(crate) fn closed_object(properties: Value, required: &[&str]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

/// Free text of `min` characters (without blanks at its ends) to `max` characters.
pub(crate) fn prose(description: &str, min: usize, max: usize) -> Value {
    let mut schema = json!({ "type": "string", "description": description, "maxLength": max });
    if min > 0 {
        schema["minLength"] = json!(min);
        // The pattern keeps blanks at the ends from counting towards the least length.
        schema["pattern"] = match min {
            1 => json!("\\S"),
            _ => json!(format!("\\S[\\s\\S]{{{},}}\\S", min - 2)),
        };
    }
    schema
}

/// A text of a pattern.
pub(crate) fn patterned(description: &str, pattern: &str) -> Value {
    json!({ "type": "string", "description": description, "pattern": pattern })
}

/// The environment.
pub(crate) fn environment() -> Value {
    let description = "The deployment environment of the project, such as `dev`, `staging` or `production`.";
    patterned(description, "^[a-z0-9][a-z0-9_-]{0,62}$")
}

/// Why it is needed.
pub(crate) fn justification() -> Value {
    prose(
        "Why this is needed, for the person who approves. 10 to 500 characters. Never write a secret here.",
        10,
        500,
    )
}

/// The caller's own idempotency key.
pub(crate) fn idempotency_key() -> Value {
    let description = "Your own key for this intent, 1 to 128 printable ASCII characters without blanks. The same key with the same \
                       intent returns the same request, settled or not; with another intent it is an error.";
    patterned(description, "^[!-~]{1,128}$")
}

/// Only tell what would happen.
pub(crate) fn dry_run() -> Value {
    json!({
        "type": "boolean",
        "default": false,
        "description": "Only tell what would happen and what policy says; nothing is asked, stored as a request or changed.",
    })
}

/// Links to code.
pub(crate) fn links_to_code() -> Value {
    let url = "The link: `https` only, without credentials. Shown as text, never followed.";
    json!({
        "type": "array",
        "maxItems": MAX_LINKS,
        "description": "Links to the code or change this is about, at most 5.",
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["text", "url"],
            "properties": {
                "text": prose("What the link shows, 1 to 200 characters.", 1, MAX_LINK_TEXT),
                "url": {
                    "type": "string", "description": url, "maxLength": MAX_LINK_URL,
                    "pattern": "^https://[^\\s/?#@\\\\]+([/?#]\\S*)?$",
                },
            },
        },
    })
}
