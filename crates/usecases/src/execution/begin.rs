//! The last look before the first write: clock, policy, warrant, digest, target. Only then `applying` is committed, with the first step
//! intended and the secret sealed.

use countersign_approvals::{ActionRequest, Progress, Proposal};
use countersign_kernel::{Digest, Fault, RequestId, Terms};
use countersign_mcp_tools::{Call, Kept, Observation, Plan, PlanRefusal};

use super::advance::Fresh;
use super::{StepContext, Turn, backoff, commit, commit_intention, draft_of, ownership, stored, words};
use crate::call_tool::judge::{Judged, cell_of, judge};
use crate::call_tool::{caller_of, tool_of};
use crate::commit::audit_note::CalledTool;
use crate::commit::{Guard, NoteEvent};
use crate::error::ServiceError;
use crate::port::{Lease, RequestSnapshot, WarrantError};
use crate::record::SealedRecord;
use crate::seal::{Place, kept_by_step};
use crate::services::Services;

/// Why an approved request does not begin.
enum Hindrance {
    /// Its time to execute is over.
    TooLate,
    /// Policy refuses the cell now.
    Refused { reason: String },
    /// There is no warrant for exactly this plan.
    NoWarrant { code: &'static str, reason: String },
    /// It can't be done any more.
    Impossible(PlanRefusal),
    /// What would be done now is not what was approved, or policy asks for more.
    Drifted(Box<Proposal>),
    /// The target can't be looked at now.
    CouldNotLook { why: String },
}

pub(super) async fn begin(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    fresh: &mut Option<Fresh>,
) -> Result<Turn, ServiceError> {
    let request = &snapshot.request;
    let (call, plan) = stored(request)?;
    if let Some(hindrance) = find_hindrance(services, snapshot, &call, &plan).await? {
        return hinder(services, snapshot, lease, hindrance).await;
    }
    match keep_what_is_replaced(services, snapshot, lease, &call, &plan).await? {
        Ok(kept) => start(services, snapshot, lease, &plan, kept, fresh).await,
        Err(why) => hinder(services, snapshot, lease, Hindrance::CouldNotLook { why }).await,
    }
}

/// What the steps that can be undone replace, sealed; or why it can't be read now.
async fn keep_what_is_replaced(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    call: &Call,
    plan: &Plan,
) -> Result<Result<Vec<SealedRecord>, String>, ServiceError> {
    let tool = tool_of(services, call)?;
    let (request, now) = (&snapshot.request, snapshot.now);
    let context = StepContext { request, call, plan, fence: lease.fence };
    let mut sealed = Vec::new();
    for step in plan.steps.iter().filter(|step| tool.undoes(step)) {
        let value = match tool.keep(context.work(step, None, now)).await {
            Kept::Value(value) => value,
            Kept::Nothing => continue,
            Kept::CouldNotRead { why } => return Ok(Err(why)),
        };
        let purpose = kept_by_step(step.number);
        let place = Place { request: request.facts.id, revision: request.revision, purpose: &purpose };
        sealed.push(services.sealer.seal(&*services.ports.entropy, &value, place, now)?);
    }
    Ok(Ok(sealed))
}

async fn find_hindrance(
    services: &Services,
    snapshot: &RequestSnapshot,
    call: &Call,
    plan: &Plan,
) -> Result<Option<Hindrance>, ServiceError> {
    let request = &snapshot.request;
    if request.approved_until().is_ok_and(|until| snapshot.now >= until) {
        return Ok(Some(Hindrance::TooLate));
    }
    let policy = services.policy_of(snapshot.policy).await?;
    let (terms, policy_digest) = match judge(Some(&policy), &cell_of(&snapshot.run.facts, call)) {
        Judged::LetIn { terms, policy } => (terms, policy),
        Judged::Refused { reason, .. } => return Ok(Some(Hindrance::Refused { reason })),
    };
    if let Some(hindrance) = check_warrant(services, request, call, plan).await? {
        return Ok(Some(hindrance));
    }
    let tool = tool_of(services, call)?;
    let caller = caller_of(&snapshot.run.facts);
    let observed = tool.observe(&caller, call).await;
    if let Observation::CouldNotLook { why } = &observed {
        let said: Vec<_> = why.iter().map(|unseen| unseen.said.as_str()).collect();
        return Ok(Some(Hindrance::CouldNotLook { why: said.join("; ") }));
    }
    let plan_now = match tool.plan(&caller, call, &observed) {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Some(Hindrance::Impossible(refusal))),
    };
    let approved = &request.proposal.terms;
    let stricter = terms.stricter_than(approved);
    let (terms, policy_digest) =
        if stricter { (terms, policy_digest) } else { (approved.clone(), request.proposal.policy_digest) };
    let digest_now = digest_of(call, &plan_now, &terms)?;
    if !stricter && digest_now == request.proposal.plan_digest {
        return Ok(None);
    }
    let proposal = Proposal {
        call: call.to_json(),
        plan: plan_now.to_json(),
        plan_digest: digest_now,
        terms,
        policy_digest,
    };
    Ok(Some(Hindrance::Drifted(Box::new(proposal))))
}

fn digest_of(call: &Call, plan: &Plan, terms: &Terms) -> Result<Digest, ServiceError> {
    Ok(Digest::of_json(&plan.digest_input(call, terms))?)
}

/// The stored plan has to be the approved one, and the approval of exactly this plan has to be on the record.
async fn check_warrant(
    services: &Services,
    request: &ActionRequest,
    call: &Call,
    plan: &Plan,
) -> Result<Option<Hindrance>, ServiceError> {
    let no_warrant = |code, reason: String| Ok(Some(Hindrance::NoWarrant { code, reason }));
    let expected = request.proposal.plan_digest;
    if digest_of(call, plan, &request.proposal.terms)? != expected {
        let reason =
            format!("the stored plan of request `{}` is not the one of its digest", request.facts.id);
        return no_warrant("plan_tampered", reason);
    }
    match services.ports.warrants.issue(request.facts.id, expected).await {
        Ok(warrant) if warrant.request == request.facts.id && warrant.plan_digest == expected => Ok(None),
        Ok(warrant) => no_warrant(
            "stale_warrant",
            format!("the warrant is for request `{}` and plan `{}`", warrant.request, warrant.plan_digest),
        ),
        Err(error @ WarrantError::NotOnRecord { .. }) => no_warrant("no_warrant", error.to_string()),
        Err(WarrantError::Store(error)) => Err(error.into()),
    }
}

async fn hinder(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    hindrance: Hindrance,
) -> Result<Turn, ServiceError> {
    let request = &snapshot.request;
    let now = snapshot.now;
    let mut draft = draft_of(services, snapshot, lease);
    let transition = match hindrance {
        Hindrance::CouldNotLook { why } => {
            tracing::warn!(request = %request.facts.id, why, "could not look at the target before executing");
            return Ok(Turn::Later(backoff(lease.attempts)));
        }
        Hindrance::TooLate => request.expire_execution(now),
        Hindrance::Refused { reason } => request.deny_by_policy(words(&reason), now),
        Hindrance::Drifted(proposal) => request.drift(*proposal, now),
        Hindrance::Impossible(refusal) => {
            request.fail_before_start(refusal.code, words(&refusal.message), now)
        }
        Hindrance::NoWarrant { code, reason } => {
            let note = NoteEvent::Rejected {
                call: CalledTool::of(&request.facts),
                request: Some(request),
                code,
                reason: reason.clone(),
                suppressed_before: 0,
            };
            draft.note(note)?;
            request.fail_before_start(code, words(&reason), now)
        }
    };
    draft.record(transition.map_err(|error| ServiceError::Defect(error.to_string()))?)?;
    commit(services, draft, Turn::GoOn).await
}

async fn start(
    services: &Services,
    snapshot: &RequestSnapshot,
    lease: &Lease,
    plan: &Plan,
    kept: Vec<SealedRecord>,
    fresh: &mut Option<Fresh>,
) -> Result<Turn, ServiceError> {
    let request = &snapshot.request;
    let (id, now) = (request.facts.id, snapshot.now);
    let transition = request.start(now).map_err(|error| state_defect(id, &error))?;
    let mut draft = draft_of(services, snapshot, lease);
    if let Ok(deadline) = request.approved_until() {
        draft.guard(Guard::NotAfter { deadline });
    }
    let applying = transition.after().clone();
    draft.record(transition)?;
    if let Some(spec) = plan.secret {
        draft.seal(services.sealer.generate(&*services.ports.entropy, spec, id, request.revision, now)?);
    }
    for value in kept {
        draft.seal(value);
    }
    ownership::reserve(&mut draft, request, plan, now);
    let Some(first) = plan.steps.first() else {
        let finished = applying.finish(&Progress::default(), 0, now);
        draft.record(finished.map_err(|error| state_defect(id, &error))?)?;
        return commit(services, draft, Turn::Over).await;
    };
    let step = snapshot.progress.intend(request.revision, first.number, lease.fence, now);
    draft.put_step(id, first, &step);
    *fresh = Some(Fresh { number: first.number, attempts: step.attempts });
    commit_intention(services, draft, lease).await
}

pub(super) fn state_defect(id: RequestId, error: &impl Fault) -> ServiceError {
    ServiceError::Defect(format!("request `{id}`: {error}"))
}
