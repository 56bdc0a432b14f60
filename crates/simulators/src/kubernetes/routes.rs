//! The endpoints. Each checks in the API server's order: authentication, authorization, the request's options, the
//! body, and then what the write itself may refuse.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Kubernetes;
use super::access::{Action, Caller};
use super::cluster::{Cluster, Namespace, Write};
use super::object::{self, ManagedFields};
use super::status::{Cause, Refusal};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// The version whose behaviour this stand-in follows.
const VERSION: &str = "v1.33.0";

pub(super) fn api(kubernetes: Kubernetes) -> Router {
    let secret = get(get_secret).put(put_secret).patch(patch_secret).delete(delete_secret);
    Router::new()
        .route("/version", get(version))
        .route("/healthz", get(|| async { "ok" }))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .route("/api/v1/namespaces", get(list_namespaces))
        .route("/api/v1/namespaces/{namespace}", get(get_namespace))
        .route("/api/v1/namespaces/{namespace}/secrets", get(list_secrets).post(post_secret))
        .route("/api/v1/namespaces/{namespace}/secrets/{name}", secret)
        .route("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", post(review_access))
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed().response() })
        .fallback(|| async { Refusal::no_such_path().response() })
        .with_state(kubernetes)
}

type Answer = Result<(StatusCode, Value), Refusal>;

impl Kubernetes {
    fn answer(&self, headers: &HeaderMap, act: impl FnOnce(&mut Cluster, &Caller) -> Answer) -> Response {
        let mut cluster = self.lock();
        let outcome = cluster.tokens.authenticate(headers).and_then(|caller| act(&mut cluster, &caller));
        match outcome {
            Ok((status, body)) => (status, Json(body)).into_response(),
            Err(refusal) => refusal.response(),
        }
    }
}

fn on_secrets<'a>(verb: &'a str, namespace: &'a str, name: &'a str) -> Action<'a> {
    Action { verb, resource: "secrets", namespace, name }
}

/// The query of a write.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WriteQuery {
    field_manager: Option<String>,
    force: Option<String>,
    dry_run: Option<String>,
}

impl WriteQuery {
    fn dry_run(&self) -> Result<bool, Refusal> {
        match self.dry_run.as_deref() {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => {
                let cause = Cause::invalid("dryRun", other, "supported values: \"All\"");
                Err(Refusal::invalid("PatchOptions.meta.k8s.io", "", &[cause]))
            }
        }
    }

    /// An apply must name its manager; other writes default to the start of the user agent.
    fn manager(&self, headers: &HeaderMap, apply: bool) -> Result<String, Refusal> {
        let refuse = |cause| Err(Refusal::invalid("PatchOptions.meta.k8s.io", "", &[cause]));
        let named = self.field_manager.as_deref().filter(|name| !name.is_empty());
        match named {
            Some(name) if name.len() > 128 => refuse(Cause::too_long("fieldManager", 128)),
            Some(name) => Ok(name.to_owned()),
            None if apply => refuse(Cause::required("fieldManager", "is required for apply patch")),
            None => {
                let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
                Ok(agent.and_then(|agent| agent.split('/').next()).unwrap_or("unknown").to_owned())
            }
        }
    }

    fn force(&self, apply: bool) -> Result<bool, Refusal> {
        if self.force.is_some() && !apply {
            let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
            return Err(Refusal::invalid("PatchOptions.meta.k8s.io", "", &[cause]));
        }
        Ok(matches!(self.force.as_deref(), Some("true" | "1")))
    }
}

/// The query of a list. What would need a watch cache or selectors is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    watch: Option<String>,
    label_selector: Option<String>,
    field_selector: Option<String>,
}

/// Anyone may read it, but a token that is sent has to be a good one.
async fn version(State(kubernetes): State<Kubernetes>, headers: HeaderMap) -> Response {
    kubernetes.answer(&headers, |_, _| {
        let body = json!({
            "major": "1",
            "minor": "33",
            "gitVersion": VERSION,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "2025-04-23T00:00:00Z",
            "goVersion": "",
            "compiler": "",
            "platform": "countersign/simulator",
        });
        Ok((StatusCode::OK, body))
    })
}

async fn list_namespaces(State(kubernetes): State<Kubernetes>, headers: HeaderMap) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&Action { verb: "list", resource: "namespaces", namespace: "", name: "" })?;
        let items: Vec<Value> =
            cluster.namespaces().map(|(name, namespace)| describe_namespace(name, namespace)).collect();
        Ok((StatusCode::OK, list_of("NamespaceList", cluster, items)))
    })
}

async fn get_namespace(
    State(kubernetes): State<Kubernetes>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        // RBAC sees a request for a namespace as made in that namespace.
        caller.require(&Action { verb: "get", resource: "namespaces", namespace: &name, name: &name })?;
        let found = cluster.namespace(&name).ok_or_else(|| Refusal::not_found("namespaces", &name))?;
        let mut body = describe_namespace(&name, found);
        body["kind"] = "Namespace".into();
        body["apiVersion"] = "v1".into();
        Ok((StatusCode::OK, body))
    })
}

async fn list_secrets(
    State(kubernetes): State<Kubernetes>,
    Path(namespace): Path<String>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&on_secrets("list", &namespace, ""))?;
        let asked = [&query.watch, &query.label_selector, &query.field_selector];
        if asked.into_iter().flatten().any(|value| !value.is_empty() && value != "false") {
            let message = "watches and selectors are not stood in for by this simulator";
            return Err(Refusal::bad_request(message));
        }
        let items = cluster.secrets_in(&namespace).map(|secret| {
            let mut item = secret.json();
            if let Some(fields) = item.as_object_mut() {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            item
        });
        let items = items.collect();
        Ok((StatusCode::OK, list_of("SecretList", cluster, items)))
    })
}

async fn get_secret(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&on_secrets("get", &namespace, &name))?;
        let secret = cluster.find(&namespace, &name).ok_or_else(|| Refusal::not_found("secrets", &name))?;
        Ok((StatusCode::OK, secret.json()))
    })
}

async fn post_secret(
    State(kubernetes): State<Kubernetes>,
    Path(namespace): Path<String>,
    Query(query): Query<WriteQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&on_secrets("create", &namespace, ""))?;
        let (dry_run, manager) = (query.dry_run()?, query.manager(&headers, false)?);
        let (name, draft) = object::parse(&body, &namespace, ManagedFields::Ignored)?;
        let write = Write { caller, namespace: &namespace, name: &name, manager: &manager, dry_run };
        cluster.create(write, draft).map(|secret| (StatusCode::CREATED, secret.json()))
    })
}

async fn put_secret(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<WriteQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&on_secrets("update", &namespace, &name))?;
        let (dry_run, manager) = (query.dry_run()?, query.manager(&headers, false)?);
        let (in_body, draft) = object::parse(&body, &namespace, ManagedFields::Ignored)?;
        same_name(&in_body, &name)?;
        let write = Write { caller, namespace: &namespace, name: &name, manager: &manager, dry_run };
        cluster.replace(write, draft).map(|secret| (StatusCode::OK, secret.json()))
    })
}

async fn patch_secret(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<WriteQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&on_secrets("patch", &namespace, &name))?;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = content_type.unwrap_or("").split(';').next().unwrap_or("").trim();
        if ![APPLY, MERGE, STRATEGIC].contains(&media) {
            return Err(Refusal::unsupported_media_type(media));
        }
        let apply = media == APPLY;
        let (dry_run, manager, force) =
            (query.dry_run()?, query.manager(&headers, apply)?, query.force(apply)?);
        let write = Write { caller, namespace: &namespace, name: &name, manager: &manager, dry_run };
        if apply {
            let (in_body, draft) = object::parse(&body, &namespace, ManagedFields::Refused)?;
            same_name(&in_body, &name)?;
            let (secret, created) = cluster.apply(write, draft, force)?;
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            return Ok((status, secret.json()));
        }
        let live = cluster.find(&namespace, &name).ok_or_else(|| Refusal::not_found("secrets", &name))?;
        let merged = object::merge_patch(live, &body)?;
        let (in_body, draft) = object::parse(&merged, &namespace, ManagedFields::Ignored)?;
        same_name(&in_body, &name)?;
        cluster.replace(write, draft).map(|secret| (StatusCode::OK, secret.json()))
    })
}

#[derive(Default, Deserialize)]
struct DeleteOptions {
    #[serde(default)]
    preconditions: Preconditions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

async fn delete_secret(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, name)): Path<(String, String)>,
    Query(query): Query<WriteQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    kubernetes.answer(&headers, |cluster, caller| {
        caller.require(&on_secrets("delete", &namespace, &name))?;
        let options: DeleteOptions = if body.is_empty() {
            DeleteOptions::default()
        } else {
            serde_json::from_slice(&body).map_err(|_| Refusal::bad_request("not DeleteOptions"))?
        };
        let dry_run = query.dry_run()?;
        let write = Write { caller, namespace: &namespace, name: &name, manager: "", dry_run };
        let Preconditions { uid, resource_version } = options.preconditions;
        let gone = cluster.delete(write, uid.as_deref(), resource_version.as_deref())?;
        let details = json!({ "name": name, "kind": "secrets", "uid": gone.uid });
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        });
        Ok((StatusCode::OK, body))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessReview {
    spec: AccessReviewSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessReviewSpec {
    resource_attributes: Option<ResourceAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceAttributes {
    namespace: String,
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    name: String,
}

async fn review_access(State(kubernetes): State<Kubernetes>, headers: HeaderMap, body: Bytes) -> Response {
    kubernetes.answer(&headers, |_, caller| {
        let resource = "selfsubjectaccessreviews";
        let action = Action { verb: "create", resource, namespace: "", name: "" };
        caller.require_authenticated("authorization.k8s.io", &action)?;
        let mut review: Value = serde_json::from_slice(&body)
            .map_err(|_| Refusal::bad_request("error decoding the object: not JSON"))?;
        let spec = AccessReview::deserialize(&review)
            .map_err(|_| Refusal::bad_request("error decoding the object: not a SelfSubjectAccessReview"))?
            .spec;
        let Some(wanted) = spec.resource_attributes else {
            let cause = Cause::invalid(
                "spec.resourceAttributes",
                "null",
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            );
            let kind = "SelfSubjectAccessReview.authorization.k8s.io";
            return Err(Refusal::invalid(kind, "", &[cause]));
        };
        let core = wanted.group.is_empty() && wanted.subresource.is_empty();
        let allowed = core
            && caller.may(&Action {
                verb: &wanted.verb,
                resource: &wanted.resource,
                namespace: &wanted.namespace,
                name: &wanted.name,
            });
        review["status"] = match allowed {
            true => json!({ "allowed": true, "reason": "RBAC: allowed by a configured rule" }),
            false => json!({ "allowed": false }),
        };
        Ok((StatusCode::CREATED, review))
    })
}

fn same_name(in_body: &str, in_path: &str) -> Result<(), Refusal> {
    // A body without a name takes the one in the path, as for a merge patch of `data` alone.
    if in_body.is_empty() || in_body == in_path {
        return Ok(());
    }
    Err(Refusal::bad_request(format!(
        "the name of the object ({in_body}) does not match the name on the URL ({in_path})"
    )))
}

fn list_of(kind: &str, cluster: &Cluster, items: Vec<Value>) -> Value {
    json!({
        "kind": kind,
        "apiVersion": "v1",
        "metadata": { "resourceVersion": cluster.version().to_string() },
        "items": items,
    })
}

fn describe_namespace(name: &str, namespace: &Namespace) -> Value {
    json!({
        "metadata": {
            "name": name,
            "uid": namespace.uid,
            "resourceVersion": namespace.resource_version.to_string(),
            "creationTimestamp": namespace.created.to_string(),
            "labels": { "kubernetes.io/metadata.name": name },
        },
        "spec": { "finalizers": ["kubernetes"] },
        "status": { "phase": "Active" },
    })
}
