//! What Countersign itself may do in a cluster: no more than the adapter needs.

use countersign_kernel::Namespace;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::account::ServiceAccountName;
use super::manifests::{Manifest, Manifests};

/// The name of every role and binding.
const ROLE: &str = "countersign";

/// What the adapter does with Secrets: it reads one, and makes or changes one by server-side apply, which is a `patch` to an API server
/// and a `create` as well where there is none yet. It deletes one that it made itself when what comes after it fails for good.
const SECRET_VERBS: [&str; 4] = ["get", "create", "patch", "delete"];

/// Where the rights hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceScope {
    /// In these namespaces: a Role in each.
    These(Vec<Namespace>),
    /// In all, for namespaces that are named by a pattern: RBAC knows no patterns, so a ClusterRole it has to be.
    All,
}

/// The service account, and its rights.
///
/// `SelfSubjectAccessReview` and `/version` need no rule: Kubernetes lets every account ask about itself (`system:basic-user`) and read
/// the version (`system:public-info-viewer`).
#[derive(Clone, Debug)]
pub struct Rights {
    /// Whose.
    pub service_account: ServiceAccountName,
    /// Where.
    pub scope: NamespaceScope,
}

impl Rights {
    /// The service account, then roles with their bindings.
    pub fn manifests(&self) -> Manifests {
        let mut manifests = vec![Manifest::ServiceAccount(Box::new(ServiceAccount {
            metadata: metadata(self.service_account.name(), Some(self.service_account.namespace())),
            ..ServiceAccount::default()
        }))];
        match &self.scope {
            NamespaceScope::These(namespaces) => {
                manifests.extend(namespaces.iter().flat_map(|namespace| self.within(namespace)));
            }
            NamespaceScope::All => manifests.extend(self.everywhere()),
        }
        Manifests(manifests)
    }

    fn within(&self, namespace: &Namespace) -> [Manifest; 2] {
        let metadata = metadata(ROLE, Some(namespace));
        // Reading a namespace itself counts as a request inside it, so a Role may grant it
        // (`NewRequestInfo` in apiserver/pkg/endpoints/request/requestinfo.go).
        let own = vec![namespace.to_string()];
        let rules = vec![secrets(), PolicyRule { resource_names: Some(own), ..namespaces() }];
        [
            Manifest::Role(Role { metadata: metadata.clone(), rules: Some(rules) }),
            Manifest::RoleBinding(RoleBinding {
                metadata,
                role_ref: role_ref("Role"),
                subjects: Some(vec![self.subject()]),
            }),
        ]
    }

    fn everywhere(&self) -> [Manifest; 2] {
        let metadata = metadata(ROLE, None);
        [
            Manifest::ClusterRole(ClusterRole {
                metadata: metadata.clone(),
                rules: Some(vec![secrets(), namespaces()]),
                aggregation_rule: None,
            }),
            Manifest::ClusterRoleBinding(ClusterRoleBinding {
                metadata,
                role_ref: role_ref("ClusterRole"),
                subjects: Some(vec![self.subject()]),
            }),
        ]
    }

    fn subject(&self) -> Subject {
        Subject {
            kind: "ServiceAccount".to_owned(),
            name: self.service_account.name().to_owned(),
            namespace: Some(self.service_account.namespace().to_string()),
            api_group: None,
        }
    }
}

fn metadata(name: &str, namespace: Option<&Namespace>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(ToString::to_string),
        ..ObjectMeta::default()
    }
}

fn secrets() -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".to_owned()]),
        verbs: SECRET_VERBS.map(str::to_owned).to_vec(),
        ..PolicyRule::default()
    }
}

fn namespaces() -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["namespaces".to_owned()]),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }
}

fn role_ref(kind: &str) -> RoleRef {
    RoleRef {
        api_group: "rbac.authorization.k8s.io".to_owned(),
        kind: kind.to_owned(),
        name: ROLE.to_owned(),
    }
}
