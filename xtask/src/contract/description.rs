//! Cutting an OpenAPI description down to some of its paths, with everything they refer to.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// A public key of 32 bytes. The one in GitHub's examples has 33, which no client can use.
const PUBLIC_KEY: &str = "hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs=";

/// The description with these paths only.
///
/// # Errors
/// The text is no description, or one of the paths or references isn't in it.
pub(super) fn cut(whole: &str, paths: &[&str]) -> Result<String> {
    let mut whole: Value = serde_json::from_str(whole).context("the description is no JSON")?;
    let mut kept = Map::new();
    for path in paths {
        let item = whole["paths"].get(*path).with_context(|| format!("`{path}` is not described"))?;
        let mut item = item.clone();
        drop_empty_examples(&mut item);
        kept.insert((*path).to_owned(), item);
    }
    let mut open: Vec<String> = kept.values().flat_map(references).collect();
    let mut components = Map::new();
    let mut seen = BTreeSet::new();
    while let Some(reference) = open.pop() {
        if !seen.insert(reference.clone()) {
            continue;
        }
        let pointer =
            reference.strip_prefix('#').with_context(|| format!("`{reference}` leads elsewhere"))?;
        let found = whole.pointer(pointer).with_context(|| format!("`{reference}` is not described"))?;
        open.extend(references(found));
        let mut names = pointer.rsplit('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
        let (Some(name), Some(kind)) = (names.next(), names.next()) else { continue };
        let group = components.entry(kind).or_insert_with(|| Value::Object(Map::new()));
        group[name] = found.clone();
    }
    whole["paths"] = Value::Object(kept);
    whole["components"] = Value::Object(components);
    if let Some(members) = whole.as_object_mut() {
        members.remove("x-webhooks");
    }
    use_real_keys(&mut whole["components"]["examples"]);
    Ok(serde_json::to_string(&whole)?)
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(reference)) => vec![reference.clone()],
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn use_real_keys(examples: &mut Value) {
    for example in examples.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(key) = example.pointer_mut("/value/key") {
            *key = Value::from(PUBLIC_KEY);
        }
    }
}

/// GitHub's example of an empty object is `null`, which its own schema doesn't allow: without it one is made from the schema.
fn drop_empty_examples(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let empty = |examples: &Value| examples["default"].get("value").is_some_and(Value::is_null);
            members.retain(|name, value| name != "examples" || !empty(value));
            members.values_mut().for_each(drop_empty_examples);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty_examples),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> String {
        json!({
            "openapi": "3.0.3", "x-webhooks": {},
            "paths": {
                "/d": {"get": {"schema": {"type": "object"}, "examples": {"default": {"value": null}}}},
                "/a": {"get": {"parameters": [{"$ref": "#/components/parameters/p"}], "responses": {
                    "200": {"content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/s"},
                        "examples": {"default": {"$ref": "#/components/examples/e"}},
                    }}},
                }}},
                "/b": {"get": {"parameters": [{"$ref": "#/components/parameters/q"}]}},
                "/c": {"$ref": "#/components/schemas/nowhere"},
            },
            "components": {
                "parameters": {"p": {"name": "p"}, "q": {"name": "q"}},
                "schemas": {"s": {"items": {"$ref": "#/components/schemas/t"}}, "t": {"items": {"$ref": "#/components/schemas/s"}}},
                "examples": {"e": {"value": {"key": "too long", "key_id": "1"}}},
            },
        })
        .to_string()
    }

    #[test]
    fn what_a_path_refers_to_comes_along_and_nothing_else() {
        let cut: Value = serde_json::from_str(&cut(&whole(), &["/a"]).unwrap()).unwrap();
        assert_eq!(cut["paths"].as_object().unwrap().len(), 1);
        assert_eq!(cut["components"]["parameters"], json!({"p": {"name": "p"}}));
        let schemas: Vec<_> = cut["components"]["schemas"].as_object().unwrap().keys().collect();
        assert_eq!(schemas, ["s", "t"], "in a circle, too");
        assert_eq!(cut["components"]["examples"]["e"]["value"], json!({"key": PUBLIC_KEY, "key_id": "1"}));
        assert!(cut.get("x-webhooks").is_none());
    }

    #[test]
    fn an_example_that_its_own_schema_does_not_allow_is_left_out() {
        let cut: Value = serde_json::from_str(&cut(&whole(), &["/a", "/d"]).unwrap()).unwrap();
        assert_eq!(cut["paths"]["/d"]["get"], json!({"schema": {"type": "object"}}));
        let kept = &cut["paths"]["/a"]["get"]["responses"]["200"]["content"]["application/json"];
        assert!(kept.get("examples").is_some());
    }

    #[test]
    fn what_is_missing_is_named() {
        let said = |paths: &[&str]| cut(&whole(), paths).unwrap_err().to_string();
        assert_eq!(said(&["/a", "/z"]), "`/z` is not described");
        assert_eq!(said(&["/c"]), "`#/components/schemas/nowhere` is not described");
        assert_eq!(cut("[", &[]).unwrap_err().to_string(), "the description is no JSON");
    }
}
