//! What never changes about a run, remembered so that a call needs one load instead of two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_kernel::RunId;
use countersign_waitstate::RunFacts;

use super::Services;
use crate::error::ServiceError;

/// How many runs are remembered before all are forgotten and learned anew.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub(super) struct KnownRuns {
    facts: Mutex<HashMap<RunId, Arc<RunFacts>>>,
}

impl KnownRuns {
    fn find(&self, run: &RunId) -> Option<Arc<RunFacts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned()
    }

    fn keep(&self, facts: &Arc<RunFacts>) {
        let mut known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(facts.id.clone(), Arc::clone(facts));
    }
}

impl Services {
    /// The facts of a run; `None` when it was never registered.
    pub(crate) async fn facts_of(&self, run: &RunId) -> Result<Option<Arc<RunFacts>>, ServiceError> {
        if let Some(facts) = self.runs.find(run) {
            return Ok(Some(facts));
        }
        let Some(stored) = self.ports.ledger.load_run(run).await?.run else { return Ok(None) };
        let facts = Arc::new(stored.facts);
        self.runs.keep(&facts);
        Ok(Some(facts))
    }
}
