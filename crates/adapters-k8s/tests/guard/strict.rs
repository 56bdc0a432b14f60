//! Manifests against their Kubernetes types, with nothing unknown and nothing lost.

use countersign_adapters_k8s::guard::{Manifests, NamespaceScope};
use k8s_openapi::Resource;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{guard, namespaces, rights};

pub(crate) fn documents(manifests: &Manifests) -> Vec<Value> {
    serde_saphyr::from_multiple(&manifests.to_yaml().expect("YAML")).expect("the same YAML")
}

/// Reads a manifest as a type. What the type doesn't know is gone after the way back, so it shows as a difference.
fn strictly<T: Resource + Serialize + DeserializeOwned>(manifest: &Value) -> Result<T, String> {
    let read: T = serde_json::from_value(manifest.clone()).map_err(|error| error.to_string())?;
    let back = serde_json::to_value(&read).map_err(|error| error.to_string())?;
    if back == *manifest { Ok(read) } else { Err(format!("{manifest} comes back as {back}")) }
}

fn kinds(documents: &[Value]) -> Vec<&str> {
    documents.iter().map(|document| document["kind"].as_str().expect("a kind")).collect()
}

#[test]
fn the_admission_policy_and_its_binding_are_what_kubernetes_reads() {
    let documents = documents(&guard().manifests());
    let policy: ValidatingAdmissionPolicy = strictly(&documents[0]).unwrap();
    let binding: ValidatingAdmissionPolicyBinding = strictly(&documents[1]).unwrap();
    assert_eq!(documents.len(), 2);
    let (policy_spec, spec) = (policy.spec.unwrap(), binding.spec.unwrap());
    assert_eq!(policy_spec.failure_policy.as_deref(), Some("Fail"));
    assert_eq!(spec.policy_name, policy.metadata.name);
    assert_eq!(spec.validation_actions, Some(vec!["Deny".to_owned(), "Audit".to_owned()]));
}

#[test]
fn a_guard_for_some_namespaces_selects_them_by_name() {
    let mut guard = guard();
    assert!(documents(&guard.manifests())[0]["spec"]["matchConstraints"].get("namespaceSelector").is_none());
    guard.namespaces = namespaces(&["shop-dev", "shop-staging"]);
    let documents = documents(&guard.manifests());
    strictly::<ValidatingAdmissionPolicy>(&documents[0]).unwrap();
    let selector = &documents[0]["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"];
    let names = json!(["shop-dev", "shop-staging"]);
    assert_eq!(*selector, json!([{"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}]));
}

#[test]
fn rights_in_named_namespaces_are_a_role_in_each_and_nothing_in_the_cluster() {
    let scope = NamespaceScope::These(namespaces(&["shop-dev", "shop-staging"]));
    let documents = documents(&rights(scope).manifests());
    assert_eq!(kinds(&documents), ["ServiceAccount", "Role", "RoleBinding", "Role", "RoleBinding"]);
    strictly::<ServiceAccount>(&documents[0]).unwrap();
    for (pair, namespace) in documents[1..].chunks(2).zip(["shop-dev", "shop-staging"]) {
        let role: Role = strictly(&pair[0]).unwrap();
        let binding: RoleBinding = strictly(&pair[1]).unwrap();
        assert_eq!(role.metadata.namespace.as_deref(), Some(namespace));
        assert_eq!(binding.metadata.namespace.as_deref(), Some(namespace));
        assert_eq!(binding.role_ref.name, "countersign");
        let rules = role.rules.unwrap();
        assert_eq!(rules[0].verbs, ["get", "create", "patch", "delete"]);
        assert_eq!(rules[1].resource_names, Some(vec![namespace.to_owned()]));
        assert_eq!(rules.len(), 2);
    }
}

#[test]
fn rights_for_patterns_are_a_cluster_role() {
    let documents = documents(&rights(NamespaceScope::All).manifests());
    assert_eq!(kinds(&documents), ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"]);
    let role: ClusterRole = strictly(&documents[1]).unwrap();
    let binding: ClusterRoleBinding = strictly(&documents[2]).unwrap();
    let subjects = binding.subjects.unwrap();
    assert_eq!((subjects[0].kind.as_str(), subjects[0].name.as_str()), ("ServiceAccount", "countersign"));
    assert!(role.rules.unwrap().iter().all(|rule| !rule.verbs.contains(&"*".to_owned())));
}

#[test]
fn what_a_type_does_not_know_or_does_not_take_is_noticed() {
    let good = documents(&guard().manifests()).remove(0);
    let mut unknown = good.clone();
    unknown["spec"]["failurePolicies"] = json!("Fail");
    assert!(strictly::<ValidatingAdmissionPolicy>(&unknown).unwrap_err().contains("failurePolicies"));
    let mut deeper = good.clone();
    deeper["spec"]["validations"][0]["msg"] = json!("x");
    assert!(strictly::<ValidatingAdmissionPolicy>(&deeper).is_err());
    let mut wrong = good;
    wrong["spec"]["validations"] = json!("x");
    assert!(strictly::<ValidatingAdmissionPolicy>(&wrong).is_err());
}

#[test]
fn json_holds_the_same_manifests_as_yaml() {
    let manifests = guard().manifests();
    let list: Value = serde_json::from_str(&manifests.to_json().unwrap()).unwrap();
    assert_eq!((list["kind"].as_str(), list["apiVersion"].as_str()), (Some("List"), Some("v1")));
    assert_eq!(list["items"], Value::from(documents(&manifests)));
}
