//! Every stable code has a page `docs/errors/<code>.md`, and every page a code.
//!
//! The codes are read out of the sources, so that nobody has to remember a list. A literal is a code when it stands
//! - in the body of a function `fn code(&self) -> &'static str` or `fn code(self) -> &'static str` (`kernel::Fault` and its like),
//! - in a field `code: "…"`,
//! - as the first argument of `refuse(…)`, `no_warrant(…)`, `.give_up(…)` or `.failed(…)`,
//! - or in a constant that stands at such a place by its name.
//!
//! Tests, simulators and the testkit have no codes of ours. Why a grant lost (`policy::explain`) is a word of explanations, not of errors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crates whose words are those of others, or of tests.
const OTHERS: [&str; 2] = ["simulators", "testkit"];

/// Files in which `fn code` names something else than an error, or `refuse` takes the name of a field.
const NOT_ERRORS: [&str; 2] = ["policy/src/explain.rs", "policy/src/read_rule.rs"];

/// What comes right before a code, or before the name of a constant that holds one.
const BEFORE_CODE: [&str; 5] = ["code: ", "refuse(", "no_warrant(", ".give_up(", ".failed("];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository is above its crates")
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let root = repository();
    let codes = codes_of(&root);
    let pages = pages_of(&root);
    let without_page: Vec<_> = codes.iter().filter(|(code, _)| !pages.contains(*code)).collect();
    let without_code: Vec<_> = pages.iter().filter(|page| !codes.contains_key(*page)).collect();
    assert!(without_page.is_empty(), "codes without a page in docs/errors: {without_page:#?}");
    assert!(without_code.is_empty(), "pages in docs/errors without a code: {without_code:?}");
}

#[test]
fn the_pages_and_the_index_are_whole() {
    let root = repository();
    let index = fs::read_to_string(root.join("docs/errors/README.md")).expect("docs/errors has an index");
    for code in pages_of(&root) {
        let page = fs::read_to_string(root.join(format!("docs/errors/{code}.md"))).expect("was just listed");
        assert!(page.starts_with(&format!("# `{code}`: ")), "the heading of docs/errors/{code}.md");
        for part in ["**Why it happens.** ", "**What to do.** ", "**gRPC status.** ", "**HTTP status.** "] {
            assert!(page.contains(part), "docs/errors/{code}.md lacks `{part}`");
        }
        assert!(
            index.contains(&format!("[`{code}`]({code}.md)")),
            "docs/errors/README.md doesn't list `{code}`"
        );
    }
}

#[test]
fn the_scan_finds_codes_where_they_stand() {
    let source = r#"
        const GONE: &str = "thing_gone";
        const OTHER: &str = "no code at all";
        impl Fault for E {
            fn code(&self) -> &'static str {
                match self { Self::A => "of_a", Self::B { .. } => "of_b" }
            }
        }
        fn f() { refuse(GONE, "words"); refuse("of_refusal", "words"); X { code: "of_field" }; no_warrant(
            "of_warrant", reason) }
        #[cfg(test)]
        mod tests { fn g() { refuse("of_a_test", "words") } }
    "#;
    let found: Vec<_> = codes_in(source, &constants_in(source)).into_iter().collect();
    assert_eq!(found, ["of_a", "of_b", "of_field", "of_refusal", "of_warrant", "thing_gone"]);
}

/// Each code with a file it stands in.
fn codes_of(root: &Path) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for krate in entries(&root.join("crates")) {
        let name = krate.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if OTHERS.contains(&name) {
            continue;
        }
        let mut sources = Vec::new();
        read_sources(&krate.join("src"), &mut sources);
        let constants = sources.iter().flat_map(|(_, text)| constants_in(text)).collect();
        for (path, text) in &sources {
            let place = path.strip_prefix(root.join("crates")).unwrap_or(path).display().to_string();
            if NOT_ERRORS.contains(&place.as_str()) {
                continue;
            }
            for code in codes_in(text, &constants) {
                codes.entry(code).or_insert_with(|| place.clone());
            }
        }
    }
    codes
}

fn pages_of(root: &Path) -> BTreeSet<String> {
    let files = entries(&root.join("docs/errors"));
    let stems = files.iter().filter_map(|path| path.file_stem()?.to_str());
    stems.filter(|stem| *stem != "README").map(str::to_owned).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("the folder can be listed").path()).collect()
}

/// All sources below a folder but those of tests.
fn read_sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for path in entries(folder) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if stem == "tests" || stem == "samples" {
            continue;
        }
        if path.is_dir() {
            read_sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            into.push((path, text));
        }
    }
}

/// `const NAME: &str = "…";`, by name.
fn constants_in(source: &str) -> BTreeMap<String, String> {
    let mut constants = BTreeMap::new();
    for after in source.split("const ").skip(1) {
        let Some((name, rest)) = after.split_once(": &str = ") else { continue };
        if let Some(value) = literal_at(rest)
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            constants.insert(name.to_owned(), value.to_owned());
        }
    }
    constants
}

fn codes_in(source: &str, constants: &BTreeMap<String, String>) -> BTreeSet<String> {
    // Unit tests stand last in a file.
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let source = source.split("#[cfg(test)]\n        mod ").next().unwrap_or_default();
    let mut codes = BTreeSet::new();
    for head in ["fn code(&self) -> &'static str {", "fn code(self) -> &'static str {"] {
        for body in source.split(head).skip(1) {
            codes.extend(literals_in(up_to_closing_brace(body)));
        }
    }
    for before in BEFORE_CODE {
        for after in source.split(before).skip(1) {
            let after = after.trim_start();
            let name = after.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap_or_default();
            let code = literal_at(after).or_else(|| constants.get(name).map(String::as_str));
            codes.extend(code.map(str::to_owned));
        }
    }
    codes.retain(|code| is_code(code));
    codes
}

/// A code is one word or several, in snake case.
fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn literal_at(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.split('"').next()
}

fn literals_in(text: &str) -> impl Iterator<Item = String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned)
}

fn up_to_closing_brace(body: &str) -> &str {
    let mut depth = 1_u32;
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &body[..at];
        }
    }
    body
}
