//! A set of manifests, and how it is printed.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde_json::json;

/// Manifests in the order in which they are to be applied.
#[derive(Clone, Debug)]
pub struct Manifests(pub(super) Vec<Manifest>);

/// The manifests can't be written as text.
#[derive(Debug, thiserror::Error)]
#[error("the manifests can't be printed: {0}")]
pub struct PrintError(String);

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Manifest {
    Policy(Box<ValidatingAdmissionPolicy>),
    PolicyBinding(Box<ValidatingAdmissionPolicyBinding>),
    ServiceAccount(Box<ServiceAccount>),
    Role(Role),
    RoleBinding(RoleBinding),
    ClusterRole(ClusterRole),
    ClusterRoleBinding(ClusterRoleBinding),
}

impl Manifests {
    /// One YAML document for each manifest, with `---` between them.
    ///
    /// # Errors
    /// Never in practice: the manifests hold nothing that YAML has no form for.
    pub fn to_yaml(&self) -> Result<String, PrintError> {
        let documents = self
            .0
            .iter()
            .map(|manifest| serde_saphyr::to_string(manifest).map_err(|error| PrintError(error.to_string())));
        Ok(documents.collect::<Result<Vec<_>, _>>()?.join("---\n"))
    }

    /// One `List` of all manifests in JSON, as `kubectl apply` takes it.
    ///
    /// # Errors
    /// Never in practice: the manifests hold nothing that JSON has no form for.
    pub fn to_json(&self) -> Result<String, PrintError> {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": self.0 });
        serde_json::to_string_pretty(&list).map_err(|error| PrintError(error.to_string()))
    }
}
