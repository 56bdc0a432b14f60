//! What test tools did.

use std::sync::{Arc, Mutex, MutexGuard};

use countersign_kernel::{Digest, RequestId};
use countersign_mcp_tools::StepWork;

/// One write that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The request it was done for.
    pub request: RequestId,
    /// The step's number.
    pub step: u32,
    /// The target.
    pub target: String,
    /// The fence it was done under.
    pub fence: u64,
    /// The digest of the secret value that was written, if there was one: tests compare values by it.
    pub secret: Option<Digest>,
}

/// All effects, in order. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct EffectJournal {
    effects: Arc<Mutex<Vec<Effect>>>,
}

impl EffectJournal {
    /// All effects, in order.
    pub fn effects(&self) -> Vec<Effect> {
        self.lock().clone()
    }

    /// How many there were.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How often this step of this request had an effect.
    pub fn count_of(&self, request: RequestId, step: u32) -> usize {
        self.lock().iter().filter(|effect| effect.request == request && effect.step == step).count()
    }

    pub(super) fn record(&self, work: &StepWork<'_>) {
        self.lock().push(Effect {
            request: work.request,
            step: work.step.number,
            target: work.step.target.clone(),
            fence: work.fence,
            secret: work.secret.map(|secret| Digest::of_bytes(secret.expose())),
        });
    }

    pub(super) fn take_back(&self, request: RequestId, step: u32) {
        self.lock().retain(|effect| effect.request != request || effect.step != step);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Effect>> {
        self.effects.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
