//! `countersign approvals`: see and decide what waits.

use std::process::ExitCode;

use anyhow::Result;
use countersign_transport_grpc::v1::{Approval, ApprovalSummary, Decision, RequestState};

use super::say;
use crate::cli::{ApprovalsCommand, DecisionArgs};
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
    }
    Ok(ExitCode::SUCCESS)
}

async fn decide(id: &str, choice: Decision, args: &DecisionArgs) -> Result<()> {
    let mut staff = Staff::connect(&args.server).await?;
    say(line(&staff.decide(id, choice, &args.digest, &args.reason).await?));
    Ok(())
}

fn line(summary: &ApprovalSummary) -> String {
    let state = RequestState::try_from(summary.state).unwrap_or(RequestState::Unspecified);
    let state = state.as_str_name().trim_start_matches("REQUEST_STATE_").to_ascii_lowercase();
    let environment = summary.environment.as_deref().unwrap_or("-");
    format!(
        "{} {state} {} {} in {environment} of {} by {} (launched by {})",
        summary.request_id,
        summary.tool,
        summary.action,
        summary.project,
        summary.agent_key,
        summary.launched_by
    )
}

/// A request as an approver sees it: facts first, the agent's own words last and marked as such.
pub(crate) fn shown(approval: &Approval) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(summary) = &approval.summary {
        lines.push(line(summary));
        lines.push(format!("digest {} (revision {})", summary.plan_digest, summary.revision));
    }
    if let Some(plan) = &approval.plan {
        lines.extend(plan.facts.iter().map(|fact| format!("  fact: {}", fact.text)));
        lines.extend(
            plan.steps.iter().map(|step| format!("  step {}: {} on {}", step.number, step.kind, step.target)),
        );
    }
    if let Some(form) = &approval.question_form {
        lines.push(format!("  question: {}", form.question));
        lines.extend(form.options.iter().enumerate().map(|(index, option)| format!("    {index}: {option}")));
    }
    for prose in &approval.prose {
        lines.push(format!("  the agent says ({}, not verified): {}", prose.field, prose.text));
    }
    lines
}
