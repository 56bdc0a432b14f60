//! The generated manifests: whether they are what Kubernetes reads, and what the admission policy lets through.

mod admission;
mod policy;
mod strict;

use countersign_adapters_k8s::guard::{AdmissionGuard, NamespaceScope, Rights};
use countersign_kernel::Namespace;

pub(crate) fn guard() -> AdmissionGuard {
    AdmissionGuard {
        service_account: "countersign/countersign".parse().expect("an account"),
        namespaces: Vec::new(),
        field_manager: "countersign".to_owned(),
        cleaners: Vec::new(),
    }
}

pub(crate) fn rights(scope: NamespaceScope) -> Rights {
    Rights { service_account: "countersign/countersign".parse().expect("an account"), scope }
}

pub(crate) fn namespaces(names: &[&str]) -> Vec<Namespace> {
    names.iter().map(|name| Namespace::parse(name).expect("a namespace")).collect()
}
