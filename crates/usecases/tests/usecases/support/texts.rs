//! Policy texts: variations of the testkit's one, each changed in one place.

use countersign_testkit::policy::TEXT;

/// What a test changes has to be there, or the test would test nothing.
fn changed(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "the policy text of the testkit has no `{from}` any more");
    TEXT.replace(from, to)
}

/// Writing in `staging` needs nobody.
pub(crate) fn staging_needs_nobody() -> String {
    changed("    approval: delegated\n    delegates: [sre]\n", "    approval: none\n")
}

/// Writing needs two owners everywhere.
pub(crate) fn everything_needs_two() -> String {
    changed("tool: test.write, environment: production", "tool: test.write")
}

/// Writing is refused everywhere.
pub(crate) fn nothing_goes() -> String {
    changed("tool: test.write, runtime_mode: code-only", "tool: test.write")
}

/// `bob` owns nothing any more.
pub(crate) fn without_bob() -> String {
    changed(r#", "user:github:bob""#, "")
}

/// When a run ends, what is approved is executed.
pub(crate) fn runs_end_by_executing() -> String {
    changed("on_run_end: cancel", "on_run_end: execute")
}

/// Eight owners.
pub(crate) fn eight_owners() -> String {
    let names: Vec<_> = (0..8).map(|n| format!(r#""user:github:owner{n}""#)).collect();
    changed(r#""user:github:alice", "user:github:bob""#, &names.join(", "))
}

/// Whoever launches the builders' runs owns the project too.
pub(crate) fn the_launcher_owns() -> String {
    changed(r#""user:github:alice", "#, r#""user:github:alice", "user:github:dana", "#)
}

/// A text with an error.
pub(crate) fn broken() -> String {
    changed("owners: [shop-owners]", "owners: [nobody-knows-them]")
}
