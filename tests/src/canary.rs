//! Searching for secret values where none may be.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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

/// The forms a value can leak in: raw, base64 (any alignment's core), hex in both cases, URL-encoded.
pub fn encodings(value: &[u8]) -> Vec<Vec<u8>> {
    let url: String = value.iter().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        value.to_vec(),
        base64_core(value).into_bytes(),
        hex::encode(value).into_bytes(),
        hex::encode_upper(value).into_bytes(),
        url.into_bytes(),
    ]
}

/// The names under which any form of any value is found.
pub fn find<'h>(values: &[Vec<u8>], haystack: &'h Haystack) -> Vec<&'h str> {
    let forms: Vec<_> = values.iter().flat_map(|value| encodings(value)).collect();
    let holds = |bytes: &[u8]| {
        forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_slice()))
    };
    haystack.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name.as_str()).collect()
}

/// Base64 of the whole groups of three bytes: what follows depends on what stands behind the value.
fn base64_core(value: &[u8]) -> String {
    STANDARD.encode(&value[..value.len() / 3 * 3])
}
