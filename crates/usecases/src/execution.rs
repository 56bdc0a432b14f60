//! Doing what was approved: once, step by step, each step on the record before it is taken.

pub mod advance;
pub mod begin;
mod ending;
pub mod execute;
pub mod ownership;
pub mod probe;
mod unwind;

pub use execute::execute;
pub use probe::probe;

use countersign_approvals::ActionRequest;
use countersign_kernel::{Actor, Millis, RedactedText};
use countersign_mcp_tools::{Call, Plan, StepWork};

use crate::commit::{Draft, Guard};
use crate::error::ServiceError;
use crate::port::{Due, Lease, RequestSnapshot, WorkKind, WorkSubject};
use crate::services::{Services, Written};

/// What a worker is to do with its work row after one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is left to do: the row is gone.
    Over,
    /// Something was committed: load again and go on.
    GoOn,
    /// Give the row back; it is due again then.
    Later(Due),
}

/// The longest message kept of a target's answer, in characters.
const MESSAGE_LENGTH: usize = 500;

/// A draft by the executor that counts only while its lease holds.
pub(crate) fn draft_of<'s>(services: &'s Services, snapshot: &RequestSnapshot, lease: &Lease) -> Draft<'s> {
    let policy = snapshot.policy.map(|stamp| stamp.digest);
    let context = services.context_of_role(Actor::system("executor"), snapshot.now, policy);
    let mut draft = Draft::about(context, &snapshot.run);
    draft.guard(fence_of(lease));
    draft
}

pub(crate) fn fence_of(lease: &Lease) -> Guard {
    Guard::Fence { kind: lease.kind, subject: lease.subject.clone(), fence: lease.fence }
}

pub(crate) async fn commit(services: &Services, draft: Draft<'_>, then: Turn) -> Result<Turn, ServiceError> {
    Ok(match services.write(draft.finish()).await? {
        Written::Yes => then,
        // Others changed the request or the lease was lost: load again, which tells which.
        Written::Stale => Turn::GoOn,
    })
}

/// Commits the intention of a step. When it is stale another request holds the step's target or name, or the request moved on: the next
/// look comes later, because nothing here hurries the other one and a look may go to the target.
pub(crate) async fn commit_intention(
    services: &Services,
    draft: Draft<'_>,
    lease: &Lease,
) -> Result<Turn, ServiceError> {
    Ok(match services.write(draft.finish()).await? {
        Written::Yes => Turn::GoOn,
        Written::Stale => Turn::Later(backoff(lease.attempts)),
    })
}

/// Takes a work row off the queue that has become pointless.
pub(crate) async fn drop_work(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
) -> Result<Turn, ServiceError> {
    let mut draft = draft_of(services, snapshot, lease);
    draft.unschedule(lease.kind, lease.subject.clone());
    match services.write(draft.finish()).await? {
        Written::Yes | Written::Stale => Ok(Turn::Over),
    }
}

/// The stored call and plan of a request.
pub(crate) fn stored(request: &ActionRequest) -> Result<(Call, Plan), ServiceError> {
    Ok((Call::from_json(&request.proposal.call)?, Plan::from_json(&request.proposal.plan)?))
}

/// What a target said, fit to be stored and shown.
pub(crate) fn words(message: &str) -> RedactedText {
    let cut: String = message.chars().take(MESSAGE_LENGTH).collect();
    RedactedText::parse(&cut, 0, MESSAGE_LENGTH)
        .unwrap_or_else(|_| RedactedText::from_storage("the target's words could not be kept".to_owned()))
}

/// One step of a stored plan as a tool gets it.
pub(crate) struct StepContext<'c> {
    pub(crate) request: &'c ActionRequest,
    pub(crate) call: &'c Call,
    pub(crate) plan: &'c Plan,
    pub(crate) fence: u64,
}

impl<'c> StepContext<'c> {
    pub(crate) fn work(
        &self,
        step: &'c countersign_mcp_tools::Step,
        secret: Option<&'c countersign_mcp_tools::SecretValue>,
        intended_at: countersign_kernel::Timestamp,
    ) -> StepWork<'c> {
        StepWork {
            request: self.request.facts.id,
            fence: self.fence,
            call: self.call,
            plan: self.plan,
            step,
            secret,
            intended_at,
        }
    }
}

/// The request that a work row is about; `None` when the row's subject is no request.
pub(crate) fn subject_request(subject: &WorkSubject) -> Option<countersign_kernel::RequestId> {
    subject.as_str().parse().ok()
}

/// How long to wait after so many attempts: 1 s, 2 s, 4 s, at most 60 s.
pub(crate) fn backoff(attempts: u32) -> Due {
    Due::After(pause_after(attempts))
}

/// The same as a span.
pub(crate) fn pause_after(attempts: u32) -> Millis {
    let doubled = 1_u64 << attempts.saturating_sub(1).min(6);
    Millis::from_secs(doubled.min(60))
}

/// The kinds of work this module does.
pub const KINDS: [WorkKind; 2] = [WorkKind::Execute, WorkKind::Probe];
