//! docs/delivery.md and the guide docs/own-tool.md name tests as proof. Each of them exists.

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
    check("docs/delivery.md", 80, &["crates", "tests", "docs/examples"]);
}

#[test]
fn every_test_that_the_guide_to_own_tools_names_exists() {
    check("docs/own-tool.md", 14, &["docs/examples/own-tool"]);
}

/// Checks a page that names at least so many tests of these folders.
fn check(page: &str, at_least: usize, folders: &[&str]) {
    let root = repository();
    let named = named_in(&fs::read_to_string(root.join(page)).expect("the page is there"));
    assert!(named.len() >= at_least, "`{page}` names only {} tests: is it still read right?", named.len());
    let mut functions = BTreeSet::new();
    for folder in folders {
        read_functions(&root.join(folder), &mut functions);
    }
    let missing: Vec<_> = named.difference(&functions).collect();
    assert!(missing.is_empty(), "`{page}` names tests that don't exist: {missing:#?}");
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
