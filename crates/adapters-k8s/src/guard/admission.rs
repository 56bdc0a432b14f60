//! The admission policy: who may write a Secret that Countersign manages.

use countersign_kernel::Namespace;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec,
    Validation, Variable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};

use super::account::ServiceAccountName;
use super::manifests::{Manifest, Manifests};
use crate::secrets::{FENCE_ANNOTATION, REQUEST_ANNOTATION};

/// The name of the policy and of its binding.
pub const ADMISSION_POLICY: &str = "countersign-managed-secrets";

/// The label that every namespace carries with its own name
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name>).
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// Kubernetes' own controllers that remove what belongs to something removed: a namespace, or an owner.
const CLEANERS: [&str; 2] = [
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
];

/// A ValidatingAdmissionPolicy with its binding: only Countersign's service account creates, updates, patches or deletes a Secret that
/// carries Countersign's annotations, before or after the request.
///
/// It needs Kubernetes 1.30 or newer, where `admissionregistration.k8s.io/v1` has these kinds.
#[derive(Clone, Debug)]
pub struct AdmissionGuard {
    /// Who may.
    pub service_account: ServiceAccountName,
    /// The namespaces it is about; none for all, which is the safer choice: a Secret is recognised by its annotations anyway.
    pub namespaces: Vec<Namespace>,
    /// The field manager that Countersign writes with. Its own account under another one is refused.
    pub field_manager: String,
    /// Further users who may delete, such as `system:kube-controller-manager` where the controllers share one identity.
    pub cleaners: Vec<String>,
}

impl AdmissionGuard {
    /// The policy, then its binding.
    pub fn manifests(&self) -> Manifests {
        Manifests(vec![
            Manifest::Policy(Box::new(self.policy())),
            Manifest::PolicyBinding(Box::new(self.binding())),
        ])
    }

    fn policy(&self) -> ValidatingAdmissionPolicy {
        let rule = NamedRuleWithOperations {
            api_groups: Some(vec![String::new()]),
            api_versions: Some(vec!["v1".to_owned()]),
            // A patch is an UPDATE to admission, or a CREATE where it makes the object.
            operations: Some(["CREATE", "UPDATE", "DELETE"].map(str::to_owned).to_vec()),
            resources: Some(vec!["secrets".to_owned()]),
            scope: Some("Namespaced".to_owned()),
            resource_names: None,
        };
        let spec = ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(MatchResources {
                match_policy: Some("Equivalent".to_owned()),
                namespace_selector: self.namespace_selector(),
                resource_rules: Some(vec![rule]),
                ..MatchResources::default()
            }),
            match_conditions: Some(vec![MatchCondition {
                name: "managed-by-countersign".to_owned(),
                expression: format!("{}\n|| {}", annotated("oldObject"), annotated("object")),
            }]),
            variables: Some(self.variables()),
            validations: Some(self.validations()),
            ..ValidatingAdmissionPolicySpec::default()
        };
        ValidatingAdmissionPolicy { metadata: named(), spec: Some(spec), status: None }
    }

    fn binding(&self) -> ValidatingAdmissionPolicyBinding {
        ValidatingAdmissionPolicyBinding {
            metadata: named(),
            spec: Some(ValidatingAdmissionPolicyBindingSpec {
                policy_name: Some(ADMISSION_POLICY.to_owned()),
                validation_actions: Some(vec!["Deny".to_owned(), "Audit".to_owned()]),
                ..ValidatingAdmissionPolicyBindingSpec::default()
            }),
        }
    }

    fn namespace_selector(&self) -> Option<LabelSelector> {
        if self.namespaces.is_empty() {
            return None;
        }
        let these = LabelSelectorRequirement {
            key: NAMESPACE_LABEL.to_owned(),
            operator: "In".to_owned(),
            values: Some(self.namespaces.iter().map(ToString::to_string).collect()),
        };
        Some(LabelSelector { match_expressions: Some(vec![these]), match_labels: None })
    }

    fn variables(&self) -> Vec<Variable> {
        let variable = |name: &str, expression| Variable { name: name.to_owned(), expression };
        let cleaners: Vec<String> =
            CLEANERS.iter().copied().chain(self.cleaners.iter().map(String::as_str)).map(literal).collect();
        vec![
            variable(
                "byCountersign",
                format!("request.userInfo.username == {}", literal(&self.service_account.username())),
            ),
            variable(
                "byCleaner",
                format!(
                    "request.operation == \"DELETE\" && request.userInfo.username in [\n  {}]",
                    cleaners.join(",\n  ")
                ),
            ),
            variable("rewritten", rewritten()),
        ]
    }

    fn validations(&self) -> Vec<Validation> {
        let validation = |expression: String, message: &str| Validation {
            expression,
            message: Some(message.to_owned()),
            reason: Some("Forbidden".to_owned()),
            message_expression: None,
        };
        vec![
            validation(
                "variables.byCountersign || variables.byCleaner || variables.rewritten".to_owned(),
                "Countersign manages this Secret: ask for the change with its tool secret.sync.github_k8s",
            ),
            validation(
                format!(
                    "!variables.byCountersign || request.operation == \"DELETE\"\n\
                     || (has(request.options) && has(request.options.fieldManager)\n    \
                     && request.options.fieldManager == {})",
                    literal(&self.field_manager)
                ),
                "Countersign's service account writes Secrets with its own field manager only",
            ),
        ]
    }
}

fn named() -> ObjectMeta {
    ObjectMeta { name: Some(ADMISSION_POLICY.to_owned()), ..ObjectMeta::default() }
}

/// Whether `object` or `oldObject` is there and carries one of our annotations.
fn annotated(object: &str) -> String {
    let annotations = format!("{object}.metadata.annotations");
    let carries = |annotation| format!("{} in {annotations}", literal(annotation));
    format!(
        "({object} != null && has({annotations})\n    && ({}\n      || {}))",
        carries(REQUEST_ANNOTATION),
        carries(FENCE_ANNOTATION)
    )
}

/// An update that leaves everything as it was: how a cluster's stored Secrets are encrypted anew or moved to another storage version
/// (<https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#ensure-all-secrets-are-encrypted>).
fn rewritten() -> String {
    let fields = [
        "data",
        "type",
        "immutable",
        "metadata.annotations",
        "metadata.labels",
        "metadata.ownerReferences",
        "metadata.finalizers",
    ];
    let same: Vec<String> = fields.iter().map(|field| same(field)).collect();
    format!("request.operation == \"UPDATE\"\n&& {}", same.join("\n&& "))
}

/// Whether a field that may be absent is the same before and after.
fn same(field: &str) -> String {
    let (before, after) = (format!("oldObject.{field}"), format!("object.{field}"));
    format!("(has({before}) ? has({after}) && {before} == {after} : !has({after}))")
}

/// A CEL string literal. JSON's escapes are also CEL's
/// (<https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values>).
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
