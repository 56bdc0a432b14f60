//! Access, quota, dry run, and what a foreign client does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_simulators::KubernetesChange;
use serde_json::{Value, json};

use super::{APP, APPLY, SECRETS, api, apply, data, pairs, plain, secret, start};
use crate::support::Api;

#[tokio::test]
async fn missing_things_are_named() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "admin");
    let no_secret = api.get(APP).await;
    assert_eq!(no_secret.status, 404);
    assert_eq!(
        no_secret.body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "secrets \"app\" not found", "reason": "NotFound",
            "details": { "name": "app", "kind": "secrets" }, "code": 404,
        })
    );
    let mut body = secret(data(&[("value", "x")]));
    body["metadata"]["name"] = "app".into();
    let no_namespace = api.patch("/api/v1/namespaces/nowhere/secrets/app?fieldManager=x", APPLY, body).await;
    assert_eq!((no_namespace.status, no_namespace.message()), (404, "namespaces \"nowhere\" not found"));
    assert_eq!(api.get("/api/v1/namespaces/nowhere").await.message(), "namespaces \"nowhere\" not found");
    assert_eq!(api.get("/api/v1/namespaces/shop").await.body["kind"], "Namespace");
    assert_eq!(api.get("/api/v1/namespaces").await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/api/v1/pods").await.message(), "the server could not find the requested resource");
    assert_eq!(api.get("/version").await.body["major"], "1");
}

#[tokio::test]
async fn dry_run_answers_and_stores_nothing() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    let path = format!("{APP}?fieldManager=countersign&dryRun=All");
    let answer = api.patch(&path, APPLY, secret(data(&[("value", "x")]))).await;
    assert_eq!(answer.status, 201);
    assert_eq!(kubernetes.secret("shop", "app"), None);
    apply(&api, "countersign", secret(data(&[("value", "x")]))).await;
    let answer = api.patch(&path, APPLY, secret(data(&[("value", "y")]))).await;
    assert_eq!(
        (answer.status, answer.body["data"]["value"].as_str()),
        (200, Some(STANDARD.encode("y").as_str()))
    );
    assert_eq!((plain(&kubernetes), kubernetes.journal().len()), (pairs(&[("value", "x")]), 1));
    let bad = api.patch(&format!("{APP}?fieldManager=c&dryRun=Some"), APPLY, secret(json!({}))).await;
    assert_eq!(bad.status, 422);
}

#[tokio::test]
async fn credentials_decide_between_401_and_403() {
    let kubernetes = start().await;
    let wrong = api(&kubernetes, "wrong").get(APP).await;
    assert_eq!((wrong.status, wrong.message()), (401, "Unauthorized"));
    assert_eq!(api(&kubernetes, "wrong").get("/version").await.status, 401);
    let nobody = Api::new(&kubernetes.url(), None);
    assert_eq!(nobody.get("/version").await.status, 200);
    let answer = nobody.get(APP).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.message(),
        "secrets \"app\" is forbidden: User \"system:anonymous\" cannot get resource \"secrets\" in API group \"\" \
         in the namespace \"shop\""
    );
    assert_eq!(answer.body["details"], json!({ "name": "app", "kind": "secrets" }));

    let reader = api(&kubernetes, "reader");
    assert_eq!(reader.get(SECRETS).await.status, 200);
    let answer = apply(&reader, "x", secret(json!({}))).await;
    assert!(answer.message().contains("cannot patch resource"), "{}", answer.message());
    let answer = reader.get("/api/v1/namespaces").await;
    assert_eq!(answer.status, 403);
    assert!(answer.message().ends_with("at the cluster scope"), "{}", answer.message());

    let patcher = api(&kubernetes, "patcher");
    let answer = apply(&patcher, "x", secret(json!({}))).await;
    assert!(
        answer.message().contains("cannot create resource"),
        "an apply that creates: {}",
        answer.message()
    );
    assert_eq!(patcher.get(&format!("{SECRETS}/other")).await.status, 403, "limited to names");

    kubernetes.set(KubernetesChange::RevokeToken { username: "reader".into() }).unwrap();
    assert_eq!(reader.get(SECRETS).await.status, 401);
}

#[tokio::test]
async fn access_reviews_answer_from_the_same_rules() {
    let kubernetes = start().await;
    let review = |verb: &str, name: &str| {
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": "shop", "verb": verb, "resource": "secrets", "name": name,
            } },
        })
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let patcher = api(&kubernetes, "patcher");
    for (verb, name, allowed) in [("patch", "app", true), ("patch", "other", false), ("create", "app", false)]
    {
        let answer = patcher.post(path, review(verb, name)).await;
        assert_eq!(
            (answer.status, answer.body["status"]["allowed"].as_bool()),
            (201, Some(allowed)),
            "{verb} {name}"
        );
    }
    assert_eq!(Api::new(&kubernetes.url(), None).post(path, review("get", "app")).await.status, 403);
    assert_eq!(patcher.post(path, json!({ "spec": {} })).await.status, 422);
}

#[tokio::test]
async fn a_quota_refuses_one_more() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "syncer");
    let quota = |secrets| KubernetesChange::SetQuota { namespace: "shop".into(), secrets };
    kubernetes.set(quota(Some(0))).unwrap();
    let answer = apply(&api, "countersign", secret(data(&[("value", "x")]))).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.message(),
        "secrets \"app\" is forbidden: exceeded quota: secrets, requested: secrets=1, used: secrets=0, limited: \
         secrets=0"
    );
    kubernetes.set(quota(None)).unwrap();
    assert_eq!(apply(&api, "countersign", secret(data(&[("value", "x")]))).await.status, 201);
}

#[tokio::test]
async fn a_foreign_client_can_create_replace_patch_and_delete() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "admin");
    let created = api.post(SECRETS, secret(data(&[("a", "1"), ("b", "2")]))).await;
    assert_eq!(created.status, 201);
    let managers = &created.body["metadata"]["managedFields"];
    assert_eq!(managers[0]["manager"], "countersign-tests", "from the user agent");
    let twice = api.post(SECRETS, secret(json!({}))).await;
    assert_eq!((twice.status, &twice.body["reason"]), (409, &json!("AlreadyExists")));

    let mut stale = secret(data(&[("a", "2")]));
    stale["metadata"]["resourceVersion"] = "1".into();
    assert_eq!(api.put(APP, stale).await.status, 409);
    assert_eq!(api.put(APP, secret(data(&[("a", "2")]))).await.status, 200);
    assert_eq!(plain(&kubernetes), pairs(&[("a", "2")]));

    let patch = json!({ "data": { "a": null, "c": STANDARD.encode("3") } });
    let patched = api.patch(APP, "application/merge-patch+json", patch).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(plain(&kubernetes), pairs(&[("c", "3")]));
    let forced = api.patch(&format!("{APP}?force=true"), "application/merge-patch+json", json!({})).await;
    assert!(forced.message().contains("may not be specified for non-apply patch"));

    let listed = api.get(SECRETS).await;
    assert_eq!(
        (&listed.body["kind"], &listed.body["items"][0]["metadata"]["name"]),
        (&json!("SecretList"), &json!("app"))
    );
    assert_eq!(api.get(&format!("{SECRETS}?watch=true")).await.status, 400);

    for precondition in [json!({ "uid": "other" }), json!({ "resourceVersion": "1" })] {
        let answer = api.delete(APP, json!({ "preconditions": precondition })).await;
        assert_eq!((answer.status, &answer.body["reason"]), (409, &json!("Conflict")));
    }
    let gone = api.delete(APP, Value::Null).await;
    assert_eq!((gone.status, &gone.body["status"]), (200, &json!("Success")));
    assert_eq!(api.delete(APP, Value::Null).await.status, 404);
    assert_eq!(api.put(APP, secret(json!({}))).await.status, 404);
    let effect = kubernetes.journal().effects().pop().unwrap();
    assert_eq!((effect.action.as_str(), &effect.detail["removed_keys"]), ("secret.deleted", &json!(["c"])));
}

#[tokio::test]
async fn changes_by_hand_go_over_http_too() {
    let kubernetes = start().await;
    let api = api(&kubernetes, "admin");
    let change =
        json!({ "change": "put_secret", "namespace": "shop", "name": "app", "data": { "value": "foreign" } });
    assert_eq!(api.post("/_simulator/set", change).await.status, 204);
    let effect = &api.get("/_simulator/journal").await.body[0];
    assert_eq!((&effect["actor"], &effect["values"]["value"]), (&json!("by-hand"), &json!("foreign")));
    let missing = json!({ "change": "remove_namespace", "namespace": "nowhere" });
    let answer = api.post("/_simulator/set", missing).await;
    assert_eq!((answer.status, answer.text.as_str()), (422, "there is no namespace `nowhere`"));
    let gone = json!({ "change": "remove_namespace", "namespace": "shop" });
    assert_eq!(api.post("/_simulator/set", gone).await.status, 204);
    assert_eq!(api.get("/api/v1/namespaces/shop").await.status, 404);
}
