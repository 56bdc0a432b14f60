//! The document itself: 3.1, closed, with examples that fit, and bodies that are read as they are described.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{DOCUMENT, call, with_components, world};

/// Every operation with its id.
fn operations() -> Vec<(&'static str, &'static str, &'static str, &'static Value)> {
    let items = DOCUMENT["paths"].as_object().unwrap().iter();
    items
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| {
                (operation["operationId"].as_str().unwrap(), path.as_str(), method.as_str(), operation)
            })
        })
        .collect()
}

#[test]
fn it_is_openapi_3_1_and_every_operation_is_described() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    assert_eq!(DOCUMENT["info"]["license"]["identifier"], "Apache-2.0");
    let known: Vec<_> = DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = Vec::new();
    for (id, path, method, operation) in operations() {
        assert!(path.starts_with("/api/v1/"), "{path}");
        assert!(!ids.contains(&id), "`{id}` twice");
        ids.push(id);
        for member in ["summary", "description"] {
            assert!(operation[member].as_str().is_some_and(|text| text.len() > 10), "{id}: {member}");
        }
        assert!(!operation["summary"].as_str().unwrap().ends_with('.'), "{id}");
        assert!(known.contains(&&operation["tags"][0]), "{id}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"].is_string() && parameter["schema"].is_object(),
                "{id}: {parameter}"
            );
        }
        let has_key = operation["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
        assert_eq!(has_key, method == "post", "{id}");
        for status in ["200", "400", "401", "403", "406", "429", "500", "503"] {
            assert!(operation["responses"][status]["description"].is_string(), "{id}: {status}");
        }
    }
    assert_eq!(ids.len(), 17);
}

#[test]
fn every_object_is_closed_and_every_member_described() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 30);
    for (name, schema) in schemas {
        assert!(schema["description"].is_string(), "{name}");
        let Some(members) = schema["properties"].as_object() else {
            assert!(schema["enum"].is_array(), "{name} is neither an object nor an enumeration");
            continue;
        };
        assert_eq!(schema["additionalProperties"], false, "{name}");
        for (member, schema) in members {
            assert!(schema["description"].is_string(), "{name}.{member}");
            let text = schema.to_string();
            assert!(!text.contains("null"), "{name}.{member} may be null");
            if schema["type"] == "object" {
                assert!(
                    schema.get("additionalProperties").is_some(),
                    "{name}.{member} says not whether it is open"
                );
            }
        }
    }
}

#[test]
fn every_operation_has_examples_that_fit_its_schemas() {
    for (id, _, method, operation) in operations() {
        let forms = operation["responses"]["200"]["content"].as_object().unwrap();
        assert_eq!(forms.len(), 1, "{id}");
        let answer = forms.values().next().unwrap();
        let body = &operation["requestBody"]["content"]["application/json"];
        assert_eq!(body.is_object(), method == "post" && !takes_recordings(id), "{id}");
        for (what, media) in [("answer", answer), ("body", body)] {
            if what == "body" && !body.is_object() {
                continue;
            }
            assert!(!media["example"].is_null(), "{id} has no example of its {what}");
            let validator = jsonschema::validator_for(&with_components(&media["schema"])).unwrap();
            let wrong: Vec<_> =
                validator.iter_errors(&media["example"]).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{id}, {what}: {wrong:?}");
        }
    }
}

/// Whether the body is no JSON. Recordings have neither a schema nor an example in a text.
fn takes_recordings(id: &str) -> bool {
    id.starts_with("dictate_")
}

#[test]
fn recordings_are_described_by_their_kinds() {
    let mut count = 0;
    for (id, _, _, operation) in operations() {
        if takes_recordings(id) {
            count += 1;
            let kinds: Vec<_> = operation["requestBody"]["content"].as_object().unwrap().keys().collect();
            let all = ["audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm"];
            assert_eq!(kinds, all, "{id}");
        }
    }
    assert_eq!(count, 2);
}

#[test]
fn links_lead_to_operations_and_name_what_these_take() {
    let all = operations();
    let target = |id: &str| all.iter().find(|(other, ..)| *other == id).map(|(.., operation)| *operation);
    let mut count = 0;
    for (id, _, _, operation) in &all {
        for (name, link) in operation["responses"]["200"]["links"].as_object().into_iter().flatten() {
            count += 1;
            let target =
                target(link["operationId"].as_str().unwrap()).unwrap_or_else(|| panic!("{id}.{name}"));
            let known: Vec<_> =
                target["parameters"].as_array().into_iter().flatten().map(|one| &one["name"]).collect();
            for (parameter, from) in link["parameters"].as_object().into_iter().flatten() {
                assert!(known.contains(&&json!(parameter)), "{id}.{name}: `{parameter}`");
                let Some(pointer) = from.as_str().unwrap().strip_prefix("$response.body#") else { continue };
                let example = &operation["responses"]["200"]["content"]["application/json"]["example"];
                assert!(
                    example.pointer(pointer).is_some(),
                    "{id}.{name}: nothing at `{pointer}` of the example"
                );
            }
            assert_eq!(link.get("requestBody").is_some(), target.get("requestBody").is_some(), "{id}.{name}");
        }
    }
    assert!(count > 15, "{count}");
}

/// A body is described by a schema and read by hand: the example is taken, and nothing that the schema doesn't know.
#[tokio::test]
async fn bodies_are_read_as_they_are_described() {
    let world = world().await;
    let nobody = "01932d5e-7a00-7000-8000-000000000001";
    for (id, path, method, operation) in operations() {
        if method != "post" || takes_recordings(id) {
            continue;
        }
        let path = path.replace("{id}", nobody);
        let who = if id == "resolve_unknown" { "operator" } else { "alice" };
        let body = &operation["requestBody"]["content"]["application/json"];
        let taken = world.post(who, &path, body["example"].clone()).await;
        assert_ne!(taken.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}: {:#}", taken.body);
        let name = body["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let schema = &DOCUMENT["components"]["schemas"][name];
        let known: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        // Members of the wrong type are told apart from members that are not known.
        let wrong: Value = known
            .iter()
            .map(|member| ((*member).clone(), json!({"no": "such type"})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let told = world.post(who, &path, wrong).await;
        assert_eq!(told.refused(422), "invalid_request", "{id}");
        for member in &known {
            let here: Vec<_> =
                told.fields().into_iter().filter(|field| field.contains(&format!("/{member}:"))).collect();
            assert!(
                !here.is_empty() && !here.iter().any(|field| field.contains("is not a field")),
                "{id}.{member}: {here:?}"
            );
        }
        let empty = world.send(call(Method::POST, who, &path, Some(json!({})))).await;
        for member in schema["required"].as_array().into_iter().flatten() {
            let missing = format!("body /{}: is required", member.as_str().unwrap());
            assert!(empty.fields().contains(&missing), "{id}: {missing}");
        }
    }
}
