//! The control tools that come with Countersign.

pub mod database_lifecycle;
pub mod namespaces;
pub mod owner_feedback;
pub mod secret_sync;

mod answers;
mod facts;
mod kubernetes_key;
#[cfg(test)]
mod samples;
mod schema;
mod unseen;

pub use database_lifecycle::{CredentialsConfig, DatabaseLifecycle};
pub use namespaces::{NamePattern, NamespaceRule, NamespaceRules, ParsePatternError};
pub use owner_feedback::OwnerFeedback;
pub use secret_sync::{SecretSync, SecretSyncConfig};

use crate::tool::ToolDescriptor;

/// What the standard tools say of themselves, without any target: enough to check a policy text offline.
pub fn standard_descriptors() -> Vec<ToolDescriptor> {
    vec![database_lifecycle::descriptor(), owner_feedback::descriptor(), secret_sync::descriptor()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_has_every_tool_with_a_closed_schema() {
        let catalog = standard_descriptors();
        let names: Vec<_> = catalog.iter().map(|tool| tool.name.to_string()).collect();
        assert_eq!(names, ["database.lifecycle", "mcp_owner_feedback_request", "secret.sync.github_k8s"]);
        for tool in catalog {
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            let properties = tool.input_schema["properties"].as_object().unwrap();
            for (field, schema) in properties {
                assert!(schema["description"].is_string(), "{} {field}", tool.name);
                let no_secret_is_taken = !field.ends_with("value") && !field.contains("password");
                assert!(no_secret_is_taken, "{} {field}", tool.name);
            }
        }
    }
}
