//! One attempt at deciding a call on a snapshot: what is committed, and what is answered once it is.

use countersign_approvals::{CallKey, Proposal, QuestionForm, RequestFacts, open};
use countersign_kernel::{Actor, ActorKind, ApprovalMode, Digest, Fault, Proof, Terms};
use countersign_mcp_tools::{PlanRefusal, StepOutcome, StepWork};
use countersign_waitstate::{Counted, Run, RunError};
use serde_json::Value;

use super::judge::{Judged, cell_of, judge};
use super::reply::{CallReply, described, dry_run, reply_of};
use super::{CallError, Planned, Prepared};
use crate::commit::audit_note::CalledTool;
use crate::commit::{Commit, Draft, Guard, NoteEvent};
use crate::error::ServiceError;
use crate::port::{CallSnapshot, Ids, KeyHit};
use crate::services::Services;

/// What is committed, and what is answered once it is.
pub(super) struct Entry {
    pub(super) commit: Commit,
    pub(super) answer: Result<CallReply, CallError>,
}

pub(super) async fn decide(
    services: &Services,
    prepared: &Prepared,
    snapshot: CallSnapshot,
    planned: &mut Option<Planned>,
) -> Result<Entry, CallError> {
    let id = &prepared.facts.id;
    let run = snapshot.run.as_ref().ok_or_else(|| CallError::UnknownRun(id.clone()))?;
    if !run.is_live() {
        return Err(CallError::RunEnded(id.clone()));
    }
    if let Some(hit) = snapshot.existing.as_ref().filter(|_| !prepared.call.dry_run) {
        return reuse(services, prepared, &snapshot, run, hit).await;
    }
    let policy = match snapshot.policy {
        None => None,
        stamp @ Some(_) => Some(services.policy_of(stamp).await?),
    };
    let (terms, policy) = match judge(policy.as_ref(), &cell_of(&prepared.facts, &prepared.call)) {
        Judged::LetIn { terms, policy } => (terms, policy),
        Judged::Refused { code, reason } => {
            return refuse(services, prepared, &snapshot, run, Refusal::Policy { code, reason });
        }
    };
    let writes = prepared.tool.descriptor().action(&prepared.call.action).is_none_or(|action| action.writes);
    let reads_at_once = !writes && terms.mode == ApprovalMode::None;
    if !prepared.call.dry_run
        && !reads_at_once
        && let Err(full) = run.check_room()
    {
        return refuse(services, prepared, &snapshot, run, Refusal::Full(full));
    }
    if planned.is_none() {
        match prepared.plan().await {
            Ok(plan) => *planned = Some(plan),
            Err(refusal) => return refuse(services, prepared, &snapshot, run, Refusal::Plan(refusal)),
        }
    }
    let Some(plan) = planned.as_ref() else { return Err(defect("a call has no plan").into()) };
    let moment = Moment { services, prepared, snapshot: &snapshot, run };
    if prepared.call.dry_run {
        return moment.preview(plan, &terms);
    }
    if reads_at_once {
        return moment.read(plan).await;
    }
    moment.open(plan, terms, policy)
}

fn defect(what: &str) -> ServiceError {
    ServiceError::Defect(what.to_owned())
}

/// The agent of a run as events name it.
pub(crate) fn agent_of(run: &Run) -> Actor {
    Actor { kind: ActorKind::Agent, id: run.facts.agent_key.to_string(), proof: Proof::RunToken }
}

fn draft_for<'s>(services: &'s Services, snapshot: &CallSnapshot, run: &Run) -> Draft<'s> {
    let policy = snapshot.policy.map(|stamp| stamp.digest);
    let mut draft = Draft::about(services.context_of_role(agent_of(run), snapshot.now, policy), run);
    draft.guard(Guard::RunLive { run_id: run.facts.id.to_string() });
    draft
}

fn called(prepared: &Prepared) -> CalledTool<'_> {
    CalledTool {
        tool: &prepared.call.tool,
        action: &prepared.call.action,
        environment: prepared.call.environment.as_ref(),
    }
}

async fn reuse(
    services: &Services,
    prepared: &Prepared,
    snapshot: &CallSnapshot,
    run: &Run,
    hit: &KeyHit,
) -> Result<Entry, CallError> {
    if hit.intent_digest != prepared.lookup.intent_digest {
        return Err(CallError::KeyReused { request: hit.request.facts.id });
    }
    let outcome = services
        .ports
        .queries
        .find_outcome(&run.facts.id, hit.request.facts.id)
        .await
        .map_err(ServiceError::from)?;
    let request = &hit.request;
    let commit =
        idle(services, snapshot, run, |suppressed_before| NoteEvent::Reused { request, suppressed_before })?;
    Ok(Entry { commit, answer: Ok(reply_of(request, outcome.as_ref(), true)) })
}

/// Records a call that is answered and changes nothing, or only counts it when this run has made too many of them lately.
fn idle<'n>(
    services: &Services,
    snapshot: &CallSnapshot,
    run: &Run,
    note: impl FnOnce(u32) -> NoteEvent<'n>,
) -> Result<Commit, ServiceError> {
    let mut draft = draft_for(services, snapshot, run);
    let (transition, counted) = run.count_idle_call(snapshot.now)?;
    draft.record_run(transition)?;
    match counted {
        Counted::Record { suppressed_before } => draft.note(note(suppressed_before))?,
        Counted::CountOnly => {}
    }
    Ok(draft.finish())
}

enum Refusal {
    Policy { code: &'static str, reason: String },
    Plan(PlanRefusal),
    Full(RunError),
}

/// Records a refusal, or only counts it when this run has been refused too often lately.
fn refuse(
    services: &Services,
    prepared: &Prepared,
    snapshot: &CallSnapshot,
    run: &Run,
    refusal: Refusal,
) -> Result<Entry, CallError> {
    let mut draft = draft_for(services, snapshot, run);
    let (counted, refused) = run.count_refusal(snapshot.now).map_err(ServiceError::from)?;
    draft.record_run(counted).map_err(ServiceError::from)?;
    if let Counted::Record { suppressed_before } = refused {
        let call = called(prepared);
        let rejected =
            |code, reason| NoteEvent::Rejected { call, request: None, code, reason, suppressed_before };
        let note = match &refusal {
            Refusal::Policy { code, reason } => {
                NoteEvent::PolicyDenied { call, code, reason: reason.clone(), suppressed_before }
            }
            Refusal::Plan(refusal) => rejected(refusal.code, refusal.message.clone()),
            Refusal::Full(full) => rejected(full.code(), full.to_string()),
        };
        draft.note(note).map_err(ServiceError::from)?;
    }
    let answer = Err(match refusal {
        Refusal::Policy { code, reason } => CallError::PolicyDenied { reason_code: code, reason },
        Refusal::Plan(refusal) => CallError::Impossible(refusal),
        Refusal::Full(full) => CallError::NoRoom(full),
    });
    Ok(Entry { commit: draft.finish(), answer })
}

struct Moment<'m> {
    services: &'m Services,
    prepared: &'m Prepared,
    snapshot: &'m CallSnapshot,
    run: &'m Run,
}

impl Moment<'_> {
    fn preview(&self, planned: &Planned, terms: &Terms) -> Result<Entry, CallError> {
        let (call, verdict) = (called(self.prepared), terms.mode.as_str());
        let note = |suppressed_before| NoteEvent::DryRun { call, verdict, suppressed_before };
        let commit = idle(self.services, self.snapshot, self.run, note)?;
        let preview = dry_run(&*self.prepared.tool, &planned.plan, terms, planned.looked);
        Ok(Entry { commit, answer: Ok(preview) })
    }

    /// Completes a reading call at once.
    async fn read(&self, planned: &Planned) -> Result<Entry, CallError> {
        let request = Ids::new(&*self.services.ports.entropy, self.snapshot.now).request();
        let mut receipts = Vec::new();
        for step in &planned.plan.steps {
            let work = StepWork {
                request,
                fence: 0,
                call: &self.prepared.call,
                plan: &planned.plan,
                step,
                secret: None,
                intended_at: self.snapshot.now,
            };
            match self.prepared.tool.perform(work).await {
                StepOutcome::Done { receipt } => receipts.push(receipt),
                StepOutcome::Transient { code, message, .. } | StepOutcome::Unclear { code, message } => {
                    return Err(CallError::Target { code, message, transient: true });
                }
                StepOutcome::Permanent { code, message } => {
                    return Err(CallError::Target { code, message, transient: false });
                }
            }
        }
        let mut draft = draft_for(self.services, self.snapshot, self.run);
        let call = called(self.prepared);
        draft.note(NoteEvent::Called { call, request: None }).map_err(ServiceError::from)?;
        draft.note(NoteEvent::Completed { call }).map_err(ServiceError::from)?;
        Ok(Entry { commit: draft.finish(), answer: Ok(described(receipts)) })
    }

    /// Opens a request.
    fn open(&self, planned: &Planned, terms: Terms, policy: Digest) -> Result<Entry, CallError> {
        let ids = Ids::new(&*self.services.ports.entropy, self.snapshot.now);
        let proposal = propose(self.prepared, planned, terms, policy)?;
        let call = &self.prepared.call;
        let facts = RequestFacts {
            id: ids.request(),
            correlation_id: ids.correlation(),
            run: self.run.facts.id.clone(),
            project: self.run.facts.project.clone(),
            agent_key: self.run.facts.agent_key.clone(),
            launched_by: self.run.facts.launched_by.clone(),
            tool: call.tool.clone(),
            action: call.action.clone(),
            environment: call.environment.clone(),
            intent_digest: self.prepared.lookup.intent_digest,
            call_key: match self.prepared.lookup.key_hash {
                None => CallKey::Intent,
                Some(hash) => CallKey::Given { hash },
            },
            question: call.question.as_ref().map(|asked| QuestionForm {
                options: asked.options.clone(),
                allow_custom: asked.allow_custom,
            }),
            requested_at: self.snapshot.now,
        };
        let transition = open(facts, proposal, self.snapshot.now)?;
        let request = transition.after().clone();
        let mut draft = draft_for(self.services, self.snapshot, self.run);
        let note = NoteEvent::Called { call: called(self.prepared), request: Some(&request) };
        draft.note(note).map_err(ServiceError::from)?;
        draft.record(transition).map_err(ServiceError::from)?;
        Ok(Entry { commit: draft.finish(), answer: Ok(reply_of(&request, None, false)) })
    }
}

fn propose(
    prepared: &Prepared,
    planned: &Planned,
    terms: Terms,
    policy: Digest,
) -> Result<Proposal, ServiceError> {
    let digest_input: Value = planned.plan.digest_input(&prepared.call, &terms);
    Ok(Proposal {
        call: prepared.call.to_json(),
        plan: planned.plan.to_json(),
        plan_digest: Digest::of_json(&digest_input)?,
        terms,
        policy_digest: policy,
    })
}
