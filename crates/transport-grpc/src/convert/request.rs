//! Action requests as staff see them.

use countersign_approvals::{ActionRequest, Answer, Choice, ExpiredPhase, Settled, State, Vote};
use countersign_kernel::{Millis, RedactedText, Timestamp};
use countersign_mcp_tools::Call;
use countersign_usecases::record::StepRecord;

use super::visible::visible;
use super::{json, stamp, words};
use crate::v1;

/// When the requester was last heard of, and what the list is shown at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    pub(crate) last_heartbeat: Option<Timestamp>,
    pub(crate) now: Timestamp,
    pub(crate) silent_after: Millis,
}

impl Liveness {
    /// Whether an open request's run has been silent for too long. The call itself was a sign of life.
    fn is_silent(self, request: &ActionRequest) -> bool {
        let opened = request.facts.requested_at;
        let last = self.last_heartbeat.map_or(opened, |beat| beat.max(opened));
        !request.state.is_settled() && self.now.since(last) > self.silent_after
    }
}

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
    let settled = match state {
        State::Requested { .. } | State::Approved { .. } | State::Applying { .. } => return None,
        State::Unknown { since, code, reason } => {
            return Some(v1::Resolution {
                at: Some(stamp(*since)),
                by: "the executor".to_owned(),
                reason: visible(reason.as_str()),
                code: code.clone(),
            });
        }
        State::Settled(settled) => settled,
    };
    let (reason, code) = words_of(settled);
    Some(v1::Resolution {
        at: Some(stamp(settled.at())),
        by: settled.by(),
        reason: visible(&reason),
        code: code.to_owned(),
    })
}

fn words_of(settled: &Settled) -> (String, &str) {
    let words = |reason: &Option<RedactedText>| reason.as_ref().map(ToString::to_string).unwrap_or_default();
    match settled {
        Settled::Applied { .. } => (String::new(), ""),
        Settled::Answered { answer, .. } => match answer {
            Answer::Option { text, .. } | Answer::Custom { text, .. } => (text.to_string(), ""),
        },
        Settled::Denied { reason, .. } | Settled::Cancelled { reason, .. } => (words(reason), ""),
        Settled::Expired { phase, .. } => match phase {
            ExpiredPhase::Undecided => (String::new(), "undecided"),
            ExpiredPhase::Unexecuted => (String::new(), "unexecuted"),
        },
        Settled::Failed { code, reason, .. } => (reason.to_string(), code),
    }
}

pub(crate) fn vote(vote: &Vote) -> v1::Vote {
    let ballot = &vote.ballot;
    v1::Vote {
        principal: ballot.by.to_string(),
        decision: words::choice(ballot.choice).into(),
        seen_digest: ballot.seen.to_string(),
        reason: ballot.reason.as_ref().map(|reason| visible(reason.as_str())).unwrap_or_default(),
        input_mode: words::input_mode(ballot.input_mode).into(),
        proof: ballot.proof.as_str().to_owned(),
        voted_at: Some(stamp(vote.at)),
        revision: vote.revision,
        as_sole_owner: vote.as_sole_owner,
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
        receipt: record.receipt.as_ref().map(json::document),
        attempts: number(record.attempts),
    }
}

pub(crate) fn own_vote(vote: Option<&Vote>) -> v1::Decision {
    vote.map_or(v1::Decision::Unspecified, |vote: &Vote| {
        let choice: Choice = vote.ballot.choice;
        words::choice(choice)
    })
}
