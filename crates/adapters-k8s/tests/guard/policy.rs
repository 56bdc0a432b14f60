//! A ValidatingAdmissionPolicy, evaluated as an API server does it: from the manifest, with an implementation of CEL.
//!
//! Source of the order and of what errors mean:
//! <https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/>.

use cel::{Context, Program, Value};
use serde_json::{Map, Value as Json, json};

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A match condition is false: the policy has nothing to say.
    Skipped,
    /// All validations hold.
    Allowed,
    /// The first validation that doesn't, counted from 0.
    Refused(usize),
    /// An expression failed, which `failurePolicy: Fail` refuses.
    Failed(String),
}

/// Evaluates a policy over one admission request, with the names that expressions may use: `object`, `oldObject`, `request`.
pub(crate) fn evaluate(policy: &Json, review: &Json) -> Verdict {
    let mut known = Map::new();
    for name in ["object", "oldObject", "request"] {
        known.insert(name.to_owned(), review[name].clone());
    }
    match judge(&policy["spec"], &mut known) {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Failed(error),
    }
}

fn judge(spec: &Json, known: &mut Map<String, Json>) -> Result<Verdict, String> {
    for condition in list(spec, "matchConditions") {
        if !holds(condition, known)? {
            return Ok(Verdict::Skipped);
        }
    }
    known.insert("variables".to_owned(), json!({}));
    for variable in list(spec, "variables") {
        let value = holds(variable, known)?;
        let name = variable["name"].as_str().ok_or("a variable without a name")?;
        known["variables"][name] = json!(value);
    }
    for (number, validation) in list(spec, "validations").enumerate() {
        if !holds(validation, known)? {
            return Ok(Verdict::Refused(number));
        }
    }
    Ok(Verdict::Allowed)
}

fn list<'a>(spec: &'a Json, member: &str) -> impl Iterator<Item = &'a Json> {
    spec[member].as_array().into_iter().flatten()
}

fn holds(part: &Json, known: &Map<String, Json>) -> Result<bool, String> {
    let expression = part["expression"].as_str().ok_or("a part without an expression")?;
    let program = Program::compile(expression).map_err(|error| format!("`{expression}`: {error}"))?;
    let mut context = Context::default();
    for (name, value) in known {
        context.add_variable(name.as_str(), value).map_err(|error| format!("`{name}`: {error}"))?;
    }
    match program.execute(&context) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(other) => Err(format!("`{expression}` is {other:?}")),
        Err(error) => Err(format!("`{expression}`: {error}")),
    }
}

#[test]
fn the_evaluator_tells_its_four_verdicts_apart() {
    let policy = |condition: &str, variable: &str, validation: &str| {
        json!({"spec": {
            "matchConditions": [{"name": "c", "expression": condition}],
            "variables": [{"name": "v", "expression": variable}],
            "validations": [{"expression": "true"}, {"expression": validation}],
        }})
    };
    let review =
        json!({"object": {"a": {"x/y": "1"}}, "oldObject": null, "request": {"operation": "CREATE"}});
    let verdict = |policy: Json| evaluate(&policy, &review);
    let there = r#"object != null && "x/y" in object.a"#;
    assert_eq!(verdict(policy("oldObject != null", "true", "false")), Verdict::Skipped);
    assert_eq!(verdict(policy(there, r#"request.operation == "CREATE""#, "variables.v")), Verdict::Allowed);
    assert_eq!(verdict(policy(there, "has(object.b)", "variables.v")), Verdict::Refused(1));
    assert!(matches!(verdict(policy(there, "object.b", "true")), Verdict::Failed(_)));
    assert!(matches!(verdict(policy("oldObject.a == 1", "true", "true")), Verdict::Failed(_)));
    assert!(matches!(verdict(policy("1 +", "true", "true")), Verdict::Failed(_)));
    assert!(matches!(verdict(policy(r#""a""#, "true", "true")), Verdict::Failed(_)));
}
