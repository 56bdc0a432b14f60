//! The manifests under docs/examples/kubernetes are what the program prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Each file, and the command that makes it.
const SHIPPED: [(&str, &[&str]); 3] = [
    ("admission-policy.yaml", &["kubernetes", "--print"]),
    ("rbac.yaml", &["rbac", "--print", "--namespace", "shop-dev", "--namespace", "shop-staging"]),
    ("rbac-all-namespaces.yaml", &["rbac", "--print", "--namespace", "{project}-{environment}"]),
];

fn guard(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("guard").args(arguments).env_remove("COUNTERSIGN_CONFIG");
    command.output().expect("the program runs")
}

fn printed(arguments: &[&str]) -> String {
    let output = guard(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn refused(arguments: &[&str]) -> String {
    let output = guard(arguments);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn the_shipped_manifests_are_what_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/kubernetes");
    for (file, arguments) in SHIPPED {
        let command = format!("countersign guard {}", arguments.join(" "));
        let expected = format!("# Made by: {command}\n{}", printed(arguments));
        let shipped = fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(
            shipped == expected,
            "docs/examples/kubernetes/{file} has drifted; it should be:\n{expected}"
        );
    }
    let files: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").file_name()).collect();
    assert_eq!(files.len(), SHIPPED.len(), "one file for each command: {files:?}");
}

#[test]
fn the_rights_follow_the_configured_namespaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("countersign.toml");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/countersign.toml");
    let example = fs::read_to_string(example).expect("the example");
    let patterns = r#"["{project}-{environment}", "{project}-{environment}-*"]"#;
    let rights = |namespaces: &str| {
        assert!(example.contains(patterns), "the example names its namespaces so");
        fs::write(&file, example.replace(patterns, namespaces)).expect("a copy");
        let print = printed(&["rbac", "--print", "--config", file.to_str().expect("text")]);
        let kinds = print.lines().filter_map(|line| line.strip_prefix("kind: "));
        kinds.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rights(patterns), ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"]);
    assert_eq!(rights(r#"["shop-dev", "shop-dev"]"#), ["ServiceAccount", "Role", "RoleBinding"]);
}

#[test]
fn a_guard_says_what_it_was_told_wrong() {
    let words = refused(&["kubernetes"]);
    assert!(words.contains("--print"), "{words}");
    let words = refused(&["kubernetes", "--print", "--service-account", "countersign"]);
    assert!(words.contains("`countersign` is not a service account"), "{words}");
    let words = refused(&["kubernetes", "--print", "--namespace", "shop-*"]);
    assert!(words.contains("leave the option away to guard all namespaces"), "{words}");
    let words = refused(&["kubernetes", "--print", "--field-manager", ""]);
    assert!(words.contains("1 to 128 printable characters"), "{words}");
    let words = refused(&["rbac", "--print"]);
    assert!(words.contains("--namespace"), "{words}");
    let words = refused(&["rbac", "--print", "--namespace", "Shop"]);
    assert!(words.contains("namespace `Shop`"), "{words}");
}

#[test]
fn json_is_printed_when_asked_for() {
    let list: serde_json::Value =
        serde_json::from_str(&printed(&["kubernetes", "--print", "--output", "json"])).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
}
