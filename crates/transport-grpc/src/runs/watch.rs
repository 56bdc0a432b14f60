//! The stream of `WatchRuns`: the runs that are not finished, then each run again whenever something happened to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_kernel::{ProjectKey, RunId};
use countersign_usecases::look::{self, shows_on_run};
use countersign_usecases::port::{EventCursor, EventFilter, StoreError};
use countersign_usecases::{ServiceError, Services};
use countersign_waitstate::Run;
use tonic::Status;
use tracing::Instrument as _;

use crate::convert::run;
use crate::identity::Context;
use crate::pace::{Follower, Messages, Over, Shared};
use crate::status::{CallId, refuse};
use crate::v1;
use crate::v1::watch_runs_response::Item;

const PAGE: u32 = 500;

struct Watch {
    services: Arc<Services>,
    project: Option<ProjectKey>,
    call: CallId,
}

pub(super) async fn begin(
    shared: &Shared,
    project: Option<ProjectKey>,
    context: &Context,
) -> Result<Messages<v1::WatchRunsResponse>, Status> {
    let seat = shared.seat(context)?;
    let watch = Watch { services: Arc::clone(&shared.services), project, call: context.id.clone() };
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
        follower: &mut Follower<v1::WatchRunsResponse>,
        from: EventCursor,
    ) -> Result<(), Over> {
        self.snapshot(follower).await?;
        follower.send(v1::WatchRunsResponse { item: Some(Item::SnapshotComplete(true)) }).await?;
        let mut cursor = from;
        loop {
            follower.pause().await?;
            let (changed, next) = match self.changed(&cursor).await {
                Ok(found) => found,
                Err(error) => return Err(follower.fail(self.refuse(error)).await),
            };
            cursor = next;
            for id in changed {
                match look::find_run(&self.services, &id).await {
                    Ok(Some(found)) => self.send(follower, &found).await?,
                    Ok(None) => {}
                    Err(error) => return Err(follower.fail(self.refuse(error)).await),
                }
            }
        }
    }

    async fn snapshot(&self, follower: &mut Follower<v1::WatchRunsResponse>) -> Result<(), Over> {
        let mut after: Option<RunId> = None;
        loop {
            let page = match self.services.queries().list_open_runs(after, PAGE).await {
                Ok(page) => page,
                Err(error) => return Err(follower.fail(self.refuse(error)).await),
            };
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.facts.id.clone());
            for run in &page {
                self.send(follower, run).await?;
            }
        }
    }

    async fn send(&self, follower: &mut Follower<v1::WatchRunsResponse>, found: &Run) -> Result<(), Over> {
        if self.project.as_ref().is_some_and(|project| *project != found.facts.project) {
            return Ok(());
        }
        follower.send(v1::WatchRunsResponse { item: Some(Item::Run(run::run(found))) }).await
    }

    /// The runs that may have changed after this place, and the place after that. Not every change of a run has an event of the run
    /// itself: that a wait goes on for another reason is said by the event of its request.
    async fn changed(&self, from: &EventCursor) -> Result<(BTreeSet<RunId>, EventCursor), StoreError> {
        let filter = EventFilter { project: self.project.clone(), ..EventFilter::default() };
        let page = self.services.queries().list_events(&filter, Some(from), PAGE).await?;
        let telling = page.events.iter().filter(|event| shows_on_run(event));
        let runs = telling.filter_map(|event| RunId::parse(event.run_id.as_deref()?).ok());
        Ok((runs.collect(), page.next.unwrap_or_else(|| from.clone())))
    }
}
