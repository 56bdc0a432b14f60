//! Names of fields that a tool doesn't know: what is shown of them, and what the caller probably meant.

use super::{NO_SECRETS, redacted};

/// An unknown field's name as the end of a path: redacted, since even a name may be a pasted secret, and cut. One that would read as
/// several parts of a path is quoted: `["a.b"]`.
pub(super) fn shown(name: &str) -> String {
    let name: String =
        redacted(name).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(64).collect();
    if name.is_empty() || name.contains(['.', '[', ']']) { format!("[\"{name}\"]") } else { name }
}

pub(super) fn unknown_rule(name: &str, known: &[&str]) -> String {
    if asks_for_a_secret(name) {
        return NO_SECRETS.to_owned();
    }
    match closest(name, known) {
        Some(meant) => format!("is not a field here; did you mean `{meant}`?"),
        None => format!("is not a field here; the fields are {}", known.join(", ")),
    }
}

/// Whether the name of an unknown field says that a secret's value is in it.
fn asks_for_a_secret(name: &str) -> bool {
    const WHOLE: [&str; 5] = ["secret", "data", "stringdata", "secretdata", "credentials"];
    const ENDS: [&str; 10] = [
        "value",
        "values",
        "password",
        "passwd",
        "passphrase",
        "token",
        "credential",
        "plaintext",
        "apikey",
        "privatekey",
    ];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    WHOLE.contains(&plain.as_str()) || ENDS.iter().any(|end| plain.ends_with(end))
}

/// The known field that an unknown name was probably meant to be.
fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain: String = name.chars().take(64).collect::<String>().to_lowercase().replace('-', "_");
    let by_spelling = known
        .iter()
        .map(|field| (distance(&plain, field), *field))
        .min()
        .filter(|(distance, field)| *distance <= 2.max(field.len() / 4));
    by_spelling.map(|(_, field)| field).or_else(|| {
        let part = |field: &&&str| plain.len() >= 4 && (field.contains(&plain) || plain.contains(**field));
        known.iter().find(part).copied()
    })
}

/// The Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
