//! A control tool of the platform team's own: it switches feature flags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use async_trait::async_trait;
use countersign_kernel::{Environment, Language, RedactedText, Violations};
use countersign_mcp_tools::{
    ActionDescriptor, Call, Caller, ControlTool, Fact, Observation, Plan, PlanRefusal, ProbeOutcome,
    Reversibility, Step, StepOutcome, StepWork, ToolDescriptor,
};
use serde_json::{Value, json};

/// The target: flags that are on. Yours would be a service.
#[derive(Clone, Default)]
pub struct Flags(Arc<Mutex<BTreeSet<String>>>);

impl Flags {
    /// Whether a flag is on.
    pub fn is_on(&self, flag: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(flag)
    }

    fn switch(&self, flag: &str, on: bool) {
        let mut flags = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if on {
            flags.insert(flag.to_owned())
        } else {
            flags.remove(flag)
        };
    }
}

/// Switches one feature flag of an environment.
pub struct FlagTool {
    descriptor: ToolDescriptor,
    flags: Flags,
}

impl FlagTool {
    /// The tool over its target.
    pub fn new(flags: Flags) -> Result<Self> {
        let switch = ActionDescriptor {
            name: "switch".parse()?,
            writes: true,
            default_approval: None,
            question: false,
        };
        let descriptor = ToolDescriptor {
            name: "feature.flag".parse()?,
            aliases: Vec::new(),
            summary: "Switches a feature flag on or off in an environment.".to_owned(),
            schema_version: 1,
            input_schema: json!({
                "type": "object", "additionalProperties": false,
                "required": ["environment", "flag", "on", "justification"],
                "properties": {
                    "environment": {"type": "string"}, "flag": {"type": "string", "pattern": "^[a-z-]{1,64}$"},
                    "on": {"type": "boolean"}, "justification": {"type": "string", "minLength": 10},
                },
            }),
            actions: vec![switch],
        };
        Ok(Self { descriptor, flags })
    }

    fn wanted<'c>(&self, call: &'c Call) -> (&'c str, bool) {
        // What `parse` wrote: both members are there.
        (call.input["flag"].as_str().unwrap_or_default(), call.input["on"].as_bool().unwrap_or_default())
    }
}

#[async_trait]
impl ControlTool for FlagTool {
    fn descriptor(&self) -> &ToolDescriptor {
        &self.descriptor
    }

    fn parse(&self, arguments: &Value, _caller: &Caller) -> Result<Call, Violations> {
        // Everything that is wrong is collected, so that an agent hears of all of it at once.
        let mut violations = Violations::new();
        let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let environment = Environment::parse(&text("environment"));
        if let Err(error) = &environment {
            violations.add_with_value("environment", error.expected(), &text("environment"));
        }
        let flag = text("flag");
        let patterned =
            (1..=64).contains(&flag.len()) && flag.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if !patterned {
            violations.add_with_value("flag", "must be 1 to 64 of `a-z -`", &flag);
        }
        let on = arguments["on"].as_bool();
        if on.is_none() {
            violations.add("on", "must be true or false");
        }
        let justification = RedactedText::parse(&text("justification"), 10, 500);
        if let Err(error) = &justification {
            violations.add("justification", error.to_string());
        }
        match (environment, justification, on, violations.is_empty()) {
            (Ok(environment), Ok(justification), Some(on), true) => Ok(Call {
                tool: self.descriptor.name.clone(),
                schema_version: self.descriptor.schema_version,
                action: self.descriptor.actions[0].name.clone(),
                environment: Some(environment),
                input: json!({"flag": flag, "on": on}),
                prose: BTreeMap::from([("justification".to_owned(), justification)]),
                links: Vec::new(),
                question: None,
                idempotency_key: None,
                dry_run: false,
            }),
            _ => Err(violations),
        }
    }

    async fn observe(&self, _caller: &Caller, call: &Call) -> Observation {
        Observation::Seen(json!({"on": self.flags.is_on(self.wanted(call).0)}))
    }

    fn plan(&self, _caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        let (flag, on) = self.wanted(call);
        let before = match observed {
            Observation::Seen(seen) => seen["on"].clone(),
            Observation::CouldNotLook { .. } => Value::Null,
        };
        Ok(Plan {
            schema_version: 1,
            facts: vec![Fact::new("flag_switches", json!({"flag": flag, "before": before, "after": on}))],
            steps: vec![Step {
                number: 1,
                kind: "flag.switch".to_owned(),
                target: format!("flag:{flag}"),
                reversibility: Reversibility::ReadBack,
                params: json!({"before": before}),
            }],
            secret: None,
            ownership: None,
        })
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        let (flag, on) = self.wanted(work.call);
        self.flags.switch(flag, on);
        StepOutcome::Done { receipt: json!({"flag": flag, "on": on}) }
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        let (flag, on) = self.wanted(work.call);
        if self.flags.is_on(flag) == on {
            ProbeOutcome::Done { receipt: json!({"flag": flag, "on": on}) }
        } else {
            ProbeOutcome::NotDone
        }
    }

    fn word(&self, fact: &Fact, _language: Language) -> String {
        format!(
            "The flag {} goes from {} to {}.",
            fact.params["flag"], fact.params["before"], fact.params["after"]
        )
    }
}
