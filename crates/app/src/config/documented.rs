//! Holds docs/configuration.md and the example against the options themselves. The list of options is the schema that their structs derive
//! for tests, so that nobody has to remember one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Config;

const PAGE: &str = include_str!("../../../../docs/configuration.md");
const EXAMPLE: &str = include_str!("../../../../docs/examples/countersign.toml");

/// Where a secret comes from is one value to whoever writes a configuration, though it is a table to TOML.
const ONE_VALUE: &str = "SecretSource";

/// Each option by its full name, with its default as the page spells it.
type Options = BTreeMap<String, String>;

#[test]
fn the_page_has_every_option_with_its_default_and_no_other() {
    assert_eq!(options_of_page(PAGE), options_of_code());
}

#[test]
fn the_example_shows_every_option() {
    let missing: Vec<_> = options_of_code()
        .into_keys()
        .filter(|name| {
            let last = name.rsplit('.').next().unwrap_or_default();
            let shown = [format!("{last} = "), format!("`{last}`")];
            last != "NAME" && !shown.iter().any(|shown| EXAMPLE.contains(shown))
        })
        .collect();
    assert!(missing.is_empty(), "docs/examples/countersign.toml doesn't show {missing:?}");
}

#[test]
fn the_walk_finds_options_of_every_shape() {
    let found = options_of_code();
    let expected = [
        ("server.grpc_listen", "127.0.0.1:7443"),
        ("store.kind", "-"),
        ("store.lease_s", "30"),
        ("store.role", "none"),
        ("run_tokens.keys.NAME", "-"),
        ("targets.namespaces[].namespaces", "-"),
        ("targets.databases.NAME.directory", "-"),
        ("log.format", "text"),
    ];
    for (name, default) in expected {
        assert_eq!(found.get(name).map(String::as_str), Some(default), "{name}");
    }
}

fn options_of_page(page: &str) -> Options {
    let mut options = Options::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let [name, default, meaning] = cells[..] else { panic!("not a row of three cells: {line}") };
        assert!(!meaning.is_empty(), "nothing is said of {name}");
        let plain = |cell: &str| cell.replace('`', "");
        let twice = options.insert(plain(name), plain(default));
        assert!(twice.is_none(), "{name} is in the page twice");
    }
    options
}

fn options_of_code() -> Options {
    let schema = schemars::schema_for!(Config).to_value();
    let mut walk = Walk { root: &schema, options: Options::new() };
    walk.step("", &schema);
    walk.options
}

struct Walk<'s> {
    root: &'s Value,
    options: Options,
}

impl<'s> Walk<'s> {
    fn step(&mut self, path: &str, schema: &'s Value) {
        let shape = self.shape(schema);
        let tables: Vec<_> = variants(shape).filter_map(|table| table["properties"].as_object()).collect();
        if !tables.is_empty() {
            for (name, property) in tables.into_iter().flatten() {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                self.step(&path, property);
            }
        } else if shape["additionalProperties"].is_object() {
            self.step(&format!("{path}.NAME"), &shape["additionalProperties"]);
        } else if self.shape(&shape["items"])["properties"].is_object() {
            self.step(&format!("{path}[]"), &shape["items"]);
        } else {
            let default = spelled(schema.get("default"));
            let before = self.options.insert(path.to_owned(), default.clone());
            assert!(before.is_none_or(|before| before == default), "`{path}` has two defaults");
        }
    }

    /// What a schema says once references are followed and `null` is left out.
    fn shape(&self, schema: &'s Value) -> &'s Value {
        let not_null = |one: &&Value| one["type"] != "null";
        if let Some(some) = schema["anyOf"].as_array().and_then(|any| any.iter().find(not_null)) {
            return self.shape(some);
        }
        match schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
            Some(ONE_VALUE) => &Value::Null,
            Some(name) => self.shape(&self.root["$defs"][name]),
            None => schema,
        }
    }
}

/// The tables an option may be: those of each kind, or the one.
fn variants(shape: &Value) -> impl Iterator<Item = &Value> {
    shape["oneOf"].as_array().into_iter().flatten().chain([shape])
}

fn spelled(default: Option<&Value>) -> String {
    match default {
        None => "-".to_owned(),
        Some(Value::Null) => "none".to_owned(),
        Some(Value::Array(list)) if list.is_empty() => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
