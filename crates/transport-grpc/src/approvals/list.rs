//! `ListPendingApprovals`: filters and pages.

use countersign_approvals::StateName;
use countersign_usecases::ServiceError;
use countersign_usecases::look::Liveness;
use countersign_usecases::port::{Order, RequestFilter};
use tonic::Status;

use crate::convert::fields::Fields;
use crate::convert::page;
use crate::convert::request::summary;
use crate::convert::words;
use crate::pace::Shared;
use crate::status::{CallId, refuse};
use crate::v1;

/// What waits for a person.
pub(super) const PENDING: [StateName; 2] = [StateName::Requested, StateName::Unknown];

const PAGE: u32 = 100;
const MAX_PAGE: u32 = 500;

pub(super) async fn list(
    shared: &Shared,
    asked: &v1::ListPendingApprovalsRequest,
    call: &CallId,
) -> Result<v1::ListPendingApprovalsResponse, Status> {
    let mut fields = Fields::new();
    let filter = filter(&mut fields, asked);
    // The filter is part of what a token is for: a page of one list is no page of another.
    let scope = format!("approvals {filter:?}");
    let after = page::read(&mut fields, &scope, &asked.page_token);
    let limit = match asked.page_size {
        0 => PAGE,
        size => size,
    };
    if limit > MAX_PAGE {
        fields.violate("page_size", "must be at most 500");
    }
    fields.finish(Some(()), call)?;
    let queries = shared.services.queries();
    let unreadable = |error| refuse(&ServiceError::from(error), call);
    let found = queries.list_requests(&filter, after, limit).await.map_err(unreadable)?;
    let now = queries.ping().await.map_err(unreadable)?;
    let silent_after = shared.settings.requester_silent_after;
    let approvals = found.requests.iter().map(|(request, last_heartbeat)| {
        summary(request, Liveness { last_heartbeat: *last_heartbeat, now, silent_after })
    });
    Ok(v1::ListPendingApprovalsResponse {
        approvals: approvals.collect(),
        next_page_token: found.next.map(|next| page::token(&scope, &next)).unwrap_or_default(),
    })
}

fn filter(fields: &mut Fields, asked: &v1::ListPendingApprovalsRequest) -> RequestFilter {
    let mut states = Vec::new();
    for (index, number) in asked.states.iter().enumerate() {
        let state = words::state_name(*number);
        states.extend(fields.chosen(&format!("states[{index}]"), "must be a state of a request", state));
    }
    if asked.states.is_empty() {
        states.extend(PENDING);
    }
    states.sort_unstable();
    states.dedup();
    RequestFilter {
        states,
        project: fields.maybe_name("project", asked.project.as_deref()),
        environment: fields.maybe_name("environment", asked.environment.as_deref()),
        tool: fields.maybe_name("tool", asked.tool.as_deref()),
        run: fields.maybe_name("run_id", asked.run_id.as_deref()),
        deciders: Vec::new(),
        search: None,
        order: Order::OldestFirst,
    }
}
