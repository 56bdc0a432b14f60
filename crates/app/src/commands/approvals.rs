//! `countersign approvals`: see and decide what waits.

use std::process::ExitCode;

use anyhow::Result;
use countersign_transport_grpc::client::from_struct;
use countersign_transport_grpc::v1::{
    Approval, ApprovalSummary, Decision, Drift, RequestState, StepProgress, UnknownVerdict,
};

use super::say;
use crate::cli::{ApprovalsCommand, DecisionArgs, VerdictArg};
use crate::client::Staff;

pub(super) async fn run(command: ApprovalsCommand) -> Result<ExitCode> {
    match command {
        ApprovalsCommand::List { project, server } => {
            let pending = Staff::connect(&server).await?.pending(project).await?;
            if pending.is_empty() {
                say("nothing waits for a decision");
            }
            for summary in &pending {
                say(line(summary));
            }
        }
        ApprovalsCommand::Show { id, server } => {
            for text in shown(&Staff::connect(&server).await?.approval(&id).await?) {
                say(text);
            }
        }
        ApprovalsCommand::Approve { id, decision } => decide(&id, Decision::Approve, &decision).await?,
        ApprovalsCommand::Deny { id, decision } => decide(&id, Decision::Deny, &decision).await?,
        ApprovalsCommand::Answer { id, digest, option, text, server } => {
            let summary = Staff::connect(&server).await?.answer(&id, &digest, option, text).await?;
            say(line(&summary));
        }
        ApprovalsCommand::ResolveUnknown { id, verdict, reason, server } => {
            let verdict = match verdict {
                VerdictArg::Applied => UnknownVerdict::Applied,
                VerdictArg::Failed => UnknownVerdict::Failed,
            };
            let mut staff = Staff::connect(&server).await?;
            say(line(&staff.resolve_unknown(&id, verdict, &reason).await?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn decide(id: &str, choice: Decision, args: &DecisionArgs) -> Result<()> {
    let mut staff = Staff::connect(&args.server).await?;
    say(line(&staff.decide(id, choice, &args.digest, &args.reason).await?));
    Ok(())
}

fn line(summary: &ApprovalSummary) -> String {
    let state = state_of(summary).as_str_name().trim_start_matches("REQUEST_STATE_").to_ascii_lowercase();
    let environment = summary.environment.as_deref().unwrap_or("-");
    let again = match (summary.revision, state_of(summary)) {
        (2.., RequestState::Requested) => format!(" ASKED AGAIN (revision {})", summary.revision),
        _ => String::new(),
    };
    format!(
        "{} {state} {} {} in {environment} of {} by {} (launched by {}){again}",
        summary.request_id,
        summary.tool,
        summary.action,
        summary.project,
        summary.agent_key,
        summary.launched_by
    )
}

fn state_of(summary: &ApprovalSummary) -> RequestState {
    RequestState::try_from(summary.state).unwrap_or(RequestState::Unspecified)
}

/// A request as an approver sees it: facts first, the agent's own words last and marked as such.
pub(crate) fn shown(approval: &Approval) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(summary) = &approval.summary {
        lines.push(line(summary));
        lines.push(format!("digest {} (revision {})", summary.plan_digest, summary.revision));
    }
    lines.extend(approval.drift.iter().flat_map(drift));
    if let Some(plan) = &approval.plan {
        lines.extend(plan.facts.iter().map(|fact| format!("  fact: {}", fact.text)));
        for step in &plan.steps {
            let known = known_of(approval, step.number);
            lines.push(format!("  step {}: {} on {}{known}", step.number, step.kind, step.target));
        }
    }
    if let Some(form) = &approval.question_form {
        lines.push(format!("  question: {}", form.question));
        lines.extend(form.options.iter().enumerate().map(|(index, option)| format!("    {index}: {option}")));
    }
    for prose in &approval.prose {
        lines.push(format!("  the agent says ({}, not verified): {}", prose.field, prose.text));
    }
    lines.extend(resolution(approval));
    lines
}

/// Why it is asked again: what is different from what was approved before.
fn drift(drift: &Drift) -> Vec<String> {
    let at = drift.noticed_at.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
    let mut lines = vec![format!(
        "  asked again: what was approved changed{at}; votes given before do not count any more"
    )];
    lines.extend(drift.gone_facts.iter().map(|fact| format!("    no longer so: {}", fact.text)));
    lines.extend(drift.new_facts.iter().map(|fact| format!("    new: {}", fact.text)));
    lines.extend(drift.changed_parts.iter().map(|part| format!("    changed: {}", part.text)));
    lines
}

/// What is on the record of a step, once there is something: whether it was done, with the target's own receipt.
fn known_of(approval: &Approval, number: u32) -> String {
    let revision = approval.summary.as_ref().map_or(0, |summary| summary.revision);
    let begun: Vec<_> = approval.steps.iter().filter(|step| step.revision == revision).collect();
    match begun.iter().find(|step| step.number == number) {
        Some(step) => format!(": {}", progress(step)),
        None if begun.is_empty() => String::new(),
        None => ": not begun".to_owned(),
    }
}

fn progress(step: &StepProgress) -> String {
    let time = |at: &Option<_>| at.as_ref().map_or_else(|| "an unknown time".to_owned(), ToString::to_string);
    let receipt =
        step.receipt.as_ref().map(from_struct).map_or_else(String::new, |seen| format!(", receipt {seen}"));
    match step.state.as_str() {
        "done" => format!("done at {}{receipt}", time(&step.done_at)),
        "not_done" => format!("certainly not done (attempts: {})", step.attempts),
        "undone" => format!("undone; was done at {}{receipt}", time(&step.done_at)),
        "undoing" => format!(
            "being undone, MAY OR MAY NOT BE UNDONE (attempts: {}); was done at {}{receipt}",
            step.attempts,
            time(&step.done_at)
        ),
        state => format!(
            "{state} since {} (attempts: {}): MAY OR MAY NOT HAVE BEEN DONE",
            time(&step.intended_at),
            step.attempts
        ),
    }
}

/// Who ended it, where the resolution tells: what was applied or failed may have been settled by evidence or by a person, which the events
/// say.
fn by(approval: &Approval, who: &str) -> String {
    match approval.summary.as_ref().map(state_of) {
        Some(RequestState::Applied | RequestState::Failed) => String::new(),
        _ => format!(" by {who}"),
    }
}

/// How it ended or why it is in doubt; for what is in doubt also how to settle it.
fn resolution(approval: &Approval) -> Vec<String> {
    let Some(found) = &approval.resolution else { return Vec::new() };
    let at = found.at.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
    let code = if found.code.is_empty() { String::new() } else { format!(" ({})", found.code) };
    let unknown = approval.summary.as_ref().filter(|summary| state_of(summary) == RequestState::Unknown);
    let what = if unknown.is_some() { "in doubt" } else { "ended" };
    let mut lines = vec![format!("  {what}{at}{}{code}: {}", by(approval, &found.by), found.reason)];
    lines.extend(unknown.map(|summary| {
        format!(
            "  look at the targets, then: countersign approvals resolve-unknown {} --verdict applied|failed --reason …",
            summary.request_id
        )
    }));
    lines
}
