//! Server-side apply: ownership, conflicts, preconditions, validation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_simulators::KubernetesChange;
use serde_json::{Value, json};

use super::{APP, APPLY, SECRETS, api, apply, data, merge, pairs, plain, secret, start, version};

#[tokio::test]
async fn apply_creates_then_updates_one_key_and_leaves_the_others() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    let created = apply(&api, "countersign", secret(data(&[("value", "one")]))).await;
    assert_eq!((created.status, &created.body["type"]), (201, &json!("Opaque")));
    let by_hand = KubernetesChange::PutSecret {
        namespace: "shop".into(),
        name: "app".into(),
        data: [("other".to_owned(), "theirs".to_owned())].into(),
        manager: "kubectl".into(),
    };
    kubernetes.set(by_hand).unwrap();
    let updated = apply(&api, "countersign", secret(data(&[("value", "two")]))).await;
    assert_eq!(updated.status, 200);
    assert!(version(&updated) > version(&created));
    assert_eq!(updated.body["metadata"]["uid"], created.body["metadata"]["uid"]);
    assert_eq!(plain(&kubernetes), pairs(&[("other", "theirs"), ("value", "two")]));

    let managers = updated.body["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(
        (&managers[0]["manager"], &managers[0]["operation"]),
        (&json!("countersign"), &json!("Apply"))
    );
    assert_eq!(managers[0]["fieldsV1"], json!({ "f:data": { "f:value": {} } }));
    assert_eq!((&managers[1]["manager"], &managers[1]["operation"]), (&json!("kubectl"), &json!("Update")));
    assert_eq!(managers[1]["fieldsV1"], json!({ "f:data": { "f:other": {} } }));

    let told: Vec<_> =
        kubernetes.journal().effects().iter().map(|e| (e.actor.clone(), e.action.clone())).collect();
    let expected =
        [("syncer", "secret.created"), ("by-hand", "secret.updated"), ("syncer", "secret.updated")];
    assert_eq!(told, expected.map(|(actor, action)| (actor.to_owned(), action.to_owned())));
    assert_eq!(kubernetes.journal().plaintexts(), [b"one".to_vec(), b"theirs".to_vec(), b"two".to_vec()]);
}

#[tokio::test]
async fn the_same_apply_again_writes_nothing() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    let first = apply(&api, "countersign", secret(data(&[("value", "one")]))).await;
    let again = apply(&api, "countersign", secret(data(&[("value", "one")]))).await;
    assert_eq!((version(&again), kubernetes.journal().len()), (version(&first), 1));
}

#[tokio::test]
async fn what_an_applier_leaves_out_is_pruned_unless_others_own_it() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    apply(&api, "countersign", secret(data(&[("a", "1"), ("b", "2"), ("c", "3")]))).await;
    let shared = apply(&api, "helm", secret(data(&[("b", "2")]))).await;
    assert_eq!(shared.status, 200, "the same value is shared, not fought over");
    apply(&api, "countersign", secret(data(&[("c", "3")]))).await;
    assert_eq!(plain(&kubernetes), pairs(&[("b", "2"), ("c", "3")]));
    let effect = kubernetes.journal().effects().pop().unwrap();
    assert_eq!(effect.detail["removed_keys"], json!(["a"]));
}

#[tokio::test]
async fn fields_of_others_conflict_and_are_named_unless_forced() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    apply(&api, "helm", secret(data(&[("value", "theirs")]))).await;
    let one = apply(&api, "countersign", secret(data(&[("value", "ours")]))).await;
    assert_eq!((one.status, &one.body["reason"]), (409, &json!("Conflict")));
    assert_eq!(one.message(), "Apply failed with 1 conflict: conflict with \"helm\": .data.value");
    let cause = json!({ "reason": "FieldManagerConflict", "message": "conflict with \"helm\"", "field": ".data.value" });
    assert_eq!(one.body["details"]["causes"], json!([cause]));
    assert!(one.body["details"].get("name").is_none());

    let update = KubernetesChange::PutSecret {
        namespace: "shop".into(),
        name: "app".into(),
        data: [("value".to_owned(), "edited".to_owned()), ("more".to_owned(), "x".to_owned())].into(),
        manager: "kubectl-edit".into(),
    };
    kubernetes.set(update).unwrap();
    let two = apply(&api, "countersign", secret(data(&[("value", "ours"), ("more", "y")]))).await;
    assert_eq!(
        two.message(),
        "Apply failed with 2 conflicts: conflicts with \"kubectl-edit\" using v1:\n- .data.more\n- .data.value"
    );
    let forced = api
        .patch(
            &format!("{APP}?fieldManager=countersign&force=true"),
            APPLY,
            secret(data(&[("value", "ours")])),
        )
        .await;
    assert_eq!(forced.status, 200);
    assert_eq!(plain(&kubernetes), pairs(&[("more", "x"), ("value", "ours")]));
}

#[tokio::test]
async fn resource_version_and_uid_are_preconditions_of_an_apply() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    let with = |meta: Value, value: &str| {
        let mut body = secret(data(&[("value", value)]));
        merge(&mut body["metadata"], meta);
        body
    };
    let ghost = apply(&api, "countersign", with(json!({ "uid": "other" }), "1")).await;
    assert_eq!(ghost.status, 409);
    assert!(ghost.message().contains("no existing object was found"), "{}", ghost.message());

    let created = apply(&api, "countersign", with(json!({ "resourceVersion": "1" }), "1")).await;
    assert_eq!(created.status, 201, "a version does not stop an apply from creating");
    let stale = apply(&api, "countersign", with(json!({ "resourceVersion": "1" }), "2")).await;
    assert_eq!((stale.status, &stale.body["reason"]), (409, &json!("Conflict")));
    assert!(stale.message().contains("the object has been modified"), "{}", stale.message());
    assert_eq!(stale.body["details"], json!({ "name": "app", "kind": "secrets" }));
    let other = apply(&api, "countersign", with(json!({ "uid": "other" }), "2")).await;
    assert_eq!((other.status, &other.body["reason"]), (422, &json!("Invalid")));
    let meta = json!({
        "resourceVersion": created.body["metadata"]["resourceVersion"],
        "uid": created.body["metadata"]["uid"],
    });
    assert_eq!(apply(&api, "countersign", with(meta, "2")).await.status, 200);
    assert_eq!(plain(&kubernetes), pairs(&[("value", "2")]));
}

#[tokio::test]
async fn an_apply_has_to_be_well_formed() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "admin");
    let good = || secret(data(&[("value", "x")]));
    let no_manager = api.patch(APP, APPLY, good()).await;
    assert_eq!(no_manager.status, 422);
    assert_eq!(
        no_manager.message(),
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
    let cases = [
        (json!("not: [json"), 400, "not a Secret"),
        (json!({ "kind": "Secret", "metadata": { "name": "app" } }), 400, "apiVersion and kind are required"),
        (secret(json!({ "metadata": { "name": "else" } })), 400, "does not match the name on the URL"),
        (secret(json!({ "metadata": { "namespace": "else" } })), 400, "does not match the namespace"),
        (secret(json!({ "metadata": { "managedFields": [] } })), 400, "managedFields must be nil"),
        (secret(json!({ "metadata": { "finalizers": ["a/b"] } })), 400, "not stood in for"),
        (secret(json!({ "data": { "value": "no base64!" } })), 400, "data.value is not base64"),
        (secret(data(&[("a b", "x")])), 422, "data[a b]: Invalid value: \"a b\": a valid config key"),
        (secret(data(&[("big", &"x".repeat(1024 * 1024 + 1))])), 422, "may not be more than 1048576 bytes"),
    ];
    for (body, status, message) in cases {
        let answer = apply(&api, "countersign", body).await;
        assert_eq!(answer.status, status, "{message}: {}", answer.text);
        assert!(answer.message().contains(message), "{}", answer.message());
    }
    let media = api.patch(&format!("{APP}?fieldManager=x"), "application/json-patch+json", json!([])).await;
    assert_eq!((media.status, &media.body["reason"]), (415, &json!("UnsupportedMediaType")));
    let unnamed = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "No_Name" } });
    let name = api.patch(&format!("{SECRETS}/No_Name?fieldManager=x"), APPLY, unnamed).await;
    assert!(name.message().contains("RFC 1123"), "{}", name.text);
    let long = format!("{APP}?fieldManager={}", "m".repeat(129));
    assert_eq!(api.patch(&long, APPLY, good()).await.status, 422);
    assert!(kubernetes.journal().is_empty());
}

#[tokio::test]
async fn immutable_secrets_and_types_stay() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    apply(&api, "countersign", secret(data(&[("value", "one")]))).await;
    let typed = apply(&api, "countersign", secret(json!({ "type": "kubernetes.io/tls" }))).await;
    assert_eq!(typed.status, 422);
    assert_eq!(
        typed.message(),
        "Secret \"app\" is invalid: type: Invalid value: \"kubernetes.io/tls\": field is immutable"
    );
    kubernetes.set(KubernetesChange::MakeImmutable { namespace: "shop".into(), name: "app".into() }).unwrap();
    let changed = apply(&api, "countersign", secret(data(&[("value", "two")]))).await;
    assert_eq!((changed.status, &changed.body["reason"]), (422, &json!("Invalid")));
    assert_eq!(
        changed.message(),
        "Secret \"app\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
    assert_eq!(changed.body["details"]["causes"][0]["reason"], "FieldValueForbidden");
    assert_eq!(
        (&changed.body["details"]["kind"], &changed.body["details"]["name"]),
        (&json!("Secret"), &json!("app"))
    );
    assert_eq!(plain(&kubernetes), pairs(&[("value", "one")]));
}

#[tokio::test]
async fn string_data_is_folded_into_data() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    let answer = apply(&api, "countersign", secret(json!({ "stringData": { "value": "text" } }))).await;
    assert_eq!(answer.body["data"]["value"], STANDARD.encode("text"));
    assert!(answer.body.get("stringData").is_none());
    assert_eq!(plain(&kubernetes), pairs(&[("value", "text")]));
}
