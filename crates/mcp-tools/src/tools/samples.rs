//! What the tests of all tools share: a caller, and a table that `parse` and the input schema are held against together.

use countersign_kernel::{
    Environment, Language, Namespace, Principal, ProjectKey, Repository, RequestId, RunId, Timestamp,
};
use serde_json::Value;

use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan};
use crate::ports::{TargetError, TargetErrorKind};
use crate::secret::SecretValue;
use crate::tool::{ControlTool, StepWork};

/// All kinds of answers a target can give.
pub(super) const ALL_KINDS: [TargetErrorKind; 11] = [
    TargetErrorKind::Unreachable,
    TargetErrorKind::NoAnswer,
    TargetErrorKind::Unauthorized,
    TargetErrorKind::Forbidden,
    TargetErrorKind::NotFound,
    TargetErrorKind::Conflict,
    TargetErrorKind::Fenced,
    TargetErrorKind::QuotaExceeded,
    TargetErrorKind::Invalid,
    TargetErrorKind::RateLimited { retry_after: None },
    TargetErrorKind::Broken,
];

/// Whether an answer of this kind, while looking, is an answer at all.
pub(super) fn settles(kind: TargetErrorKind) -> bool {
    match kind {
        TargetErrorKind::Unauthorized
        | TargetErrorKind::Forbidden
        | TargetErrorKind::NotFound
        | TargetErrorKind::Conflict
        | TargetErrorKind::Fenced
        | TargetErrorKind::QuotaExceeded
        | TargetErrorKind::Invalid => true,
        TargetErrorKind::Unreachable
        | TargetErrorKind::NoAnswer
        | TargetErrorKind::RateLimited { .. }
        | TargetErrorKind::Broken => false,
    }
}

pub(super) fn caller() -> Caller {
    Caller {
        run: RunId::parse("run-1").unwrap(),
        project: ProjectKey::parse("shop").unwrap(),
        repository: Some(Repository::parse("acme/shop").unwrap()),
        namespace: Some(Namespace::parse("shop-dev").unwrap()),
        launched_by: Principal::parse("user:github:alice").unwrap(),
    }
}

pub(super) fn dev() -> Environment {
    Environment::parse("dev").unwrap()
}

/// A request, told apart by one byte.
pub(super) fn request(byte: u8) -> RequestId {
    RequestId::from_parts(at(1_700_000_000), [byte; 10])
}

/// A whole second.
pub(super) fn at(unix_secs: i64) -> Timestamp {
    Timestamp::from_unix_micros(unix_secs * 1_000_000)
}

pub(super) fn error(kind: TargetErrorKind, message: &str) -> TargetError {
    TargetError { kind, target: "the target".to_owned(), message: message.to_owned() }
}

pub(super) fn codes(plan: &Plan) -> Vec<&str> {
    plan.facts.iter().map(|fact| fact.code.as_str()).collect()
}

/// Every fact of the plan is worded, with all its parameters in place.
pub(super) fn assert_worded(tool: &dyn ControlTool, plan: &Plan) {
    for fact in &plan.facts {
        for language in Language::ALL {
            let words = tool.word(fact, language);
            assert_ne!(words, fact.to_string(), "no wording for {} in {language:?}", fact.code);
            assert!(words.ends_with('.') && !words.contains('{'), "{words}");
        }
    }
}

/// What isn't a fact of ours is printed as it is.
pub(super) fn assert_foreign_facts_are_printed(tool: &dyn ControlTool) {
    let foreign = Fact::new("something_else", serde_json::json!({"a": 1}));
    for language in Language::ALL {
        assert_eq!(tool.word(&foreign, language), "something_else a=1");
    }
}

pub(super) fn work<'a>(
    call: &'a Call,
    plan: &'a Plan,
    step_index: usize,
    secret: Option<&'a SecretValue>,
) -> StepWork<'a> {
    StepWork {
        request: request(1),
        fence: 7,
        call,
        plan,
        step: &plan.steps[step_index],
        secret,
        intended_at: at(1_700_000_100),
    }
}

/// Who has to notice that a sample is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noticed {
    /// Nobody: it is right.
    Never,
    /// Both `parse` and the schema.
    Always,
    /// `parse` only, since it depends on the run, on configuration or on more than one field's form.
    ByParse,
}

/// One sample: what is changed about good arguments, who notices, and which paths are reported, sorted.
pub(super) type Row = (Value, &'static [&'static str], Noticed, &'static [&'static str]);

/// Holds `parse` and the input schema against a table. Each row sets members of `base`, then removes some.
pub(super) fn check_table(tool: &dyn ControlTool, caller: &Caller, base: &Value, table: &[Row]) {
    let schema = &tool.descriptor().input_schema;
    jsonschema::meta::validate(schema).expect("the input schema is a valid schema");
    let validator = jsonschema::validator_for(schema).unwrap();
    for (set, remove, noticed, expected) in table {
        let mut given = base.clone();
        for (field, value) in set.as_object().unwrap() {
            given[field] = value.clone();
        }
        for field in *remove {
            assert!(given.as_object_mut().unwrap().remove(*field).is_some(), "{field} isn't there");
        }
        let result = tool.parse(&given, caller);
        let mut paths: Vec<String> = match &result {
            Ok(_) => Vec::new(),
            Err(violations) => violations.iter().map(|one| one.path.clone()).collect(),
        };
        paths.sort_unstable();
        assert_eq!(paths, *expected, "{set} without {remove:?}: {result:?}");
        assert_eq!(result.is_ok(), *noticed == Noticed::Never, "{set} without {remove:?}");
        assert_eq!(
            validator.is_valid(&given),
            *noticed != Noticed::Always,
            "schema: {set} without {remove:?}"
        );
    }
}

/// A step of the plan, done at second 1,700,000,200 with this receipt.
pub(super) fn done<'a>(
    call: &'a Call,
    plan: &'a Plan,
    step_index: usize,
    receipt: &'a Value,
) -> crate::watch::DoneStep<'a> {
    let step = &plan.steps[step_index];
    crate::watch::DoneStep { request: request(1), call, plan, step, receipt, done_at: at(1_700_000_200) }
}
