//! Where the key is: the rules of its names, for `parse` and for the input schemas alike.

use std::fmt;

use countersign_kernel::{Environment, Namespace};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::call::Caller;
use crate::ports::TargetErrorKind;
use crate::tool::PlanRefusal;
use crate::tools::namespaces::NamespaceRules;
use crate::tools::schema;

/// The field of the namespace, in every tool that has one.
pub(crate) const NAMESPACE_FIELD: &str = "kubernetes_namespace";

const NAME_RULE: &str = "must be an RFC 1123 subdomain: at most 253 of `a-z 0-9 - .`, each part beginning and ending with a letter or digit";

/// One key of one Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPlace {
    pub(crate) namespace: Namespace,
    /// The Secret.
    pub(crate) name: String,
    pub(crate) key: String,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.namespace, self.name, self.key)
    }
}

impl KeyPlace {
    /// Holds the place against the rules as they are now: they may have become stricter since the call was parsed.
    pub(crate) fn check(
        &self,
        rules: &NamespaceRules,
        caller: &Caller,
        environment: &Environment,
    ) -> Result<(), PlanRefusal> {
        rules.check(&caller.project, environment, &self.namespace).map_err(|rule| PlanRefusal {
            code: TargetErrorKind::Forbidden.code(),
            message: format!("kubernetes namespace `{}` {rule}", self.namespace),
        })
    }
}

/// The name of a Secret in this field.
pub(crate) fn read_secret_name<'v>(read: &mut Arguments<'v>, field: &'static str) -> Option<&'v str> {
    read.patterned(field, NAME_RULE, secret_name)
}

/// An RFC 1123 subdomain.
fn secret_name(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |label: &str| {
        label.bytes().next().is_some_and(alphanumeric)
            && label.bytes().last().is_some_and(alphanumeric)
            && label.bytes().all(|b| alphanumeric(b) || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// The namespace that is named, or the run's own, if the rules allow it.
pub(crate) fn read_namespace(
    read: &mut Arguments<'_>,
    rules: &NamespaceRules,
    caller: &Caller,
    environment: Option<&Environment>,
) -> Option<Namespace> {
    const FIELD: &str = NAMESPACE_FIELD;
    let namespace = if read.has(FIELD) { Some(read.name(FIELD)?) } else { caller.namespace.clone() };
    let Some(namespace) = namespace else {
        read.violate(FIELD, "is required, since this run has no namespace of its own");
        return None;
    };
    // Without an environment nothing can be said about the namespace; the missing environment is a violation of its own.
    if let Err(rule) = rules.check(&caller.project, environment?, &namespace) {
        read.violate_with_value(FIELD, rule, namespace.as_str());
        return None;
    }
    Some(namespace)
}

/// The schema of a Secret's name.
pub(crate) fn name_schema(description: &str) -> Value {
    let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    let mut name = schema::patterned(description, &format!("^{label}(\\.{label})*$"));
    name["maxLength"] = json!(253);
    name
}

/// The schema of the namespace.
pub(crate) fn namespace_schema() -> Value {
    schema::patterned(
        "The Kubernetes namespace (RFC 1123 label); the run's own if absent. Operators bound which ones are allowed.",
        "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
    )
}
