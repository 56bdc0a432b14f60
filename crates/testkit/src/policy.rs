//! A small policy text for tests.

/// A policy for the project of the builders ([`crate::build::PROJECT`]) and the test tools ([`crate::TestTool`]).
///
/// - `user:github:alice` and `user:github:bob` own the project; `user:github:carol` and `user:github:erin` are `sre`.
/// - Writing needs one owner; reading nobody; in `production` writing needs two owners; for runs labelled `run:ops` of the agent `sre`,
///   `staging` is delegated to `sre`; agents that only see code may not write.
pub const TEXT: &str = r#"version: 1
groups:
  shop-owners: ["user:github:alice", "user:github:bob"]
  sre: ["user:github:carol", "user:github:erin"]
projects:
  shop: { owners: [shop-owners], repository: acme/shop, environments: [dev, staging, production], sole_owner: deny, on_run_end: cancel }
defaults: { approval: owner, decide_within: 1h, execute_within: 15m, quorum: 1 }
grants:
  - id: sre-writes-staging
    match: { tool: test.write, agent_key: sre, run_label: "run:ops", environment: staging }
    approval: delegated
    delegates: [sre]
guards:
  - id: production-needs-two
    match: { tool: test.write, environment: production }
    approval: owner
    quorum: 2
  - id: no-code-only-writes
    match: { tool: test.write, runtime_mode: code-only }
    approval: deny
"#;

#[cfg(test)]
mod tests {
    use countersign_kernel::{ApprovalMode, ProjectKey, RuntimeMode};
    use countersign_mcp_tools::ControlTool;
    use countersign_policy::{Answer, Cell, CompiledPolicy};
    use countersign_usecases::services::catalog_of;

    use super::TEXT;
    use crate::TestTool;
    use crate::build::{PROJECT, action_name, environment, run_facts, tool_name};

    fn answer(
        tool: &str,
        action: &str,
        place: &str,
        runtime_mode: RuntimeMode,
    ) -> Option<(ApprovalMode, u32)> {
        let tools = [TestTool::writing(1), TestTool::reading()];
        let catalog = catalog_of(tools.iter().map(|tool| tool.descriptor()));
        let compiled = CompiledPolicy::compile(TEXT, &catalog).unwrap();
        assert!(compiled.warnings.is_empty(), "{:?}", compiled.warnings);
        let facts = run_facts("r");
        let cell = Cell {
            project: ProjectKey::parse(PROJECT).unwrap(),
            agent_key: facts.agent_key,
            run_label: facts.run_label,
            runtime_mode,
            tool: tool_name(tool),
            action: action_name(action),
            environment: Some(environment(place)),
        };
        match compiled.policy.evaluate(&cell) {
            Answer::Allow { terms, .. } => Some((terms.mode, terms.quorum)),
            Answer::Deny { .. } => None,
        }
    }

    #[test]
    fn says_what_its_description_says() {
        let full = RuntimeMode::FullEnv;
        assert_eq!(answer("test.write", "apply", "dev", full), Some((ApprovalMode::Owner, 1)));
        assert_eq!(answer("test.read", "look", "dev", full), Some((ApprovalMode::None, 1)));
        assert_eq!(answer("test.write", "apply", "production", full), Some((ApprovalMode::Owner, 2)));
        assert_eq!(answer("test.write", "apply", "staging", full), Some((ApprovalMode::Delegated, 1)));
        assert_eq!(answer("test.write", "apply", "dev", RuntimeMode::CodeOnly), None);
    }
}
