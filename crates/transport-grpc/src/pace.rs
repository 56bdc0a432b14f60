//! How streams wait for changes: woken by commits of this process, looking now and then for those of other replicas, and stopping when
//! the client is gone or the server stops.

use std::sync::Arc;
use std::time::Duration;

use countersign_usecases::Services;
use countersign_usecases::access::{Seat, Seats};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::identity::Context;
use crate::settings::GrpcSettings;
use crate::status::refuse;
use crate::wake::ProcessWake;

/// However many commits there are, a stream looks at most so often.
const SHORTEST_GAP: Duration = Duration::from_millis(10);

/// How many messages a slow client may be behind before its stream waits for it.
const BUFFERED: usize = 16;

/// What every service of the surface works with.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) services: Arc<Services>,
    pub(crate) wake: Arc<ProcessWake>,
    pub(crate) settings: Arc<GrpcSettings>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) seats: Seats,
}

/// The answer of a streaming method.
pub(crate) type Messages<T> = ReceiverStream<Result<T, Status>>;

/// The sending end of a stream, with its pace.
pub(crate) struct Follower<T> {
    tx: mpsc::Sender<Result<T, Status>>,
    wake: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    poll_interval: Duration,
    /// Given back when the stream is over.
    _seat: Seat,
}

/// The stream is over; there is nothing more to do for it.
pub(crate) struct Over;

impl Shared {
    /// The right to one more stream for who calls. Taken before anything is looked up for them.
    pub(crate) fn seat(&self, context: &Context) -> Result<Seat, Status> {
        self.seats.take(context.holder()?).map_err(|error| refuse(&error, &context.id))
    }

    /// A stream and its sending end.
    pub(crate) fn follow<T>(&self, seat: Seat) -> (Follower<T>, Messages<T>) {
        let (tx, rx) = mpsc::channel(BUFFERED);
        let follower = Follower {
            tx,
            wake: self.wake.subscribe(),
            stopping: self.stopping.clone(),
            poll_interval: self.settings.poll_interval,
            _seat: seat,
        };
        (follower, ReceiverStream::new(rx))
    }
}

impl<T> Follower<T> {
    /// Sends a message; waits while the client is behind.
    pub(crate) async fn send(&mut self, message: T) -> Result<(), Over> {
        self.tx.send(Ok(message)).await.map_err(|_| Over)
    }

    /// Ends the stream with a status.
    pub(crate) async fn fail(&mut self, status: Status) -> Over {
        // A client that is gone needs no status.
        let _ = self.tx.send(Err(status)).await;
        Over
    }

    /// Waits until there may be something new.
    pub(crate) async fn pause(&mut self) -> Result<(), Over> {
        tokio::time::sleep(SHORTEST_GAP).await;
        let stopping = tokio::select! {
            () = self.tx.closed() => return Err(Over),
            () = told(&mut self.stopping, |stopping| *stopping) => true,
            () = changed(&mut self.wake) => false,
            () = tokio::time::sleep(self.poll_interval) => false,
        };
        if stopping {
            let status = Status::unavailable("the server is stopping; connect again to go on");
            return Err(self.fail(status).await);
        }
        Ok(())
    }
}

/// Waits for a value; for ever when there is nobody left to set it.
async fn told<T>(receiver: &mut watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) {
    if receiver.wait_for(wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for a change; for ever when there is nobody left to make one.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
