//! What a test tool is told to do.

use std::collections::{BTreeMap, VecDeque};

use countersign_mcp_tools::{Inspection, Observation, PlanRefusal, ProbeOutcome, StepOutcome, Survey};
use serde_json::json;

/// The script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) world: Observation,
    pub(super) refusal: Option<PlanRefusal>,
    pub(super) outcomes: BTreeMap<u32, VecDeque<Scripted>>,
    pub(super) probes: BTreeMap<u32, VecDeque<ProbeOutcome>>,
    pub(super) undos: VecDeque<Scripted>,
    pub(super) undo_probes: VecDeque<ProbeOutcome>,
    pub(super) unreadable: Option<String>,
    pub(super) inspections: BTreeMap<u32, Inspection>,
    pub(super) survey: Survey,
    pub(super) performed: Vec<u32>,
    pub(super) probed: Vec<u32>,
    pub(super) undone: Vec<u32>,
}

/// One ending.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) outcome: StepOutcome,
    pub(super) has_effect: bool,
}

impl Script {
    pub(super) fn new() -> Self {
        Self {
            world: Observation::Seen(json!({"state": "as it was"})),
            refusal: None,
            outcomes: BTreeMap::new(),
            probes: BTreeMap::new(),
            undos: VecDeque::new(),
            undo_probes: VecDeque::new(),
            unreadable: None,
            inspections: BTreeMap::new(),
            survey: Survey::default(),
            performed: Vec::new(),
            probed: Vec::new(),
            undone: Vec::new(),
        }
    }
}

impl Scripted {
    /// `Done` has an effect, whatever else has none.
    pub(super) fn honest(outcome: StepOutcome) -> Self {
        let has_effect = matches!(outcome, StepOutcome::Done { .. });
        Self { outcome, has_effect }
    }
}
