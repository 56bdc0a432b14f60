//! What waits for people, each with what the one who looks may do about it.

use countersign_approvals::ActionRequest;
use countersign_kernel::Timestamp;
use countersign_mcp_tools::{Call, Plan};

use super::approval::{Standing, deciders, standing};
use crate::access::BearerIdentity;
use crate::error::ServiceError;
use crate::port::{RequestCursor, RequestFilter};
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
    let page = services.queries().list_requests(filter, after, limit).await?;
    let now = services.queries().ping().await?;
    let members = deciders(services).await?;
    let requests = page.requests.into_iter().map(|(request, last_heartbeat)| {
        let (call, plan) =
            (Call::from_json(&request.proposal.call)?, Plan::from_json(&request.proposal.plan)?);
        let standing = standing(&request, now, viewer, &members);
        Ok(Listed { request, last_heartbeat, call, plan, standing })
    });
    Ok(ListedPage { requests: requests.collect::<Result<_, ServiceError>>()?, next: page.next, now })
}
