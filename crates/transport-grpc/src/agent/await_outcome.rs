//! The stream of `AwaitOutcome`: where a request stands now, then each change, until it is settled or the run ends.
//!
//! Nothing is kept for a stream but where it has come: one that breaks is opened again, on any replica.

use countersign_kernel::{RequestId, RunId};
use countersign_usecases::look::get_live_run;
use countersign_usecases::outcomes::{OutcomeError, get_outcome};
use countersign_usecases::{ServiceError, Services};
use tonic::Status;
use tracing::Instrument as _;

use super::message;
use crate::gate::of_run;
use crate::identity::Context;
use crate::pace::{Follower, Messages, Over, Shared};
use crate::status::CallId;
use crate::v1;

/// Every so many looks the run is looked at too; together with the poll interval: at least once a second.
const LOOKS_PER_RUN_CHECK: u32 = 8;

struct Awaited {
    services: std::sync::Arc<Services>,
    run: RunId,
    id: RequestId,
    call: CallId,
}

/// Opens the stream. A request that isn't this run's is refused at once.
pub(super) async fn begin(
    shared: &Shared,
    context: &Context,
    id: RequestId,
) -> Result<Messages<v1::AwaitOutcomeResponse>, Status> {
    let seat = shared.seat(context)?;
    let (run, call) = (context.run()?.clone(), context.id.clone());
    let awaited = Awaited { services: shared.services.clone(), run, id, call };
    get_outcome(&awaited.services, &awaited.run, id).await.map_err(|error| of_run(&error, &awaited.call))?;
    let (mut follower, messages) = shared.follow(seat);
    let following = async move {
        // However the stream ended, its client knows by now.
        let _ = awaited.follow(&mut follower).await;
    };
    tokio::spawn(following.in_current_span());
    Ok(messages)
}

impl Awaited {
    async fn follow(&self, follower: &mut Follower<v1::AwaitOutcomeResponse>) -> Result<(), Over> {
        let mut seen_version = None;
        let mut sent: Option<v1::CallReply> = None;
        for look in 0_u32.. {
            // The version is read before the reply: what changes in between is seen at the next look.
            let version = match self.version().await {
                Ok(version) => version,
                Err(status) => return Err(follower.fail(status).await),
            };
            if seen_version != Some(version) {
                seen_version = Some(version);
                let reply = match self.reply().await {
                    Ok(reply) => reply,
                    Err(status) => return Err(follower.fail(status).await),
                };
                let settled = reply.settled;
                if sent.as_ref() != Some(&reply) {
                    sent = Some(reply.clone());
                    follower.send(v1::AwaitOutcomeResponse { reply: Some(reply) }).await?;
                }
                if settled {
                    return Ok(());
                }
            }
            if look % LOOKS_PER_RUN_CHECK == LOOKS_PER_RUN_CHECK - 1
                && let Err(error) = get_live_run(&self.services, &self.run).await
            {
                return Err(follower.fail(of_run(&error, &self.call)).await);
            }
            follower.pause().await?;
        }
        Ok(())
    }

    async fn version(&self) -> Result<u64, Status> {
        let found = self.services.queries().find_request_status(self.id).await;
        let found = found.map_err(|error| of_run(&ServiceError::from(error), &self.call))?;
        let missing = || OutcomeError::Unknown { run: self.run.clone(), request: self.id };
        Ok(found.ok_or_else(|| of_run(&missing(), &self.call))?.version)
    }

    async fn reply(&self) -> Result<v1::CallReply, Status> {
        let answer = get_outcome(&self.services, &self.run, self.id).await;
        let answer = answer.map_err(|error| of_run(&error, &self.call))?;
        Ok(message(&answer, &self.call)?.unwrap_or_default())
    }
}
