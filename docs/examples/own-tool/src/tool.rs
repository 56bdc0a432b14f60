//! The tool as the registry holds it.

use async_trait::async_trait;
use countersign_kernel::{ActionName, Language, ParseNameError, ToolName, Violations};
use countersign_mcp_tools::{
    ActionDescriptor, Call, Caller, ControlTool, Fact, Observation, Plan, PlanRefusal, ProbeOutcome,
    StepOutcome, StepWork, ToolDescriptor, UnseenReason,
};
use serde_json::Value;

use crate::api::DnsApi;
use crate::input::{self, SCHEMA_VERSION, Wanted, Zones};
use crate::{plan, steps};

/// `dns.record`: sets and deletes DNS records.
pub struct DnsRecords {
    descriptor: ToolDescriptor,
    actions: [(&'static str, ActionName); 2],
    zones: Zones,
    api: DnsApi,
}

impl DnsRecords {
    /// The tool over its service, for these zones.
    ///
    /// # Errors
    /// Never, in practice: the names are literals.
    pub fn new(api: DnsApi, zones: Zones) -> Result<Self, ParseNameError> {
        let actions = [("upsert", ActionName::parse("upsert")?), ("delete", ActionName::parse("delete")?)];
        let described = |(_, name): &(_, ActionName)| ActionDescriptor {
            name: name.clone(),
            writes: true,
            // Policy's own default, which a tool that writes should leave alone.
            default_approval: None,
            question: false,
        };
        let descriptor = ToolDescriptor {
            name: ToolName::parse("dns.record")?,
            aliases: Vec::new(),
            summary: "Sets or deletes a DNS record in the zone of an environment.".to_owned(),
            schema_version: SCHEMA_VERSION,
            input_schema: input::schema(),
            actions: actions.iter().map(described).collect(),
        };
        Ok(Self { descriptor, actions, zones, api })
    }
}

#[async_trait]
impl ControlTool for DnsRecords {
    fn descriptor(&self) -> &ToolDescriptor {
        &self.descriptor
    }

    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations> {
        input::parse(&self.descriptor.name, &self.actions, &self.zones, arguments, caller)
    }

    async fn observe(&self, _caller: &Caller, call: &Call) -> Observation {
        match Wanted::of(call) {
            Some(wanted) => plan::observed(self.api.find(&wanted.place()).await),
            None => Observation::could_not_look(
                UnseenReason::Unreadable,
                "the call can't be read by this version",
            ),
        }
    }

    fn plan(&self, _caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        match Wanted::of(call) {
            Some(wanted) => plan::plan(&wanted, observed),
            None => Err(PlanRefusal {
                code: "call_unreadable",
                message: "the call can't be read by this version".to_owned(),
            }),
        }
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        steps::perform(&self.api, work).await
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        steps::probe(&self.api, work).await
    }

    // This team speaks English.
    fn word(&self, fact: &Fact, _language: Language) -> String {
        plan::word(fact)
    }
}
