//! A person decides several requests at once: one commit, so all of it counts or nothing does.

use std::collections::BTreeMap;

use async_lock::MutexGuardArc;
use countersign_approvals::{DecideError, Decided};
use countersign_kernel::{Fault, Kind, RequestId, RunId};

use super::decide::{Decision, ballot, decide_by};
use super::electors::Electors;
use super::{DecisionError, DecisionReply, draft_by, record_attempt};
use crate::commit::Guard;
use crate::error::ServiceError;
use crate::look::get_request;
use crate::port::RequestSnapshot;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// The most requests one batch may name: its commit locks them all.
pub const MOST_IN_BATCH: usize = 50;

/// One decision of a batch that does not count.
#[derive(Debug)]
pub struct Refused {
    /// The request.
    pub id: RequestId,
    /// Why.
    pub error: DecisionError,
}

/// A batch was refused, all of it.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Some of its decisions don't count.
    #[error("{} of the decisions do not count, so none of them does", .0.len())]
    Refused(Vec<Refused>),
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for BatchError {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Conflict,
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "batch_refused",
            Self::Service(error) => error.code(),
        }
    }
}

/// A decision that counts, before it is written.
struct Counted<'s> {
    snapshot: &'s RequestSnapshot,
    decided: Decided,
}

/// A decision that the domain doesn't count.
struct Attempt<'s> {
    snapshot: &'s RequestSnapshot,
    error: DecideError,
}

/// Counts one decision on each of these requests, in one commit. Decisions made before are repeats and hinder nothing. The replies come in
/// the order of the ids.
///
/// # Errors
/// One of the decisions doesn't count: then none does, and each such decision is named. An attempt by somebody who may not decide is
/// recorded.
pub async fn decide_requests(
    services: &Services,
    decisions: &BTreeMap<RequestId, Decision>,
    by: &Identity,
) -> Result<Vec<DecisionReply>, BatchError> {
    for _ in 0..ATTEMPTS {
        let turns = turns(services, decisions).await?;
        let loaded = load_all(services, decisions).await?;
        let (counted, attempts) = count(services, decisions, &loaded.snapshots, by).await?;
        if !attempts.is_empty() || !loaded.refused.is_empty() {
            // Nothing more is decided on what was loaded, and there may be many to record: the runs don't wait for it.
            drop(turns);
            record_attempts(services, &attempts, by).await?;
            return Err(refusal(loaded.refused, attempts));
        }
        if let Some(replies) = write(services, counted, by).await? {
            return Ok(replies);
        }
    }
    Err(busy("several requests").into())
}

/// The turn of every run that is concerned, always in the same order: two batches never wait for one another.
async fn turns(
    services: &Services,
    decisions: &BTreeMap<RequestId, Decision>,
) -> Result<Vec<MutexGuardArc<()>>, BatchError> {
    let loaded = load_all(services, decisions).await?;
    let runs: BTreeMap<String, &RunId> = loaded
        .snapshots
        .iter()
        .map(|snapshot| (snapshot.run.facts.id.to_string(), &snapshot.run.facts.id))
        .collect();
    let mut turns = Vec::with_capacity(runs.len());
    for run in runs.values() {
        turns.push(services.turn_of(run).await);
    }
    Ok(turns)
}

/// The requests that are there, and the ids of those that are not.
#[derive(Default)]
struct Loaded {
    snapshots: Vec<RequestSnapshot>,
    refused: Vec<Refused>,
}

async fn load_all(
    services: &Services,
    decisions: &BTreeMap<RequestId, Decision>,
) -> Result<Loaded, BatchError> {
    let mut loaded = Loaded::default();
    for id in decisions.keys().copied() {
        match get_request(services, id).await {
            Ok(snapshot) => loaded.snapshots.push(snapshot),
            Err(DecisionError::Service(error)) => return Err(error.into()),
            Err(error) => loaded.refused.push(Refused { id, error }),
        }
    }
    Ok(loaded)
}

/// Every decision as the domain counts it: those that count, and those that don't.
async fn count<'s>(
    services: &Services,
    decisions: &BTreeMap<RequestId, Decision>,
    snapshots: &'s [RequestSnapshot],
    by: &Identity,
) -> Result<(Vec<Counted<'s>>, Vec<Attempt<'s>>), BatchError> {
    let (mut counted, mut attempts) = (Vec::with_capacity(decisions.len()), Vec::new());
    let concerned = |snapshot: &'s RequestSnapshot| {
        decisions.get(&snapshot.request.facts.id).map(|decision| (decision, snapshot))
    };
    for (decision, snapshot) in snapshots.iter().filter_map(concerned) {
        let policy = services.policy_of(snapshot.policy).await?;
        let members = Electors { policy: &policy, asks: by };
        match snapshot.request.decide(ballot(decision, by), &members, snapshot.now) {
            Ok(decided) => counted.push(Counted { snapshot, decided }),
            Err(error) => attempts.push(Attempt { snapshot, error }),
        }
    }
    Ok((counted, attempts))
}

async fn record_attempts(
    services: &Services,
    attempts: &[Attempt<'_>],
    by: &Identity,
) -> Result<(), ServiceError> {
    for Attempt { snapshot, error } in attempts {
        record_attempt(services, snapshot, by, error).await?;
    }
    Ok(())
}

/// All that don't count: none hides the others.
fn refusal(unknown: Vec<Refused>, attempts: Vec<Attempt<'_>>) -> BatchError {
    let attempts = attempts
        .into_iter()
        .map(|Attempt { snapshot, error }| Refused { id: snapshot.request.facts.id, error: error.into() });
    let mut refused: Vec<_> = unknown.into_iter().chain(attempts).collect();
    refused.sort_by_key(|refused| refused.id);
    BatchError::Refused(refused)
}

/// One commit of all that counts. `None` when others were faster.
async fn write(
    services: &Services,
    counted: Vec<Counted<'_>>,
    by: &Identity,
) -> Result<Option<Vec<DecisionReply>>, ServiceError> {
    let Some(first) = counted.first().map(|counted| counted.snapshot) else { return Ok(Some(Vec::new())) };
    let mut draft = draft_by(services, first, by).await?;
    let mut replies = Vec::with_capacity(counted.len());
    let mut counts = false;
    for Counted { snapshot, decided } in counted {
        let transition = match decided {
            Decided::Repeat => {
                replies.push(DecisionReply::repeated(snapshot));
                continue;
            }
            Decided::Counted(transition) => transition,
        };
        replies.push(DecisionReply::changed(snapshot, transition.after().clone()));
        draft.turn_to(&snapshot.run);
        if let Some(deadline) = decide_by(&snapshot.request.state) {
            draft.guard(Guard::NotAfter { deadline });
        }
        draft.record(transition)?;
        counts = true;
    }
    if !counts {
        return Ok(Some(replies));
    }
    Ok(match services.write(draft.finish()).await? {
        Written::Yes => Some(replies),
        Written::Stale => None,
    })
}
