//! `AuditService`: the audited facts, in the order in which they became visible.

use countersign_usecases::ServiceError;
use countersign_usecases::port::{EventCursor, EventFilter, Order};
use tonic::{Request, Response, Status};

use crate::convert::event::event;
use crate::convert::fields::Fields;
use crate::convert::page;
use crate::identity::Context;
use crate::pace::Shared;
use crate::status::refuse;
use crate::v1;
use crate::v1::audit_service_server::AuditService;

const PAGE: u32 = 100;
const MAX_PAGE: u32 = 1000;
const MAX_PREFIX: usize = 64;

/// The service.
pub(crate) struct Audit(pub(crate) Shared);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let filter = filter(&mut fields, asked);
        let scope = format!("events {filter:?}");
        let after: Option<EventCursor> = page::read(&mut fields, &scope, &asked.page_token);
        let limit = match asked.page_size {
            0 => PAGE,
            size => size,
        };
        if limit > MAX_PAGE {
            fields.violate("page_size", "must be at most 1000");
        }
        fields.finish(Some(()), &context.id)?;
        let found = self.0.services.queries().list_events(&filter, after.as_ref(), limit).await;
        let found = found.map_err(|error| refuse(&ServiceError::from(error), &context.id))?;
        Ok(Response::new(v1::ListEventsResponse {
            events: found.events.into_iter().map(event).collect(),
            next_page_token: found.next.map(|next| page::token(&scope, &next)).unwrap_or_default(),
        }))
    }
}

fn filter(fields: &mut Fields, asked: &v1::ListEventsRequest) -> EventFilter {
    let type_prefix = asked.type_prefix.as_deref().filter(|prefix| {
        let good = prefix.len() <= MAX_PREFIX
            && prefix.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_'));
        if !good {
            fields.violate("type_prefix", "must be at most 64 of `a-z . _`");
        }
        good
    });
    EventFilter {
        run: fields.maybe_name("run_id", asked.run_id.as_deref()),
        request: asked.request_id.as_deref().and_then(|id| fields.request("request_id", id)),
        project: fields.maybe_name("project", asked.project.as_deref()),
        type_prefix: type_prefix.map(str::to_owned),
        order: Order::OldestFirst,
    }
}
