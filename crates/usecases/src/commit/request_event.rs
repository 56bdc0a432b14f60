//! What each event of a request brings into a commit: its audit events, its wait change, its work, its votes, its outcome.

use countersign_approvals::{
    ActionRequest, CancelledBy, Proposal, RequestEvent, SettledBy, State, Transition, Vote,
};
use countersign_audit::EventType;
use countersign_kernel::{OutsideGroup, RedactedText, RequestId, Timestamp};
use countersign_mcp_tools::{DecodeError, Plan, PlanChanges};
use countersign_waitstate::{RunState, WaitReason};
use serde_json::{Map, Value, json};

use super::draft::{Draft, DraftError, Subject};
use super::outcome::outcome_of;
use crate::port::{WorkKind, WorkSubject};
use crate::record::CallKeyRecord;
use crate::record::request::{answer_json, phase_name, with_transcript};

/// The work that a request can have. None of it outlives the request.
const WORK_OF_REQUESTS: [WorkKind; 6] = [
    WorkKind::Execute,
    WorkKind::ExpireDecision,
    WorkKind::ExpireExecution,
    WorkKind::Probe,
    WorkKind::Deliver,
    WorkKind::Remind,
];

pub(super) fn record(draft: &mut Draft<'_>, transition: &Transition) -> Result<(), DraftError> {
    let request = transition.after();
    let (event_type, detail) = audited(transition)?;
    about(draft, request, event_type, detail)?;
    if transition.before_version().is_none() {
        opened(draft, request)?;
    }
    match transition.event() {
        RequestEvent::Requested { decide_by } => {
            schedule(draft, request, WorkKind::ExpireDecision, *decide_by);
        }
        RequestEvent::Voted { vote, .. } => draft.put_vote(request.facts.id, vote),
        RequestEvent::Approved { vote, execute_by } => {
            if let Some(vote) = vote {
                draft.put_vote(request.facts.id, vote);
                change_wait(draft, request.facts.id, WaitReason::Execution)?;
            }
            approved(draft, request, *execute_by);
        }
        RequestEvent::Drifted { .. } => drifted(draft, request)?,
        RequestEvent::Applying => {
            draft.unschedule(WorkKind::ExpireExecution, WorkSubject::request(request.facts.id));
        }
        RequestEvent::Unknown { .. } => {
            draft.unschedule(WorkKind::Execute, WorkSubject::request(request.facts.id));
            let now = draft.now();
            schedule(draft, request, WorkKind::Probe, now);
        }
        RequestEvent::Denied { vote, .. } => {
            if let Some(vote) = vote {
                draft.put_vote(request.facts.id, vote);
            }
            settled(draft, transition)?;
        }
        RequestEvent::Answered { .. }
        | RequestEvent::Expired { .. }
        | RequestEvent::Cancelled { .. }
        | RequestEvent::Applied { .. }
        | RequestEvent::Failed { .. } => settled(draft, transition)?,
    }
    Ok(())
}

fn about(
    draft: &mut Draft<'_>,
    request: &ActionRequest,
    event_type: EventType,
    detail: Value,
) -> Result<(), DraftError> {
    draft.event(event_type, Subject { run: None, request: Some(request) }, detail)
}

fn schedule(draft: &mut Draft<'_>, request: &ActionRequest, kind: WorkKind, due: Timestamp) {
    draft.schedule(kind, WorkSubject::request(request.facts.id), due);
}

/// The wait, the key, the links and the tool's own event of a request that is new.
fn opened(draft: &mut Draft<'_>, request: &ActionRequest) -> Result<(), DraftError> {
    let facts = &request.facts;
    draft.records.call_keys.extend(CallKeyRecord::of(request, draft.now()));
    draft.link(("run", facts.run.to_string()), ("request", facts.id.to_string()));
    draft.put_words(request)?;
    let reason = match (&request.state, &facts.question) {
        (State::Approved { .. }, _) => WaitReason::Execution,
        (_, Some(_)) => WaitReason::Question,
        (_, None) => WaitReason::Approval,
    };
    let detail =
        json!({"tool": facts.tool.as_str(), "action": facts.action.as_str(), "waits_for": reason.as_str()});
    about(draft, request, EventType::McpToolApprovalPending, detail)?;
    let now = draft.now();
    if let Some(run) = draft.run().cloned() {
        draft.record_run(run.open_wait(facts.id, reason, now)?)?;
    }
    Ok(())
}

fn approved(draft: &mut Draft<'_>, request: &ActionRequest, execute_by: Timestamp) {
    let now = draft.now();
    draft.unschedule(WorkKind::ExpireDecision, WorkSubject::request(request.facts.id));
    schedule(draft, request, WorkKind::Execute, now);
    schedule(draft, request, WorkKind::ExpireExecution, execute_by);
}

/// A request that asks again waits for approval; one that policy approved anew is executed at once.
fn drifted(draft: &mut Draft<'_>, request: &ActionRequest) -> Result<(), DraftError> {
    draft.put_words(request)?;
    let subject = WorkSubject::request(request.facts.id);
    match &request.state {
        State::Requested { decide_by } => {
            draft.unschedule(WorkKind::Execute, subject.clone());
            draft.unschedule(WorkKind::ExpireExecution, subject);
            schedule(draft, request, WorkKind::ExpireDecision, *decide_by);
            change_wait(draft, request.facts.id, WaitReason::Approval)
        }
        State::Approved { execute_by, .. } => {
            // Policy approves the new plan as it did the first one: a warrant needs an approval of exactly this plan on record.
            let detail = merged(json!({"by": "policy"}), approval_json(request, *execute_by));
            about(draft, request, EventType::ApprovalApproved, detail)?;
            let now = draft.now();
            schedule(draft, request, WorkKind::Execute, now);
            Ok(())
        }
        State::Applying { .. } | State::Unknown { .. } | State::Settled(_) => Ok(()),
    }
}

fn change_wait(draft: &mut Draft<'_>, request: RequestId, reason: WaitReason) -> Result<(), DraftError> {
    if let Some(run) = draft.run().cloned()
        && let Some(changed) = run.change_wait(request, reason)?
    {
        draft.record_run(changed)?;
    }
    Ok(())
}

/// The end of a request: no work, no sealed value, its wait closed, its outcome in the inbox.
fn settled(draft: &mut Draft<'_>, transition: &Transition) -> Result<(), DraftError> {
    let request = transition.after();
    let id = request.facts.id;
    for kind in WORK_OF_REQUESTS {
        draft.unschedule(kind, WorkSubject::request(id));
    }
    draft.records.erased_requests.push(id.to_string());
    let Some(mut outcome) = outcome_of(transition, draft.now()) else { return Ok(()) };
    let event_type = match transition.event() {
        RequestEvent::Applied { .. } | RequestEvent::Answered { .. } => EventType::McpToolSucceeded,
        RequestEvent::Requested { .. }
        | RequestEvent::Voted { .. }
        | RequestEvent::Approved { .. }
        | RequestEvent::Denied { .. }
        | RequestEvent::Expired { .. }
        | RequestEvent::Cancelled { .. }
        | RequestEvent::Drifted { .. }
        | RequestEvent::Applying
        | RequestEvent::Failed { .. }
        | RequestEvent::Unknown { .. } => EventType::McpToolFailed,
    };
    let detail = json!({
        "tool": request.facts.tool.as_str(), "action": request.facts.action.as_str(),
        "outcome": outcome.status.as_str(), "next_action": outcome.next_action.as_str(),
    });
    about(draft, request, event_type, detail)?;
    let now = draft.now();
    if let Some(run) = draft.run().cloned() {
        if !run.is_live() {
            outcome.undeliverable_at = Some(now);
        }
        draft.close_wait_row(&run, id);
        draft.record_run(run.close_wait(id, now)?)?;
        finish_run(draft)?;
    }
    draft.put_outcome(&outcome);
    Ok(())
}

/// A run that is ending is finished with its last request.
fn finish_run(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    let now = draft.now();
    if let Some(run) = draft.run().cloned()
        && matches!(run.state, RunState::Ending { .. })
        && run.waits.is_empty()
    {
        draft.record_run(run.finish(now)?)?;
    }
    Ok(())
}

/// The audit event of each event of a request.
fn audited(transition: &Transition) -> Result<(EventType, Value), DraftError> {
    let request = transition.after();
    let facts = &request.facts;
    let told = match transition.event() {
        RequestEvent::Requested { decide_by } => {
            let detail = json!({
                "tool": facts.tool.as_str(), "action": facts.action.as_str(),
                "environment": facts.environment.as_ref().map(|environment| environment.as_str()),
                "launched_by": facts.launched_by.as_str(), "terms": request.proposal.terms.to_json(),
                "decide_by": decide_by.to_string(),
            });
            (EventType::ApprovalRequested, detail)
        }
        RequestEvent::Voted { vote, approvals } => {
            let extra = json!({"approvals": approvals, "quorum": request.proposal.terms.quorum});
            (EventType::ApprovalVoted, vote_json(vote, extra))
        }
        RequestEvent::Approved { vote, execute_by } => {
            let extra = approval_json(request, *execute_by);
            let detail = match vote {
                Some(vote) => vote_json(vote, extra),
                None => merged(json!({"by": "policy"}), extra),
            };
            (EventType::ApprovalApproved, detail)
        }
        RequestEvent::Denied { vote, reason } => {
            let extra = json!({"reason": text(reason.as_ref())});
            let detail = match vote {
                Some(vote) => vote_json(vote, extra),
                None => merged(json!({"by": "policy"}), extra),
            };
            (EventType::ApprovalDenied, detail)
        }
        RequestEvent::Answered { by, answer, as_sole_owner, by_group } => {
            let extra = json!({"by": by.as_str(), "as_sole_owner": as_sole_owner});
            let extra = merged(extra, group_json(by_group.as_ref()));
            (EventType::ApprovalAnswered, merged(answer_json(answer), extra))
        }
        RequestEvent::Expired { phase } => (EventType::ApprovalExpired, json!({"phase": phase_name(*phase)})),
        RequestEvent::Cancelled { by, reason } => {
            let by = match by {
                CancelledBy::Agent => "agent",
                CancelledBy::Staff(principal) => principal.as_str(),
                CancelledBy::RunEnd => "run_end",
            };
            (EventType::ApprovalCancelled, json!({"by": by, "reason": text(reason.as_ref())}))
        }
        RequestEvent::Drifted { approved, now, asks_again } => {
            let detail = json!({
                "approved_plan": approved.plan_digest.to_string(), "plan_now": now.to_string(),
                "revision": request.revision, "asks_again": asks_again,
                "changes": changes(approved, &request.proposal)?.to_json(),
            });
            (EventType::ApprovalDrifted, detail)
        }
        RequestEvent::Applying => (EventType::ApprovalApplying, json!({"revision": request.revision})),
        RequestEvent::Applied { by, receipts } => {
            let extra = json!({"receipts": receipts});
            (EventType::ApprovalApplied, merged(settled_by_json(by), extra))
        }
        RequestEvent::Failed { code, reason, by, undone } => {
            let extra = json!({"code": code, "reason": reason.as_str(), "undone": undone});
            (EventType::ApprovalFailed, merged(settled_by_json(by), extra))
        }
        RequestEvent::Unknown { code, reason } => {
            (EventType::ApprovalUnknown, json!({"code": code, "reason": reason.as_str()}))
        }
    };
    Ok(told)
}

/// What people who approved one proposal are to see of the other.
fn changes(approved: &Proposal, now: &Proposal) -> Result<PlanChanges, DecodeError> {
    let (before, after) = (Plan::from_json(&approved.plan)?, Plan::from_json(&now.plan)?);
    Ok(PlanChanges::between((&before, &approved.terms), (&after, &now.terms)))
}

fn approval_json(request: &ActionRequest, execute_by: Timestamp) -> Value {
    json!({
        "execute_by": execute_by.to_string(), "revision": request.revision,
        "tool": request.facts.tool.as_str(), "action": request.facts.action.as_str(),
    })
}

fn vote_json(vote: &Vote, extra: Value) -> Value {
    let ballot = &vote.ballot;
    let detail = json!({
        "by": ballot.by.as_str(), "choice": ballot.choice.as_str(), "seen_digest": ballot.seen.to_string(),
        "reason": text(ballot.reason.as_ref()), "input_mode": ballot.input_mode.as_str(),
        "proof": ballot.proof.as_str(), "revision": vote.revision, "as_sole_owner": vote.as_sole_owner,
    });
    let detail = with_transcript(detail, &ballot.input_mode);
    merged(merged(detail, group_json(vote.by_group.as_ref())), extra)
}

/// By which outside group somebody decided; nothing is said of those whom the policy text names.
fn group_json(by_group: Option<&OutsideGroup>) -> Value {
    by_group.map_or_else(|| json!({}), |group| json!({"by_group": group.as_str()}))
}

fn settled_by_json(by: &SettledBy) -> Value {
    match by {
        SettledBy::Execution => json!({"settled_by": "execution"}),
        SettledBy::Probe { evidence } => json!({"settled_by": "probe", "evidence": evidence}),
        SettledBy::Person { by, reason } => {
            json!({"settled_by": "person", "by": by.as_str(), "why": reason.as_str()})
        }
        SettledBy::Beforehand => json!({"settled_by": "beforehand"}),
    }
}

fn text(words: Option<&RedactedText>) -> Option<&str> {
    words.map(RedactedText::as_str)
}

fn merged(first: Value, second: Value) -> Value {
    let mut members = Map::new();
    for part in [first, second] {
        if let Value::Object(part) = part {
            members.extend(part);
        }
    }
    Value::Object(members)
}
