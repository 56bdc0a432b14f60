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
