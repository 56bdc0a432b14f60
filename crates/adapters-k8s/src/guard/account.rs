//! The service account that Countersign runs as.

use std::fmt;
use std::str::FromStr;

use countersign_kernel::Namespace;

/// A service account, written `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccountName {
    namespace: Namespace,
    name: String,
}

/// The text names no service account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a service account: expected `namespace/name`, in lower-case letters, digits, `-` and `.`"
)]
pub struct ParseAccountError(String);

impl ServiceAccountName {
    /// The namespace it lives in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its name there.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What an API server calls it, in `userInfo` and in audit logs
    /// (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens>).
    pub fn username(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

impl FromStr for ServiceAccountName {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseAccountError(text.chars().take(64).collect());
        let (namespace, name) = text.split_once('/').ok_or_else(refused)?;
        let namespace = Namespace::parse(namespace).map_err(|_| refused())?;
        if !is_subdomain(name) {
            return Err(refused());
        }
        Ok(Self { namespace, name: name.to_owned() })
    }
}

impl fmt::Display for ServiceAccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A DNS subdomain as RFC 1123 has it: what Kubernetes takes as the name of a service account.
fn is_subdomain(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_namespace_and_a_name() {
        let account: ServiceAccountName = "countersign/server.v2".parse().unwrap();
        assert_eq!(account.username(), "system:serviceaccount:countersign:server.v2");
        assert_eq!(account.to_string(), "countersign/server.v2");
        for bad in ["", "countersign", "/x", "a/", "a/b/c", "A/b", "a/B", "a/-b", "a/b..c", "a/b\" || true"] {
            let error = bad.parse::<ServiceAccountName>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{bad}` is not a service account")), "{error}");
        }
    }
}
