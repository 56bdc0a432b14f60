//! Compiled policy texts by digest. The text that counts is in the database; a replica that has not compiled it yet does so before it
//! decides.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_kernel::Digest;
use countersign_mcp_tools::ToolDescriptor;
use countersign_policy::{ActionTraits, CompiledPolicy, ToolCatalog};

use super::Services;
use crate::error::ServiceError;
use crate::port::PolicyStamp;

/// How many compiled texts are kept: the active one, and the few before it that requests in flight may still name.
const KEPT: usize = 8;

pub(super) struct Policies {
    catalog: ToolCatalog,
    compiled: Mutex<Vec<Arc<CompiledPolicy>>>,
}

impl Policies {
    pub(super) fn new(catalog: ToolCatalog) -> Self {
        Self { catalog, compiled: Mutex::new(Vec::new()) }
    }

    fn find(&self, digest: Digest) -> Option<Arc<CompiledPolicy>> {
        let compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.iter().find(|policy| policy.digest() == digest).cloned()
    }

    fn keep(&self, policy: &Arc<CompiledPolicy>) {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.retain(|other| other.digest() != policy.digest());
        compiled.insert(0, Arc::clone(policy));
        compiled.truncate(KEPT);
    }
}

/// What policy texts may name, from what tools say of themselves.
pub fn catalog_of<'d>(descriptors: impl IntoIterator<Item = &'d ToolDescriptor>) -> ToolCatalog {
    let mut catalog = ToolCatalog::new();
    for descriptor in descriptors {
        let actions = descriptor.actions.iter().map(|action| {
            let traits = ActionTraits {
                writes: action.writes,
                default: action.default_approval,
                question: action.question,
            };
            (action.name.clone(), traits)
        });
        catalog.add_tool(descriptor.name.clone(), descriptor.aliases.clone(), actions);
    }
    catalog
}

impl Services {
    /// What a policy text may name on this server.
    pub fn catalog(&self) -> &ToolCatalog {
        &self.policies.catalog
    }

    /// The compiled text that a snapshot names.
    pub(crate) async fn policy_of(
        &self,
        stamp: Option<PolicyStamp>,
    ) -> Result<Arc<CompiledPolicy>, ServiceError> {
        let digest = stamp.ok_or(ServiceError::NoPolicy)?.digest;
        if let Some(policy) = self.policies.find(digest) {
            return Ok(policy);
        }
        let stored = self.ports.ledger.load_policy(Some(digest)).await?.ok_or(ServiceError::NoPolicy)?;
        let unusable = |errors: String| ServiceError::PolicyUnusable { digest: digest.to_string(), errors };
        let compiled = CompiledPolicy::compile(&stored.text, &self.policies.catalog)
            .map_err(|errors| unusable(errors.to_string()))?;
        let policy = Arc::new(compiled.policy);
        self.policies.keep(&policy);
        Ok(policy)
    }
}
