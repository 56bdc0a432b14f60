//! What is different between a plan that was approved and the plan as it would be now: what a person who is asked again has to see.
//!
//! Facts are compared as sets. What changed beside them (a version that a step relies on, a step, the terms) is named and not told: what
//! a precondition holds is between a plan and its target.

use std::collections::BTreeMap;

use countersign_kernel::{Language, Terms};
use serde_json::{Value, json};

use crate::call::DecodeError;
use crate::plan::{Fact, Plan, Step, fact_from, fact_json};

/// The part of a [`ChangedPart`] whose step is new.
const ADDED: &str = "added";
/// The part of a [`ChangedPart`] whose step is gone.
const REMOVED: &str = "removed";
/// The part of a [`ChangedPart`] that stands for the terms of approval.
const TERMS: &str = "terms";

/// What is different in a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanChanges {
    /// What was stated and isn't so any more.
    pub gone: Vec<Fact>,
    /// What is stated now and wasn't.
    pub new: Vec<Fact>,
    /// What else is not as it was.
    pub parts: Vec<ChangedPart>,
}

/// A part of a plan, beside its facts, that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPart {
    /// The target of the step it belongs to; `None` for the plan as a whole.
    pub target: Option<String>,
    /// Which part: a parameter or precondition of the step such as `resource_version`, `added` or `removed` for a whole step, `terms`
    /// for the terms of approval, or another part of the plan.
    pub part: String,
}

impl ChangedPart {
    fn of_step(step: &Step, part: &str) -> Self {
        Self { target: Some(step.target.clone()), part: part.to_owned() }
    }

    fn of_plan(part: &str) -> Self {
        Self { target: None, part: part.to_owned() }
    }

    /// The same as a sentence.
    pub fn word(&self, language: Language) -> String {
        use Language::{English, Russian};
        let part = &self.part;
        match (&self.target, part.as_str(), language) {
            (Some(target), ADDED, English) => format!("A step on `{target}` is new."),
            (Some(target), ADDED, Russian) => format!("Добавился шаг с `{target}`."),
            (Some(target), REMOVED, English) => format!("A step on `{target}` is gone."),
            (Some(target), REMOVED, Russian) => format!("Шага с `{target}` больше нет."),
            (Some(target), _, English) => {
                format!("The `{part}` of the step on `{target}` is not what it was.")
            }
            (Some(target), _, Russian) => format!("У шага с `{target}` изменилось `{part}`."),
            (None, TERMS, English) => "Policy asks for other terms of approval.".to_owned(),
            (None, TERMS, Russian) => "Правила теперь требуют других условий согласования.".to_owned(),
            (None, _, English) => format!("The `{part}` of the plan is not what it was."),
            (None, _, Russian) => format!("В плане изменилось `{part}`."),
        }
    }
}

impl PlanChanges {
    /// What is different now. Nothing only where plan and terms are the same.
    pub fn between(before: (&Plan, &Terms), now: (&Plan, &Terms)) -> Self {
        let ((old, old_terms), (new, new_terms)) = (before, now);
        let mut changes = Self {
            gone: missing(&old.facts, &new.facts),
            new: missing(&new.facts, &old.facts),
            parts: changed_steps(&old.steps, &new.steps),
        };
        let mut compare = |part: &str, same: bool| {
            if !same {
                changes.parts.push(ChangedPart::of_plan(part));
            }
        };
        compare("schema_version", old.schema_version == new.schema_version);
        compare("secret", old.secret == new.secret);
        compare("ownership", old.ownership == new.ownership);
        compare(TERMS, old_terms == new_terms);
        // The order of facts or steps is part of the digest, too.
        if changes == Self::default() && old != new {
            changes.parts.push(ChangedPart::of_plan("order"));
        }
        changes
    }

    /// The changes as they are kept with the event.
    pub fn to_json(&self) -> Value {
        let facts = |facts: &[Fact]| facts.iter().map(fact_json).collect::<Vec<_>>();
        let part = |changed: &ChangedPart| json!({"target": changed.target, "part": changed.part});
        json!({
            "gone": facts(&self.gone), "new": facts(&self.new),
            "parts": self.parts.iter().map(part).collect::<Vec<_>>(),
        })
    }

    /// Reads kept changes back.
    ///
    /// # Errors
    /// A member is missing or has the wrong form.
    pub fn from_json(stored: &Value) -> Result<Self, DecodeError> {
        let bad = |field: &str| DecodeError::new("plan changes", field);
        let facts = |field: &str| {
            let facts = stored[field].as_array().ok_or_else(|| bad(field))?;
            facts.iter().map(fact_from).collect::<Option<Vec<_>>>().ok_or_else(|| bad(field))
        };
        let parts = stored["parts"].as_array().ok_or_else(|| bad("parts"))?;
        Ok(Self {
            gone: facts("gone")?,
            new: facts("new")?,
            parts: parts.iter().map(part_from).collect::<Option<_>>().ok_or_else(|| bad("parts"))?,
        })
    }
}

fn part_from(stored: &Value) -> Option<ChangedPart> {
    let target = match &stored["target"] {
        Value::Null => None,
        target => Some(target.as_str()?.to_owned()),
    };
    Some(ChangedPart { target, part: stored["part"].as_str()?.to_owned() })
}

/// Those of `facts` that `others` doesn't have.
fn missing(facts: &[Fact], others: &[Fact]) -> Vec<Fact> {
    facts.iter().filter(|fact| !others.contains(fact)).cloned().collect()
}

/// Steps are the same step by their number.
fn changed_steps(old: &[Step], new: &[Step]) -> Vec<ChangedPart> {
    let mut both: BTreeMap<u32, (Option<&Step>, Option<&Step>)> = BTreeMap::new();
    for step in old {
        both.entry(step.number).or_default().0 = Some(step);
    }
    for step in new {
        both.entry(step.number).or_default().1 = Some(step);
    }
    let changed = |pair| match pair {
        (Some(old), Some(new)) => changed_step(old, new),
        (Some(old), None) => vec![ChangedPart::of_step(old, REMOVED)],
        (None, Some(new)) => vec![ChangedPart::of_step(new, ADDED)],
        (None, None) => Vec::new(),
    };
    both.into_values().flat_map(changed).collect()
}

fn changed_step(old: &Step, new: &Step) -> Vec<ChangedPart> {
    if (&old.kind, &old.target) != (&new.kind, &new.target) {
        return vec![ChangedPart::of_step(old, REMOVED), ChangedPart::of_step(new, ADDED)];
    }
    let mut parts = changed_params(&old.params, &new.params);
    if old.reversibility != new.reversibility {
        parts.push("reversibility".to_owned());
    }
    parts.iter().map(|part| ChangedPart::of_step(new, part)).collect()
}

/// The names of the parameters that differ.
fn changed_params(old: &Value, new: &Value) -> Vec<String> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return if old == new { Vec::new() } else { vec!["params".to_owned()] };
    };
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let changed = new.iter().filter(|(name, value)| old.get(*name) != Some(value)).map(|(name, _)| name);
    let mut names: Vec<_> = gone.chain(changed).cloned().collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use countersign_kernel::{ApprovalMode, Millis, OnRunEnd, SoleOwner};

    use super::*;
    use crate::plan::{Reversibility, SecretSpec};

    fn terms(quorum: u32) -> Terms {
        Terms {
            mode: ApprovalMode::Owner,
            deciders: Vec::new(),
            quorum,
            decide_within: Millis(1),
            execute_within: Millis(1),
            sole_owner: SoleOwner::Deny,
            on_run_end: OnRunEnd::Cancel,
        }
    }

    fn fact(code: &str, version: u32) -> Fact {
        Fact::new(code, json!({"version": version}))
    }

    fn step(number: u32, target: &str, params: Value) -> Step {
        Step {
            number,
            kind: "test.put".to_owned(),
            target: target.to_owned(),
            reversibility: Reversibility::ReadBack,
            params,
        }
    }

    fn plan() -> Plan {
        Plan {
            schema_version: 1,
            facts: vec![fact("exists", 1), fact("stays", 1)],
            steps: vec![
                step(1, "a", json!({"resource_version": {"seen": "17"}, "name": "n"})),
                step(2, "b", json!({})),
            ],
            secret: Some(SecretSpec { length: 32 }),
            ownership: None,
        }
    }

    fn to(change: impl FnOnce(&mut Plan)) -> PlanChanges {
        let mut now = plan();
        change(&mut now);
        PlanChanges::between((&plan(), &terms(1)), (&now, &terms(1)))
    }

    fn worded(changes: &PlanChanges) -> Vec<String> {
        assert!(changes.gone.is_empty() && changes.new.is_empty(), "{changes:?}");
        changes.parts.iter().map(|part| part.word(Language::English)).collect()
    }

    #[test]
    fn facts_are_compared_as_sets() {
        let changes = to(|now| now.facts = vec![fact("stays", 1), fact("exists", 2), fact("more", 1)]);
        assert_eq!(changes.gone, [fact("exists", 1)]);
        assert_eq!(changes.new, [fact("exists", 2), fact("more", 1)]);
        assert_eq!(changes.parts, []);
    }

    #[test]
    fn a_precondition_that_moved_is_named_and_its_value_is_not_told() {
        let changes = to(|now| now.steps[0].params["resource_version"] = json!({"seen": "18"}));
        assert_eq!(worded(&changes), ["The `resource_version` of the step on `a` is not what it was."]);
        assert!(!changes.to_json().to_string().contains("18"));
        let changes = to(|now| now.steps[0].params = json!({"name": "n", "more": 1}));
        assert_eq!(
            changes.parts.iter().map(|changed| &*changed.part).collect::<Vec<_>>(),
            ["more", "resource_version"]
        );
    }

    #[test]
    fn whole_steps_and_other_parts_are_named() {
        let changes = to(|now| now.steps.truncate(1));
        assert_eq!(worded(&changes), ["A step on `b` is gone."]);
        let changes = to(|now| now.steps[1].target = "c".to_owned());
        assert_eq!(worded(&changes), ["A step on `b` is gone.", "A step on `c` is new."]);
        let changes = to(|now| now.secret = None);
        assert_eq!(worded(&changes), ["The `secret` of the plan is not what it was."]);
        let changes = PlanChanges::between((&plan(), &terms(1)), (&plan(), &terms(2)));
        assert_eq!(worded(&changes), ["Policy asks for other terms of approval."]);
    }

    #[test]
    fn only_the_same_plan_has_no_changes() {
        assert_eq!(to(|_| {}), PlanChanges::default());
        assert_eq!(worded(&to(|now| now.facts.reverse())), ["The `order` of the plan is not what it was."]);
        for change in [
            (|now: &mut Plan| now.schema_version = 2) as fn(&mut Plan),
            |now| now.steps[1].params = json!([]),
            |now| now.steps[1].reversibility = Reversibility::WriteOnly,
            |now| now.steps.reverse(),
        ] {
            assert_eq!(to(change).parts.len(), 1);
        }
    }

    #[test]
    fn they_come_back_from_storage_as_they_were() {
        let changes = PlanChanges { parts: to(|now| now.steps.clear()).parts, ..to(|now| now.facts.clear()) };
        assert_eq!(PlanChanges::from_json(&changes.to_json()).unwrap(), changes);
        let error = PlanChanges::from_json(&json!({"gone": [], "new": [{}], "parts": []})).unwrap_err();
        assert_eq!(error.to_string(), "stored plan changes has no valid `new`");
    }
}
