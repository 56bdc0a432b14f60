//! Requests as staff see them.

use countersign_approvals::{self as domain, ActionRequest, State};
use countersign_kernel::{self as kernel, Language, visible, visible_document};
use countersign_mcp_tools::{self as tools, Call, CodeLink, ToolRegistry};
use countersign_usecases::look::{ApprovalView, Liveness, Standing};
use countersign_usecases::record::StepRecord;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Link;
use super::plan::{Drift, Plan};
use super::transcript::Transcript;
use super::words::{ApprovalMode, Choice, InputMode, OnRunEnd, RequestState, SoleOwner};
use crate::api::etag;

/// One page of requests, in the order that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ApprovalPage {
    /// The requests.
    pub(in crate::api) approvals: Vec<ApprovalSummary>,
    /// Where to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next_cursor: Option<String>,
}

/// What lists show of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ApprovalSummary {
    /// Its id.
    #[schema(format = "uuid")]
    pub(in crate::api) id: String,
    /// Connects all that is said about it.
    #[schema(format = "uuid")]
    pub(in crate::api) correlation_id: String,
    /// Where it stands.
    pub(in crate::api) state: RequestState,
    /// 1 for the first proposal; grows each time the target drifted and it is asked again.
    pub(in crate::api) revision: u32,
    /// Grows with every change.
    pub(in crate::api) version: u64,
    /// The version as `If-Match` takes it.
    pub(in crate::api) etag: String,
    /// The digest of what is proposed now: what a decision has to name.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) plan_digest: String,
    /// The project.
    pub(in crate::api) project: String,
    /// The environment, for tools that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) environment: Option<String>,
    /// The tool.
    pub(in crate::api) tool: String,
    /// The action.
    pub(in crate::api) action: String,
    /// Whether it is a question: answered, not approved.
    pub(in crate::api) question: bool,
    /// The run that asked.
    pub(in crate::api) run_id: String,
    /// The agent that asked.
    pub(in crate::api) agent_key: String,
    /// Who launched the run.
    pub(in crate::api) launched_by: String,
    /// When it was opened.
    #[schema(format = DateTime)]
    pub(in crate::api) requested_at: String,
    /// Until when a decision counts; present while requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) decide_by: Option<String>,
    /// Until when the executor may begin; present while approved or applying.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) execute_by: Option<String>,
    /// The effective terms.
    pub(in crate::api) terms: Terms,
    /// Approvals cast on this revision.
    pub(in crate::api) approvals: u32,
    /// The requesting run's last sign of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) requester_last_heartbeat_at: Option<String>,
    /// Whether the requester has been silent for longer than the server's limit: it may be dead.
    pub(in crate::api) requester_silent: bool,
}

/// On what terms a request is decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Terms {
    /// Whom policy asks.
    pub(in crate::api) mode: ApprovalMode,
    /// The groups that decide.
    pub(in crate::api) deciders: Vec<String>,
    /// How many approvals it takes.
    pub(in crate::api) quorum: u32,
    /// How long people may take.
    pub(in crate::api) decide_within_ms: u64,
    /// How long the executor may take to begin.
    pub(in crate::api) execute_within_ms: u64,
    /// What holds for a project with one single owner.
    pub(in crate::api) sole_owner: SoleOwner,
    /// What becomes of it when its run ends.
    pub(in crate::api) on_run_end: OnRunEnd,
}

/// A request with everything a person decides on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Approval {
    /// What lists show.
    pub(in crate::api) summary: ApprovalSummary,
    /// What would be done.
    pub(in crate::api) plan: Plan,
    /// What is wanted, as the tool's own versioned JSON. Holds no secret.
    #[schema(value_type = Object)]
    pub(in crate::api) input: Value,
    /// The agent's own words. Untrusted: they are what an agent claims.
    pub(in crate::api) prose: Vec<UntrustedText>,
    /// Links the agent gives to code. Untrusted: never followed by Countersign.
    pub(in crate::api) code_links: Vec<UntrustedLink>,
    /// The question, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) question_form: Option<Question>,
    /// How it ended or why it is in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) resolution: Option<Resolution>,
    /// Votes of all revisions, oldest first.
    pub(in crate::api) votes: Vec<Vote>,
    /// Steps that were begun, of all revisions, in order.
    pub(in crate::api) steps: Vec<StepProgress>,
    /// What it is connected with.
    pub(in crate::api) links: Vec<Link>,
    /// The policy text that gave the terms.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) policy_digest: String,
    /// What the caller may do about it now.
    pub(in crate::api) viewer: Viewer,
    /// What is different from what was approved before; present when it is asked again, unless the record of it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) drift: Option<Drift>,
}

/// Words of an agent. Control and bidirectional characters are shown as `<U+XXXX>`; no markup is meant.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct UntrustedText {
    /// Which field of the call.
    pub(in crate::api) field: String,
    /// The words, redacted.
    pub(in crate::api) text: String,
}

/// A link of an agent. Characters are shown as in `UntrustedText`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct UntrustedLink {
    /// What the link shows.
    pub(in crate::api) text: String,
    /// Where it leads.
    pub(in crate::api) url: String,
}

/// A question to the owner.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Question {
    /// The question.
    pub(in crate::api) question: String,
    /// What to know for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) context: Option<String>,
    /// The options in order.
    pub(in crate::api) options: Vec<String>,
    /// Whether the owner's own words are welcome.
    pub(in crate::api) allow_custom: bool,
}

/// How a request ended, or why it is in doubt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Resolution {
    /// Since when.
    #[schema(format = DateTime)]
    pub(in crate::api) at: String,
    /// Who brought it about.
    pub(in crate::api) by: String,
    /// Why, or what was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) reason: Option<String>,
    /// The stable code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) code: Option<String>,
}

/// One person's decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Vote {
    /// Who.
    pub(in crate::api) principal: String,
    /// What.
    pub(in crate::api) decision: Choice,
    /// The plan that was shown.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub(in crate::api) seen_digest: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) reason: Option<String>,
    /// How it was given.
    pub(in crate::api) input_mode: InputMode,
    /// How the identity was proved.
    pub(in crate::api) proof: String,
    /// When.
    #[schema(format = DateTime)]
    pub(in crate::api) voted_at: String,
    /// On which revision.
    pub(in crate::api) revision: u32,
    /// Whether it counted only because the voter is the project's sole owner.
    pub(in crate::api) as_sole_owner: bool,
    /// The outside group by which the voter is one of those who decide; absent for one whom the policy text names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) by_group: Option<String>,
    /// How the spoken words of the reason became text; absent for what was not spoken, or not transcribed by this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) transcript: Option<Transcript>,
}

/// How far a step has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct StepProgress {
    /// Of which revision.
    pub(in crate::api) revision: u32,
    /// Its place in the plan.
    pub(in crate::api) number: u32,
    /// What is done.
    pub(in crate::api) kind: String,
    /// Which target.
    pub(in crate::api) target: String,
    /// `intended`, `not_done`, `done`, `undoing` or `undone`.
    pub(in crate::api) state: String,
    /// When it was recorded as intended.
    #[schema(format = DateTime)]
    pub(in crate::api) intended_at: String,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::api) done_at: Option<String>,
    /// What the target answered: names and versions, no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub(in crate::api) receipt: Option<Value>,
    /// How often it was tried.
    pub(in crate::api) attempts: u32,
}

/// What the caller may do about a request now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Viewer {
    /// Whether their decision would count.
    pub(in crate::api) may_decide: bool,
    /// The stable code of what forbids it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) why_not: Option<String>,
    /// Their own vote on this revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) own_vote: Option<Choice>,
}

impl ApprovalSummary {
    /// A request as lists show it.
    pub(in crate::api) fn of(request: &ActionRequest, liveness: Liveness) -> Self {
        let facts = &request.facts;
        let (decide_by, execute_by) = match &request.state {
            State::Requested { decide_by } => (Some(*decide_by), None),
            State::Approved { execute_by, .. } | State::Applying { execute_by, .. } => {
                (None, Some(*execute_by))
            }
            State::Unknown { .. } | State::Settled(_) => (None, None),
        };
        Self {
            id: facts.id.to_string(),
            correlation_id: facts.correlation_id.to_string(),
            state: request.state.name().into(),
            revision: request.revision,
            version: request.version,
            etag: etag::of(request),
            plan_digest: request.proposal.plan_digest.to_string(),
            project: facts.project.to_string(),
            environment: facts.environment.as_ref().map(ToString::to_string),
            tool: facts.tool.to_string(),
            action: facts.action.to_string(),
            question: facts.question.is_some(),
            run_id: facts.run.to_string(),
            agent_key: facts.agent_key.to_string(),
            launched_by: facts.launched_by.to_string(),
            requested_at: facts.requested_at.to_string(),
            decide_by: decide_by.map(|at| at.to_string()),
            execute_by: execute_by.map(|at| at.to_string()),
            terms: (&request.proposal.terms).into(),
            approvals: u32::try_from(request.approvals().count()).unwrap_or(u32::MAX),
            requester_last_heartbeat_at: liveness.last_heartbeat.map(|at| at.to_string()),
            requester_silent: liveness.is_silent(request),
        }
    }
}

impl From<&kernel::Terms> for Terms {
    fn from(terms: &kernel::Terms) -> Self {
        Self {
            mode: terms.mode.into(),
            deciders: terms.deciders.iter().map(ToString::to_string).collect(),
            quorum: terms.quorum,
            decide_within_ms: terms.decide_within.0,
            execute_within_ms: terms.execute_within.0,
            sole_owner: terms.sole_owner.into(),
            on_run_end: terms.on_run_end.into(),
        }
    }
}

impl Approval {
    /// A request with everything about it, its facts worded by its tool.
    pub(in crate::api) fn of(
        view: ApprovalView,
        liveness: Liveness,
        tools: &ToolRegistry,
        language: Language,
    ) -> Self {
        let request = &view.snapshot.request;
        Self {
            summary: ApprovalSummary::of(request, liveness),
            plan: Plan::of(&view.plan, &request.facts.tool, tools, language),
            prose: prose(&view.call),
            code_links: view.call.links.iter().map(UntrustedLink::from).collect(),
            question_form: view.call.question.as_ref().map(Question::from),
            resolution: request.state.resolution().map(Resolution::from),
            votes: view.votes.iter().map(Vote::from).collect(),
            steps: view.steps.iter().map(StepProgress::from).collect(),
            policy_digest: request.proposal.policy_digest.to_string(),
            viewer: view.standing.into(),
            drift: view.drift.map(|drift| Drift::of(&drift, &request.facts.tool, tools, language)),
            input: visible_document(&view.call.input),
            links: view.links.into_iter().map(Link::from).collect(),
        }
    }
}

fn prose(call: &Call) -> Vec<UntrustedText> {
    let untrusted = |(field, text): (&String, &kernel::RedactedText)| UntrustedText {
        field: field.clone(),
        text: visible(text.as_str()),
    };
    call.prose.iter().map(untrusted).collect()
}

impl From<&CodeLink> for UntrustedLink {
    fn from(link: &CodeLink) -> Self {
        Self { text: visible(link.text.as_str()), url: visible(link.url.as_str()) }
    }
}

impl From<&tools::Question> for Question {
    fn from(asked: &tools::Question) -> Self {
        Self {
            question: visible(asked.question.as_str()),
            context: asked.context.as_ref().map(|context| visible(context.as_str())),
            options: asked.options.iter().map(|option| visible(option.as_str())).collect(),
            allow_custom: asked.allow_custom,
        }
    }
}

impl From<domain::Resolution> for Resolution {
    fn from(resolution: domain::Resolution) -> Self {
        Self {
            at: resolution.at.to_string(),
            by: resolution.by,
            reason: resolution.reason.map(|reason| visible(&reason)),
            code: resolution.code,
        }
    }
}

impl From<&domain::Vote> for Vote {
    fn from(vote: &domain::Vote) -> Self {
        let ballot = &vote.ballot;
        Self {
            principal: ballot.by.to_string(),
            decision: ballot.choice.into(),
            seen_digest: ballot.seen.to_string(),
            reason: ballot.reason.as_ref().map(|reason| visible(reason.as_str())),
            input_mode: (&ballot.input_mode).into(),
            proof: ballot.proof.as_str().to_owned(),
            voted_at: vote.at.to_string(),
            revision: vote.revision,
            as_sole_owner: vote.as_sole_owner,
            by_group: vote.by_group.as_ref().map(ToString::to_string),
            transcript: ballot.input_mode.transcript().map(Transcript::from),
        }
    }
}

impl From<&StepRecord> for StepProgress {
    fn from(record: &StepRecord) -> Self {
        // Stored numbers were unsigned when they were written.
        let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            revision: number(record.revision),
            number: number(record.step_number),
            kind: record.kind.clone(),
            target: record.target.clone(),
            state: record.state.clone(),
            intended_at: record.intended_at.0.to_string(),
            done_at: record.done_at.map(|at| at.0.to_string()),
            receipt: record.receipt.as_ref().map(visible_document),
            attempts: number(record.attempts),
        }
    }
}

impl From<Standing> for Viewer {
    fn from(standing: Standing) -> Self {
        Self {
            may_decide: standing.why_not.is_none(),
            why_not: standing.why_not.map(str::to_owned),
            own_vote: standing.own_vote.map(Choice::from),
        }
    }
}
