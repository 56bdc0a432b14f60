//! Searching for secret values where none may be.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE};

/// What is searched, by name.
#[derive(Debug, Default)]
pub struct Haystack(Vec<(String, Vec<u8>)>);

impl Haystack {
    /// Adds bytes.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.push((name.to_owned(), bytes));
    }

    /// Adds every file of a folder and of those in it.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn add_folder(&mut self, folder: &Path) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.add_folder(&path)?;
            } else {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.add(&name, std::fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// How many bytes are searched under this name.
    pub fn len_of(&self, name: &str) -> usize {
        self.0.iter().filter(|(other, _)| other == name).map(|(_, bytes)| bytes.len()).sum()
    }
}

/// The forms a value can leak in: raw, base64 in both alphabets wherever it begins in what is encoded, hex and URL-encoding in both cases.
pub fn encodings(value: &[u8]) -> Vec<Vec<u8>> {
    let url: String = value.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut forms = vec![value.to_vec()];
    for begin in 0..3 {
        forms.push(base64_core(&STANDARD, value, begin));
        forms.push(base64_core(&URL_SAFE, value, begin));
    }
    forms.extend(
        [hex::encode(value), hex::encode_upper(value), url.to_lowercase(), url].map(String::into_bytes),
    );
    forms
}

/// The names under which any form of any value is found.
pub fn find<'h>(values: &[Vec<u8>], haystack: &'h Haystack) -> Vec<&'h str> {
    let forms: Vec<_> = values.iter().flat_map(|value| encodings(value)).collect();
    let holds = |bytes: &[u8]| {
        forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_slice()))
    };
    haystack.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name.as_str()).collect()
}

/// The characters of a base64 text that depend on nothing but the value, when `before` bytes stand in front of it in its first group.
fn base64_core(engine: &GeneralPurpose, value: &[u8], before: usize) -> Vec<u8> {
    let skipped = (3 - before) % 3;
    let whole = (value.len() - skipped) / 3 * 3;
    engine.encode(&value[skipped..skipped + whole]).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_value_is_found_however_it_is_written() {
        let value = b"cAn4ry-Value-of-32-characters!?~".to_vec();
        let planted = [
            String::from_utf8(value.clone()).unwrap(),
            STANDARD.encode(&value),
            STANDARD.encode([b"x".as_slice(), &value, b"tail"].concat()),
            URL_SAFE.encode([b"xy".as_slice(), &value, b"t"].concat()),
            STANDARD.encode([b"{\"value\":\"".as_slice(), &value, b"\"}"].concat()),
            hex::encode(&value),
            hex::encode_upper(&value),
            value.iter().map(|byte| format!("%{byte:02x}")).collect(),
        ];
        for line in planted {
            let mut haystack = Haystack::default();
            haystack.add("log", format!("TRACE leaked={line} and more").into_bytes());
            assert_eq!(find(std::slice::from_ref(&value), &haystack), ["log"], "{line}");
        }
        let mut haystack = Haystack::default();
        haystack.add("log", b"TRACE nothing of the kind".to_vec());
        assert!(find(&[value], &haystack).is_empty());
    }
}
