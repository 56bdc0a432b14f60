//! What an agent is told of a call.

use countersign_mcp_tools::{DecodeError, Plan};
use countersign_usecases::call_tool::{CallReply, PlanPreview};
use countersign_usecases::outcomes::is_over;

use super::{json, plan, stamp, words};
use crate::v1;

/// The reply as a message.
///
/// # Errors
/// The plan of a dry run can't be read back: a defect of the tool.
pub(crate) fn reply(reply: &CallReply) -> Result<v1::CallReply, DecodeError> {
    Ok(v1::CallReply {
        status: words::call_status(reply.status).into(),
        request_id: reply.request.map(|id| id.to_string()),
        correlation_id: reply.correlation_id.map(|id| id.to_string()),
        plan_digest: reply.plan_digest.map(|digest| digest.to_string()),
        decide_by: reply.decide_by.map(stamp),
        reused: reply.reused,
        next_action: words::next_action(reply.next_action).into(),
        detail: Some(json::document(&reply.detail)),
        preview: reply.preview.as_ref().map(preview).transpose()?,
        settled: is_over(reply.status),
    })
}

fn preview(preview: &PlanPreview) -> Result<v1::PlanPreview, DecodeError> {
    let plan = Plan::from_json(&preview.plan)?;
    Ok(v1::PlanPreview {
        plan: Some(plan::worded(&plan, &preview.facts)),
        terms: Some(words::terms(&preview.terms)),
        looked: preview.looked,
    })
}
