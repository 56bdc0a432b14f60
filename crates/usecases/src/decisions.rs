//! Commands of people on requests: decide, answer, cancel, settle what is unknown.

pub mod answer;
pub mod batch;
pub mod cancel;
pub mod decide;
pub(crate) mod electors;
pub mod error;
pub mod resolve_unknown;

pub use answer::answer_question;
pub use batch::{BatchError, MOST_IN_BATCH, Refused, decide_requests};
pub use cancel::{CancelBy, cancel_request};
pub use decide::decide_request;
pub use error::DecisionError;
pub use resolve_unknown::resolve_unknown;

use countersign_approvals::{ActionRequest, DecideError, Decided};
use countersign_kernel::{Actor, Fault, Kind, RequestId, Timestamp};

use crate::commit::audit_note::CalledTool;
use crate::commit::{Draft, Guard, NoteEvent};
use crate::error::ServiceError;
use crate::port::RequestSnapshot;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// The request a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: RequestId,
    /// The version the person looked at, where they insist that nothing has changed since. What is repeated word for word needs none.
    pub version: Option<LookedAt>,
}

/// What a person who insists on a version has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedAt {
    /// This version.
    Version(u64),
    /// One that the request is not at, and won't be at again.
    Another,
}

impl From<RequestId> for Target {
    fn from(id: RequestId) -> Self {
        Self { id, version: None }
    }
}

impl Target {
    pub(crate) fn check(self, request: &ActionRequest) -> Result<(), DecisionError> {
        match self.version {
            Some(LookedAt::Version(version)) if version == request.version => Ok(()),
            Some(LookedAt::Version(_) | LookedAt::Another) => {
                Err(DecisionError::VersionChanged { id: self.id, current: request.version })
            }
            None => Ok(()),
        }
    }

    /// The refusal of what this person asked: whoever may not is told so, and whoever looked at something older is told that first.
    pub(crate) fn refusal(self, request: &ActionRequest, error: impl Into<DecisionError>) -> DecisionError {
        let error = error.into();
        match self.check(request) {
            Err(changed) if error.kind() != Kind::Denied => changed,
            Err(_) | Ok(()) => error,
        }
    }
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionReply {
    /// The request as it is now.
    pub request: ActionRequest,
    /// Whether the same person had said the same before: nothing was changed.
    pub repeated: bool,
    /// The last sign of life of the run that asked, as it was decided on: what is committed needs nothing read again to be answered.
    pub last_heartbeat: Option<Timestamp>,
    /// The database's time it was decided at.
    pub now: Timestamp,
}

impl DecisionReply {
    fn changed(snapshot: &RequestSnapshot, request: ActionRequest) -> Self {
        Self { request, repeated: false, last_heartbeat: snapshot.run.last_heartbeat_at, now: snapshot.now }
    }

    fn repeated(snapshot: &RequestSnapshot) -> Self {
        Self { repeated: true, ..Self::changed(snapshot, snapshot.request.clone()) }
    }
}

async fn draft_by<'s>(
    services: &'s Services,
    snapshot: &RequestSnapshot,
    by: &Identity,
) -> Result<Draft<'s>, ServiceError> {
    let actor = Actor::staff(&by.principal, by.proof);
    let policy = snapshot.policy.map(|stamp| stamp.digest);
    let context = services.context_of_person(actor, &by.principal, snapshot.now, policy).await?;
    Ok(Draft::about(context, &snapshot.run))
}

/// Commits what a vote or an answer came to, in time by the database's clock. `None` when others were faster.
async fn commit_decided(
    services: &Services,
    snapshot: &RequestSnapshot,
    by: &Identity,
    decided: Decided,
    decide_by: Option<Timestamp>,
) -> Result<Option<DecisionReply>, DecisionError> {
    let transition = match decided {
        Decided::Repeat => {
            return Ok(Some(DecisionReply::repeated(snapshot)));
        }
        Decided::Counted(transition) => transition,
    };
    let request = transition.after().clone();
    let mut draft = draft_by(services, snapshot, by).await?;
    if let Some(deadline) = decide_by {
        draft.guard(Guard::NotAfter { deadline });
    }
    draft.record(transition).map_err(ServiceError::from)?;
    Ok(match services.write(draft.finish()).await? {
        Written::Yes => Some(DecisionReply::changed(snapshot, request)),
        Written::Stale => None,
    })
}

/// Records that somebody who may not decide tried to.
pub(crate) async fn record_attempt(
    services: &Services,
    snapshot: &RequestSnapshot,
    by: &Identity,
    error: &DecideError,
) -> Result<(), ServiceError> {
    match error {
        DecideError::Requester { .. } | DecideError::NotADecider { .. } => {}
        DecideError::State(_)
        | DecideError::Late { .. }
        | DecideError::OtherPlan { .. }
        | DecideError::IsQuestion { .. }
        | DecideError::NotAQuestion { .. }
        | DecideError::NoSuchOption { .. }
        | DecideError::CustomNotAllowed { .. } => return Ok(()),
    }
    let request = &snapshot.request;
    let call = CalledTool::of(&request.facts);
    // The note names no version of the request; it is stale only when the same person's name was given its pseudonym meanwhile.
    for _ in 0..ATTEMPTS {
        let mut draft = draft_by(services, snapshot, by).await?;
        draft.note(NoteEvent::Rejected {
            call,
            request: Some(request),
            code: error.code(),
            reason: error.to_string(),
            suppressed_before: 0,
        })?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(());
        }
    }
    Err(busy(request.facts.id))
}
