//! Action requests as staff see them.

use countersign_approvals::{ActionRequest, Choice, State, Transcript, Vote};
use countersign_kernel::RedactedText;
use countersign_mcp_tools::Call;
use countersign_usecases::look::Liveness;
use countersign_usecases::record::StepRecord;

use super::{json, stamp, words};
use crate::v1;
use countersign_kernel::visible;

pub(crate) fn summary(request: &ActionRequest, liveness: Liveness) -> v1::ApprovalSummary {
    let facts = &request.facts;
    let (decide_by, execute_by) = match &request.state {
        State::Requested { decide_by } => (Some(*decide_by), None),
        State::Approved { execute_by, .. } | State::Applying { execute_by, .. } => (None, Some(*execute_by)),
        State::Unknown { .. } | State::Settled(_) => (None, None),
    };
    v1::ApprovalSummary {
        request_id: facts.id.to_string(),
        correlation_id: facts.correlation_id.to_string(),
        state: words::state(request.state.name()).into(),
        revision: request.revision,
        plan_digest: request.proposal.plan_digest.to_string(),
        project: facts.project.to_string(),
        environment: facts.environment.as_ref().map(ToString::to_string),
        tool: facts.tool.to_string(),
        action: facts.action.to_string(),
        question: facts.question.is_some(),
        run_id: facts.run.to_string(),
        agent_key: facts.agent_key.to_string(),
        launched_by: facts.launched_by.to_string(),
        requested_at: Some(stamp(facts.requested_at)),
        decide_by: decide_by.map(stamp),
        execute_by: execute_by.map(stamp),
        terms: Some(words::terms(&request.proposal.terms)),
        approvals: u32::try_from(request.approvals().count()).unwrap_or(u32::MAX),
        requester_last_heartbeat_at: liveness.last_heartbeat.map(stamp),
        requester_silent: liveness.is_silent(request),
        version: request.version,
    }
}

/// The agent's own words.
pub(crate) fn prose(call: &Call) -> Vec<v1::UntrustedText> {
    let untrusted = |(field, text): (&String, &RedactedText)| v1::UntrustedText {
        field: field.clone(),
        text: visible(text.as_str()),
    };
    call.prose.iter().map(untrusted).collect()
}

pub(crate) fn code_links(call: &Call) -> Vec<v1::UntrustedLink> {
    let untrusted = |link: &countersign_mcp_tools::CodeLink| v1::UntrustedLink {
        text: visible(link.text.as_str()),
        url: visible(link.url.as_str()),
    };
    call.links.iter().map(untrusted).collect()
}

pub(crate) fn question(call: &Call) -> Option<v1::Question> {
    call.question.as_ref().map(|asked| v1::Question {
        question: visible(asked.question.as_str()),
        context: asked.context.as_ref().map(|context| visible(context.as_str())),
        options: asked.options.iter().map(|option| visible(option.as_str())).collect(),
        allow_custom: asked.allow_custom,
    })
}

/// How it ended, or why it is in doubt.
pub(crate) fn resolution(state: &State) -> Option<v1::Resolution> {
    state.resolution().map(|resolution| v1::Resolution {
        at: Some(stamp(resolution.at)),
        by: resolution.by,
        reason: visible(&resolution.reason.unwrap_or_default()),
        code: resolution.code.unwrap_or_default(),
    })
}

pub(crate) fn vote(vote: &Vote) -> v1::Vote {
    let ballot = &vote.ballot;
    v1::Vote {
        principal: ballot.by.to_string(),
        decision: words::choice(ballot.choice).into(),
        seen_digest: ballot.seen.to_string(),
        reason: ballot.reason.as_ref().map(|reason| visible(reason.as_str())).unwrap_or_default(),
        input_mode: words::input_mode(&ballot.input_mode).into(),
        proof: ballot.proof.as_str().to_owned(),
        voted_at: Some(stamp(vote.at)),
        revision: vote.revision,
        as_sole_owner: vote.as_sole_owner,
        by_group: vote.by_group.as_ref().map(ToString::to_string).unwrap_or_default(),
        transcript: ballot.input_mode.transcript().map(transcript),
    }
}

fn transcript(transcript: &Transcript) -> v1::Transcript {
    v1::Transcript {
        provider: transcript.provider.to_string(),
        model: transcript.model.to_string(),
        language: transcript.language.as_ref().map(ToString::to_string).unwrap_or_default(),
        confidence_percent: transcript.confidence.map(|share| u32::from(share.get())),
        audio_sha256: transcript.audio.to_string(),
        duration_ms: transcript.duration.map(|lasts| lasts.0),
    }
}

pub(crate) fn step(record: &StepRecord) -> v1::StepProgress {
    // Stored numbers were unsigned when they were written.
    let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    v1::StepProgress {
        revision: number(record.revision),
        number: number(record.step_number),
        kind: record.kind.clone(),
        target: record.target.clone(),
        state: record.state.clone(),
        intended_at: Some(stamp(record.intended_at.0)),
        done_at: record.done_at.map(|at| stamp(at.0)),
        receipt: record.receipt.as_ref().map(json::shown),
        attempts: number(record.attempts),
    }
}

pub(crate) fn own_vote(choice: Option<Choice>) -> v1::Decision {
    choice.map_or(v1::Decision::Unspecified, words::choice)
}
