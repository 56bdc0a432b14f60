//! Manifests that keep others away from what Countersign manages, and Countersign away from what it doesn't.
//!
//! They are generated, so that the policy's expressions and the adapter's annotations can't drift apart. Nothing is sent to a cluster
//! from here: whoever runs the cluster reads the manifests and applies them.

mod account;
mod admission;
mod manifests;
mod rights;

pub use account::{ParseAccountError, ServiceAccountName};
pub use admission::{ADMISSION_POLICY, AdmissionGuard};
pub use manifests::{Manifests, PrintError};
pub use rights::{NamespaceScope, Rights};
