//! Checks which of our crates may depend on which, and that each technology has one home, over `cargo metadata`.
//!
//! The check is a pure function over parsed metadata, so that tests can feed it workspaces that break a rule. A crate that the table
//! doesn't know fails: whoever adds one has to say where it belongs.

mod rules;

use std::{collections::HashSet, fmt};

use anyhow::{Result, bail};
use cargo_metadata::{Dependency, DependencyKind, Metadata, Package, PackageId};

use crate::workspace;
use rules::Layer;

/// One broken rule, naming the crate that breaks it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    krate: String,
    what: String,
    rule: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}: {}", self.krate, self.what, self.rule)
    }
}

/// Checks the workspace that this tool belongs to.
pub(crate) fn run() -> Result<()> {
    let metadata = workspace::metadata()?;
    let violations = check(&metadata);
    if !violations.is_empty() {
        let lines: Vec<String> = violations.iter().map(|violation| format!("  {violation}")).collect();
        bail!("{} dependencies break the architecture:\n{}", violations.len(), lines.join("\n"));
    }
    println!("layers: {} crates depend in the right direction", metadata.workspace_members.len());
    Ok(())
}

/// All broken rules of a workspace, in the order of its crates.
pub(crate) fn check(metadata: &Metadata) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(layer) = Layer::of(&package.name) else {
            violations.push(violation(
                package,
                "is unknown".to_owned(),
                "every workspace crate has its place in xtask's table of layers",
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let broken = match Layer::of(&dependency.name) {
                Some(on) if dependency.path.is_some() => rules::own(layer, on, dependency),
                _ if dependency.path.is_some() => Some("a path dependency is one of the workspace's crates"),
                _ => rules::technology(&package.name, layer, dependency),
            };
            if let Some(rule) = broken {
                violations.push(violation(
                    package,
                    format!("depends on `{}`{}", dependency.name, kind(dependency)),
                    rule,
                ));
            }
        }
        if layer == Layer::App && reaches(&package.features, "default", "demo") {
            violations.push(violation(
                package,
                "has `demo` among its default features".to_owned(),
                rules::DEMO,
            ));
        }
        if layer.is_pure() {
            violations.extend(hidden_technologies(metadata, package));
        }
    }
    violations
}

/// What a pure crate reaches through somebody else's crate.
fn hidden_technologies(metadata: &Metadata, package: &Package) -> Vec<Violation> {
    let mut found = Vec::new();
    for id in closure(metadata, &package.id) {
        let name = &metadata[&id].name;
        let direct = package.dependencies.iter().any(|dependency| dependency.name == name.as_str());
        if !direct && rules::is_banned_below_adapters(name) {
            found.push(violation(package, format!("reaches `{name}` through another crate"), rules::PURE));
        }
    }
    found
}

/// Everything that is linked into a package, apart from itself: normal dependencies only, transitively.
fn closure(metadata: &Metadata, root: &PackageId) -> Vec<PackageId> {
    let Some(resolve) = &metadata.resolve else { return Vec::new() };
    let mut seen = HashSet::from([root.clone()]);
    let mut queue = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(id) = queue.pop() {
        for node in resolve.nodes.iter().filter(|node| node.id == id) {
            for dep in &node.deps {
                let linked = dep.dep_kinds.iter().any(|info| info.kind == DependencyKind::Normal);
                if linked && seen.insert(dep.pkg.clone()) {
                    queue.push(dep.pkg.clone());
                    found.push(dep.pkg.clone());
                }
            }
        }
    }
    found.sort();
    found
}

fn reaches(features: &std::collections::BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    features.get(from).is_some_and(|names| {
        names.iter().any(|name| name == to || (name != from && reaches(features, name, to)))
    })
}

fn violation(package: &Package, what: String, rule: &'static str) -> Violation {
    Violation { krate: package.name.to_string(), what, rule }
}

fn kind(dependency: &Dependency) -> &'static str {
    match dependency.kind {
        DependencyKind::Development => " (dev)",
        DependencyKind::Build => " (build)",
        // The enum is cargo's and may grow; what is new would be shown like a normal dependency.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use cargo_metadata::MetadataCommand;
    use serde_json::{Value, json};

    use super::*;

    /// The real workspace, without what is known of other people's crates beside their names: most of the text, and of no use here.
    static REAL: LazyLock<Value> = LazyLock::new(|| {
        let mut metadata = serde_json::to_value(workspace::metadata().unwrap()).unwrap();
        for package in metadata["packages"].as_array_mut().unwrap() {
            if !package["source"].is_null() {
                package["dependencies"] = json!([]);
                package["targets"] = json!([]);
                package["features"] = json!({});
            }
        }
        metadata
    });

    fn real() -> Value {
        REAL.clone()
    }

    fn parse(value: &Value) -> Metadata {
        MetadataCommand::parse(value.to_string()).unwrap()
    }

    fn package<'a>(metadata: &'a mut Value, name: &str) -> &'a mut Value {
        let packages = metadata["packages"].as_array_mut().unwrap();
        packages.iter_mut().find(|package| package["name"] == name).unwrap()
    }

    /// Adds a dependency as cargo would report it; ours have a path.
    fn add(metadata: &mut Value, to: &str, on: &str, kind: Value, optional: bool) {
        let mut dependency = json!({
            "name": on, "source": null, "req": "*", "kind": kind, "rename": null, "optional": optional,
            "uses_default_features": true, "features": [], "target": null, "registry": null
        });
        if on.starts_with("countersign-") {
            dependency["path"] = json!(format!("/repo/{on}"));
        } else {
            dependency["source"] = json!("registry+https://example.invalid/index");
        }
        package(metadata, to)["dependencies"].as_array_mut().unwrap().push(dependency);
    }

    /// What the check says, beyond what it says about the real workspace, once the edge is added.
    fn after_adding(to: &str, on: &str, kind: Value, optional: bool) -> Vec<String> {
        let mut metadata = real();
        let before: Vec<String> = check(&parse(&metadata)).iter().map(ToString::to_string).collect();
        add(&mut metadata, to, on, kind, optional);
        let mut after: Vec<String> = check(&parse(&metadata)).iter().map(ToString::to_string).collect();
        after.retain(|line| !before.contains(line));
        after
    }

    #[test]
    fn the_real_workspace_passes() {
        assert_eq!(check(&parse(&real())), []);
    }

    #[test]
    fn a_database_driver_in_a_domain_crate_fails_naming_crate_and_rule() {
        let found = after_adding("countersign-approvals", "sqlx", Value::Null, false);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("`countersign-approvals` depends on `sqlx`"), "{found:?}");
        assert!(found[0].contains("only in adapters-postgres"), "{found:?}");
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_fails() {
        let mut metadata = real();
        package(&mut metadata, "countersign-policy")["name"] = json!("countersign-adapters-carrier-pigeon");
        let found: Vec<String> = check(&parse(&metadata)).iter().map(ToString::to_string).collect();
        let named = |line: &&String| line.starts_with("`countersign-adapters-carrier-pigeon` is unknown");
        assert_eq!(found.iter().filter(named).count(), 1, "{found:?}");
    }

    #[test]
    fn edges_between_our_crates_go_one_way() {
        let refused = [
            ("countersign-adapters-sqlite", "countersign-adapters-postgres", Value::Null, false),
            ("countersign-adapters-sqlite", "countersign-adapters-postgres", json!("dev"), false),
            ("countersign-adapters-github", "countersign-transport-grpc", Value::Null, false),
            ("countersign-transport-grpc", "countersign-adapters-sqlite", Value::Null, false),
            ("countersign-transport-http", "countersign-adapters-sqlite", json!("dev"), false),
            ("countersign-policy", "countersign-approvals", Value::Null, false),
            ("countersign-policy", "countersign-usecases", json!("dev"), false),
            ("countersign-kernel", "countersign-policy", Value::Null, false),
            ("countersign-usecases", "countersign-adapters-sqlite", json!("dev"), false),
            ("countersign-usecases", "countersign-testkit", Value::Null, false),
            ("countersign-app", "countersign-simulators", Value::Null, false),
            ("countersign-example-embed", "countersign-app", Value::Null, false),
            ("countersign-example-own-tool", "countersign-testkit", Value::Null, false),
            ("xtask", "countersign-kernel", Value::Null, false),
        ];
        for (to, on, kind, optional) in refused {
            let found = after_adding(to, on, kind.clone(), optional);
            assert_eq!(found.len(), 1, "{to} -> {on} ({kind}): {found:?}");
            assert!(found[0].starts_with(&format!("`{to}` depends on `{on}`")), "{found:?}");
        }
        let allowed = [
            ("countersign-app", "countersign-simulators", Value::Null, true),
            ("countersign-app", "countersign-testkit", json!("dev"), false),
            ("countersign-adapters-k8s", "countersign-simulators", json!("dev"), false),
            ("countersign-usecases", "countersign-testkit", json!("dev"), false),
            ("countersign-example-embed", "countersign-testkit", json!("dev"), false),
            ("countersign-transport-http", "countersign-approvals", Value::Null, false),
        ];
        for (to, on, kind, optional) in allowed {
            assert_eq!(after_adding(to, on, kind, optional), Vec::<String>::new(), "{to} -> {on}");
        }
    }

    #[test]
    fn every_technology_has_one_home() {
        let refused = [
            ("countersign-usecases", "tokio", Value::Null),
            ("countersign-audit", "getrandom", Value::Null),
            ("countersign-mcp-tools", "rand_core", Value::Null),
            ("countersign-transport-http", "sqlx", Value::Null),
            ("countersign-testkit", "sqlx", json!("dev")),
            ("countersign-app", "kube", Value::Null),
            ("countersign-adapters-github", "k8s-openapi", Value::Null),
            ("countersign-adapters-k8s", "octocrab", Value::Null),
            ("countersign-transport-http", "tonic-prost", Value::Null),
            ("countersign-app", "axum", Value::Null),
            ("countersign-transport-grpc", "reqwest", Value::Null),
            ("countersign-example-embed", "reqwest", Value::Null),
            ("countersign-transport-http", "rmcp", Value::Null),
            ("countersign-policy", "hyper-util", Value::Null),
        ];
        for (to, on, kind) in refused {
            let found = after_adding(to, on, kind, false);
            assert_eq!(found.len(), 1, "{to} -> {on}: {found:?}");
        }
        assert_eq!(
            after_adding("countersign-simulators", "reqwest", json!("dev"), false),
            Vec::<String>::new()
        );
        assert_eq!(after_adding("countersign-kernel", "tokio", json!("dev"), false), Vec::<String>::new());
    }

    #[test]
    fn a_runtime_behind_another_crate_is_found_too() {
        let mut metadata = real();
        let id = |metadata: &Value, name: &str| {
            let packages = metadata["packages"].as_array().unwrap();
            packages.iter().find(|package| package["name"] == name).unwrap()["id"].clone()
        };
        let (serde_json, tokio) = (id(&metadata, "serde_json"), id(&metadata, "tokio"));
        let nodes = metadata["resolve"]["nodes"].as_array_mut().unwrap();
        let node = nodes.iter_mut().find(|node| node["id"] == serde_json).unwrap();
        let edge = json!({ "name": "tokio", "pkg": tokio, "dep_kinds": [{ "kind": null, "target": null }] });
        node["deps"].as_array_mut().unwrap().push(edge);
        let found: Vec<String> = check(&parse(&metadata)).iter().map(ToString::to_string).collect();
        let named =
            |line: &&String| line.starts_with("`countersign-kernel` reaches `tokio` through another crate");
        assert_eq!(found.iter().filter(named).count(), 1, "{found:?}");
    }

    #[test]
    fn the_demo_stays_out_of_releases() {
        let mut metadata = real();
        package(&mut metadata, "countersign-app")["features"] =
            json!({ "default": ["more"], "more": ["demo"], "demo": [] });
        let found: Vec<String> = check(&parse(&metadata)).iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|line| line.contains("`demo` among its default features")), "{found:?}");
    }
}
