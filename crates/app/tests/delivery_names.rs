//! docs/delivery.md names tests as proof. Each of them exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository is above its crates")
}

#[test]
fn every_test_that_the_delivery_page_names_exists() {
    let root = repository();
    let page = fs::read_to_string(root.join("docs/delivery.md")).expect("docs/delivery.md is there");
    let named = named_in(&page);
    assert!(named.len() > 80, "the page names only {} tests: is it still read right?", named.len());
    let mut functions = BTreeSet::new();
    for folder in ["crates", "tests"] {
        read_functions(&root.join(folder), &mut functions);
    }
    let missing: Vec<_> = named.difference(&functions).collect();
    assert!(missing.is_empty(), "docs/delivery.md names tests that don't exist: {missing:#?}");
}

#[test]
fn names_of_tests_are_told_from_other_code() {
    let page =
        "Run `a_test_of_that_name` and `r10_deny`, not `usecases::seal`, `check_seen` or `crates/a/b.rs`.";
    let named: Vec<_> = named_in(page).into_iter().collect();
    assert_eq!(named, ["a_test_of_that_name", "r10_deny"]);
}

/// Names in back-ticks of at least four words, or that begin with the number of a requirement.
fn named_in(page: &str) -> BTreeSet<String> {
    let names = page.split('`').skip(1).step_by(2).filter(|name| {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let numbered =
            name.strip_prefix('r').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        plain && *name != "mcp_owner_feedback_request" && (numbered || name.matches('_').count() >= 3)
    });
    names.map(str::to_owned).collect()
}

fn read_functions(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            read_functions(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            for after in text.split("fn ").skip(1) {
                let name = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                into.extend(name.map(str::to_owned));
            }
        }
    }
}
