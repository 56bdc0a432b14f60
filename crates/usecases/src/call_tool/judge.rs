//! What policy answers to a call.

use std::sync::Arc;

use countersign_kernel::{Digest, Terms};
use countersign_mcp_tools::Call;
use countersign_policy::{Answer, Cell, CompiledPolicy};
use countersign_waitstate::RunFacts;

/// Policy let the call in, or refused it.
pub(crate) enum Judged {
    LetIn { terms: Terms, policy: Digest },
    Refused { code: &'static str, reason: String },
}

/// The cell of the matrix that a call falls into.
pub(crate) fn cell_of(facts: &RunFacts, call: &Call) -> Cell {
    Cell {
        project: facts.project.clone(),
        agent_key: facts.agent_key.clone(),
        run_label: facts.run_label.clone(),
        runtime_mode: facts.runtime_mode,
        tool: call.tool.clone(),
        action: call.action.clone(),
        environment: call.environment.clone(),
    }
}

/// Evaluates the cell; no policy refuses everything.
pub(crate) fn judge(policy: Option<&Arc<CompiledPolicy>>, cell: &Cell) -> Judged {
    let Some(policy) = policy else {
        return Judged::Refused { code: "no_policy", reason: "no policy text is active".to_owned() };
    };
    match policy.evaluate(cell) {
        Answer::Allow { terms, .. } => Judged::LetIn { terms, policy: policy.digest() },
        Answer::Deny { reason } => Judged::Refused { code: reason.code(), reason: reason.to_string() },
    }
}
