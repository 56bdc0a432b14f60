//! What waits for people, each with what the one who looks may do about it.

use std::sync::Arc;

use countersign_approvals::{ActionRequest, StateName};
use countersign_kernel::{RequestId, Timestamp};
use countersign_mcp_tools::{Call, Plan};
use countersign_policy::CompiledPolicy;

use super::approval::{Standing, deciders, standing};
use super::get_request;
use crate::access::{BearerIdentity, Role};
use crate::decisions::DecisionError;
use crate::error::ServiceError;
use crate::port::{RequestCursor, RequestFilter, RequestSnapshot};
use crate::services::Services;

/// A request as somebody who looks through a list sees it.
pub struct Listed {
    /// The request.
    pub request: ActionRequest,
    /// The last sign of life of its run.
    pub last_heartbeat: Option<Timestamp>,
    /// The call that asked for it.
    pub call: Call,
    /// What would be done.
    pub plan: Plan,
    /// What the one who looks may do about it.
    pub standing: Standing,
}

/// One page of requests.
pub struct ListedPage {
    /// The requests, oldest first.
    pub requests: Vec<Listed>,
    /// Where to go on; none on the last page.
    pub next: Option<RequestCursor>,
    /// The database's time.
    pub now: Timestamp,
}

/// Lists requests for this person; `limit` is 1 to 500.
///
/// # Errors
/// Storage can't be read, or a stored document can't.
pub async fn list_for(
    services: &Services,
    filter: &RequestFilter,
    after: Option<RequestCursor>,
    limit: u32,
    viewer: &BearerIdentity,
) -> Result<ListedPage, ServiceError> {
    let members = deciders(services).await?;
    list_with(services, (filter, after, limit), viewer, &members).await
}

async fn list_with(
    services: &Services,
    (filter, after, limit): (&RequestFilter, Option<RequestCursor>, u32),
    viewer: &BearerIdentity,
    members: &Result<Arc<CompiledPolicy>, &'static str>,
) -> Result<ListedPage, ServiceError> {
    let page = services.queries().list_requests(filter, after, limit).await?;
    let now = services.queries().ping().await?;
    let requests = page.requests.into_iter().map(|(request, last_heartbeat)| {
        let standing = standing(&request, now, viewer, members);
        Listed::of(request, last_heartbeat, standing)
    });
    Ok(ListedPage { requests: requests.collect::<Result<_, ServiceError>>()?, next: page.next, now })
}

/// Lists what waits for the decision of the groups that this person belongs to, by the policy of the moment and what they have proved;
/// `limit` is 1 to 500. What is theirs by their groups and still not theirs to decide, such as what their own run asks for, is among it: see
/// [`Listed::standing`].
///
/// # Errors
/// Storage can't be read, or a stored document can't.
pub async fn list_asked_of(
    services: &Services,
    filter: &RequestFilter,
    after: Option<RequestCursor>,
    limit: u32,
    viewer: &BearerIdentity,
) -> Result<ListedPage, ServiceError> {
    let members = deciders(services).await?;
    let groups = match &members {
        Ok(policy) if viewer.roles.contains(&Role::Approver) => {
            policy.groups_of(&viewer.identity.principal, &viewer.identity.groups)
        }
        Ok(_) | Err(_) => Vec::new(),
    };
    if groups.is_empty() {
        let now = services.queries().ping().await?;
        return Ok(ListedPage::nothing(now));
    }
    let asked = RequestFilter { states: vec![StateName::Requested], deciders: groups, ..filter.clone() };
    list_with(services, (&asked, after, limit), viewer, &members).await
}

/// These requests, in this order, for this person.
///
/// # Errors
/// One of them is not there; or storage can't be read, or a stored document can't.
pub async fn look_at_each(
    services: &Services,
    ids: &[RequestId],
    viewer: &BearerIdentity,
) -> Result<Vec<Listed>, DecisionError> {
    let members = deciders(services).await?;
    let mut listed = Vec::with_capacity(ids.len());
    for id in ids {
        let RequestSnapshot { request, run, now, .. } = get_request(services, *id).await?;
        let standing = standing(&request, now, viewer, &members);
        listed.push(Listed::of(request, run.last_heartbeat_at, standing)?);
    }
    Ok(listed)
}

impl ListedPage {
    /// A page with nothing on it.
    pub const fn nothing(now: Timestamp) -> Self {
        Self { requests: Vec::new(), next: None, now }
    }
}

impl Listed {
    fn of(
        request: ActionRequest,
        last_heartbeat: Option<Timestamp>,
        standing: Standing,
    ) -> Result<Self, ServiceError> {
        let (call, plan) =
            (Call::from_json(&request.proposal.call)?, Plan::from_json(&request.proposal.plan)?);
        Ok(Self { request, last_heartbeat, call, plan, standing })
    }
}
