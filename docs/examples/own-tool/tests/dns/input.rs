//! Bad input: everything that is wrong with it at once, and no value that may be a secret.

use countersign_kernel::{Fault as _, Violations};
use serde_json::{Value, json};

use crate::world::{World, upsert};

fn paths(violations: &Violations) -> Vec<&str> {
    violations.iter().map(|one| one.path.as_str()).collect()
}

async fn refused(world: &World, arguments: &Value) -> Violations {
    let error = world.call(arguments).await.unwrap_err();
    assert_eq!(error.code(), "invalid_arguments");
    error.violations().expect("the violations").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_said_at_once() {
    let world = World::new().await;
    let arguments = json!({
        "action": "upsert", "environment": "staging", "name": "-api", "type": "A",
        "values": ["192.0.2.7", "192.0.2.256", 7], "ttl_s": 5, "justification": "short", "idempotency_key": "a b",
        "dry_run": "no", "password": "hunter2-hunter2",
    });
    let violations = refused(&world, &arguments).await;
    let expected = [
        "password",
        "name",
        "ttl_s",
        "values[1]",
        "values[2]",
        "justification",
        "idempotency_key",
        "dry_run",
    ];
    assert_eq!(paths(&violations), expected);
    let said = violations.to_string();
    assert!(said.contains("got `192.0.2.256`") && !said.contains("hunter2"), "{said}");

    let missing = refused(&world, &json!({})).await;
    assert_eq!(paths(&missing), ["action", "environment", "name", "type", "justification", "values"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_together_is_refused() {
    let world = World::new().await;
    let changed = |changes: Value| {
        let mut arguments = upsert("192.0.2.7");
        for (field, value) in changes.as_object().unwrap() {
            arguments[field] = value.clone();
        }
        arguments
    };
    for (changes, path) in [
        (json!({"action": "delete"}), "values"),
        (json!({"environment": "dev"}), "environment"),
        (json!({"type": "AAAA"}), "values[0]"),
        (json!({"type": "CNAME", "values": ["a.example.org.", "b.example.org."]}), "values"),
        (json!({"type": "CNAME", "values": ["no-dot-at-the-end.example.org"]}), "values[0]"),
        (json!({"type": "TXT"}), "type"),
        (json!({"name": "api.staging.example.org."}), "name"),
    ] {
        assert_eq!(paths(&refused(&world, &changed(changes.clone())).await), [path], "{changes}");
    }
    assert_eq!(world.dns.writes(), [""; 0]);
}

/// The schema that agents are shown is closed and knows the same fields as `parse`.
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_closed_and_knows_every_field() {
    let world = World::new().await;
    let tool = world.services.tools().iter().next().expect("the tool is registered").clone();
    let schema = &tool.descriptor().input_schema;
    assert_eq!(schema["additionalProperties"], false);
    let mut arguments = json!({});
    for field in schema["properties"].as_object().unwrap().keys() {
        arguments[field] = Value::Null;
    }
    let said = refused(&world, &arguments).await.to_string();
    assert!(!said.contains("is not a field here"), "{said}");
    arguments["zone"] = Value::Null;
    assert!(refused(&world, &arguments).await.to_string().contains("`zone` is not a field here"));
}
