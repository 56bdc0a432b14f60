//! The stream of `WatchApprovals`: what waits for people, then each request again whenever something happened to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_approvals::ActionRequest;
use countersign_kernel::{Millis, RequestId, Timestamp};
use countersign_usecases::decisions::DecisionError;
use countersign_usecases::look::{Liveness, get_request};
use countersign_usecases::port::{EventCursor, EventFilter, Order, RequestFilter, StoreError};
use countersign_usecases::{ServiceError, Services};
use tonic::Status;
use tracing::Instrument as _;

use super::list::PENDING;
use crate::convert::fields::Fields;
use crate::convert::request::summary;
use crate::identity::Context;
use crate::pace::{Follower, Messages, Over, Shared};
use crate::status::{CallId, refuse};
use crate::v1;
use crate::v1::watch_approvals_response::Item;

const PAGE: u32 = 500;

struct Watch {
    services: Arc<Services>,
    silent_after: Millis,
    filter: RequestFilter,
    call: CallId,
}

pub(super) async fn begin(
    shared: &Shared,
    asked: &v1::WatchApprovalsRequest,
    context: &Context,
) -> Result<Messages<v1::WatchApprovalsResponse>, Status> {
    let seat = shared.seat(context)?;
    let call = context.id.clone();
    let mut fields = Fields::new();
    let filter = RequestFilter {
        states: PENDING.to_vec(),
        project: fields.maybe_name("project", asked.project.as_deref()),
        environment: fields.maybe_name("environment", asked.environment.as_deref()),
        tool: fields.maybe_name("tool", asked.tool.as_deref()),
        run: fields.maybe_name("run_id", asked.run_id.as_deref()),
        deciders: Vec::new(),
        search: None,
        order: Order::OldestFirst,
    };
    let filter = fields.finish(Some(filter), &call)?;
    let silent_after = shared.settings.requester_silent_after;
    let watch = Watch { services: Arc::clone(&shared.services), silent_after, filter, call };
    // The place in the events is taken before the snapshot, so that nothing falls between the two.
    let from = watch.services.queries().newest_event().await.map_err(|error| watch.refuse(error))?;
    let (mut follower, messages) = shared.follow(seat);
    let watching = async move {
        // However the stream ended, its client knows by now.
        let _ = watch.follow(&mut follower, from).await;
    };
    tokio::spawn(watching.in_current_span());
    Ok(messages)
}

impl Watch {
    fn refuse(&self, error: StoreError) -> Status {
        refuse(&ServiceError::from(error), &self.call)
    }

    async fn follow(
        &self,
        follower: &mut Follower<v1::WatchApprovalsResponse>,
        from: EventCursor,
    ) -> Result<(), Over> {
        if let Err(error) = self.snapshot(follower).await? {
            return Err(follower.fail(self.refuse(error)).await);
        }
        follower.send(v1::WatchApprovalsResponse { item: Some(Item::SnapshotComplete(true)) }).await?;
        let mut cursor = from;
        loop {
            follower.pause().await?;
            let (changed, next) = match self.changed(&cursor).await {
                Ok(found) => found,
                Err(error) => return Err(follower.fail(self.refuse(error)).await),
            };
            cursor = next;
            for id in changed {
                match get_request(&self.services, id).await {
                    Ok(found) => {
                        self.send(follower, &found.request, found.run.last_heartbeat_at, found.now).await?;
                    }
                    Err(DecisionError::Unknown(_)) => {}
                    Err(error) => return Err(follower.fail(refuse(&error, &self.call)).await),
                }
            }
        }
    }

    async fn snapshot(
        &self,
        follower: &mut Follower<v1::WatchApprovalsResponse>,
    ) -> Result<Result<(), StoreError>, Over> {
        let queries = self.services.queries();
        let mut after = None;
        loop {
            let found = match queries.list_requests(&self.filter, after, PAGE).await {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            let now = match queries.ping().await {
                Ok(now) => now,
                Err(error) => return Ok(Err(error)),
            };
            for (request, last_heartbeat) in &found.requests {
                self.send(follower, request, *last_heartbeat, now).await?;
            }
            after = found.next;
            if after.is_none() {
                return Ok(Ok(()));
            }
        }
    }

    /// Sends the request unless the filter leaves it out. Its state doesn't: that a request waits no more is what a watcher wants to know.
    async fn send(
        &self,
        follower: &mut Follower<v1::WatchApprovalsResponse>,
        request: &ActionRequest,
        last_heartbeat: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Over> {
        if !self.wants(request) {
            return Ok(());
        }
        let liveness = Liveness { last_heartbeat, now, silent_after: self.silent_after };
        let item = Item::Approval(summary(request, liveness));
        follower.send(v1::WatchApprovalsResponse { item: Some(item) }).await
    }

    fn wants(&self, request: &ActionRequest) -> bool {
        // Nobody watches for words or groups.
        let RequestFilter { states: _, project, environment, tool, run, deciders: _, search: _, order: _ } =
            &self.filter;
        let facts = &request.facts;
        project.as_ref().is_none_or(|project| *project == facts.project)
            && environment.as_ref().is_none_or(|wanted| facts.environment.as_ref() == Some(wanted))
            && tool.as_ref().is_none_or(|tool| *tool == facts.tool)
            && run.as_ref().is_none_or(|run| *run == facts.run)
    }

    /// The requests that something happened to after this place, and the place after that.
    async fn changed(&self, from: &EventCursor) -> Result<(BTreeSet<RequestId>, EventCursor), StoreError> {
        let filter = EventFilter {
            run: self.filter.run.clone(),
            project: self.filter.project.clone(),
            type_prefix: Some("approval.".to_owned()),
            ..EventFilter::default()
        };
        let page = self.services.queries().list_events(&filter, Some(from), PAGE).await?;
        let requests = page.events.iter().filter_map(|event| event.request_id.as_deref()?.parse().ok());
        Ok((requests.collect(), page.next.unwrap_or_else(|| from.clone())))
    }
}
