//! The catalog of the three control tools, and short ways to make policies and cells.

use countersign_kernel::{ActionName, ApprovalMode, Environment, ToolName};
use countersign_policy::{ActionTraits, Answer, Cell, CompiledPolicy, DenyReason, PolicyNotice, ToolCatalog};

pub(crate) const SECRET: &str = "secret.sync.github_k8s";
pub(crate) const DATABASE: &str = "database.lifecycle";
pub(crate) const QUESTION: &str = "mcp_owner_feedback_request";
pub(crate) const QUESTION_ALIAS: &str = "owner.feedback.request";

pub(crate) fn tool(name: &str) -> ToolName {
    ToolName::parse(name).unwrap()
}

pub(crate) fn action(name: &str) -> ActionName {
    ActionName::parse(name).unwrap()
}

pub(crate) fn catalog() -> ToolCatalog {
    let writing = ActionTraits::writing();
    ToolCatalog::new()
        .with_tool(tool(SECRET), [], [(action("sync"), writing)])
        .with_tool(
            tool(DATABASE),
            [],
            [
                (action("create"), writing),
                (action("delete"), writing),
                (action("describe"), ActionTraits::reading(ApprovalMode::None)),
            ],
        )
        .with_tool(tool(QUESTION), [tool(QUESTION_ALIAS)], [(action("ask"), ActionTraits::question())])
}

/// Groups and projects for tests of rules. Lines 1 to 11, so that rules begin in line 12.
pub(crate) const GROUND: &str = r#"version: 1
groups:
  shop-owners: ["user:github:alice", "user:github:amir"]
  lab-owners:  ["user:github:lea"]
  sre:         ["user:github:bob", "user:github:carol"]
  dba:         ["user:github:carol", "user:github:dan"]
projects:
  shop: { owners: [shop-owners], repository: acme/shop, environments: [dev, staging, production] }
  lab:
    { owners: [lab-owners], repository: acme/lab, environments: [dev], sole_owner: allow, on_run_end: execute }
defaults: { approval: owner, decide_within: 1h, execute_within: 15m, quorum: 1 }
"#;

/// The ground with these rules below it.
pub(crate) fn text(rules: &str) -> String {
    format!("{GROUND}{rules}")
}

pub(crate) fn policy(rules: &str) -> CompiledPolicy {
    match CompiledPolicy::compile(&text(rules), &catalog()) {
        Ok(compiled) => compiled.policy,
        Err(errors) => panic!("{errors}"),
    }
}

pub(crate) fn places(notices: &[PolicyNotice]) -> Vec<String> {
    notices.iter().map(|notice| format!("{}:{} {}", notice.line, notice.column, notice.message)).collect()
}

/// The errors of a text as `line:column message`.
pub(crate) fn errors(text: &str) -> Vec<String> {
    match CompiledPolicy::compile(text, &catalog()) {
        Ok(_) => Vec::new(),
        Err(errors) => places(errors.notices()),
    }
}

/// The warnings of a text as `line:column message`.
pub(crate) fn warnings(text: &str) -> Vec<String> {
    match CompiledPolicy::compile(text, &catalog()) {
        Ok(compiled) => places(&compiled.warnings),
        Err(errors) => panic!("{errors}"),
    }
}

/// Takes the marks `¦` out of a text and puts their lines and columns before the messages.
pub(crate) fn expected(marked: &str, messages: &[&str]) -> (String, Vec<String>) {
    let mut places = Vec::new();
    let mut lines = Vec::new();
    for (index, line) in marked.lines().enumerate() {
        let mut plain = String::new();
        for c in line.chars() {
            if c == '¦' {
                places.push(format!("{}:{}", index + 1, plain.chars().count() + 1));
            } else {
                plain.push(c);
            }
        }
        lines.push(plain);
    }
    assert_eq!(places.len(), messages.len(), "one mark for each message: {marked}");
    let listed = places.iter().zip(messages).map(|(place, message)| format!("{place} {message}")).collect();
    (lines.join("\n"), listed)
}

/// A marked text has these errors and no others.
pub(crate) fn assert_errors(marked: &str, messages: &[&str]) {
    let (plain, listed) = expected(marked, messages);
    assert_eq!(errors(&plain), listed, "\n{plain}");
}

/// A cell from one line: project, agent key, run label, runtime mode, tool, action, environment or `-`.
pub(crate) fn cell(line: &str) -> Cell {
    let [project, agent_key, run_label, runtime_mode, tool, action, environment] =
        line.split_whitespace().collect::<Vec<_>>().try_into().unwrap();
    Cell {
        project: project.parse().unwrap(),
        agent_key: agent_key.parse().unwrap(),
        run_label: run_label.parse().unwrap(),
        runtime_mode: runtime_mode.parse().unwrap(),
        tool: tool.parse().unwrap(),
        action: action.parse().unwrap(),
        environment: (environment != "-").then(|| Environment::parse(environment).unwrap()),
    }
}

/// An answer in one line: `MODE DECIDERS QUORUM DECIDE_S EXECUTE_S from RULE`, or `deny CODE RULE`.
pub(crate) fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Allow { terms, rule } => {
            let deciders = terms.deciders.iter().map(|group| group.as_str()).collect::<Vec<_>>().join("+");
            let deciders = if deciders.is_empty() { "-" } else { &deciders };
            let (decide, execute) = (terms.decide_within.whole_secs(), terms.execute_within.whole_secs());
            let from = rule.id().map_or(rule.kind(), |id| id.as_str());
            format!("{} {deciders} {} {decide} {execute} from {from}", terms.mode, terms.quorum)
        }
        Answer::Deny { reason } => {
            format!("deny {} {}", reason.code(), DenyReason::rule(reason).map_or("-", |id| id.as_str()))
        }
    }
}
