//! One look at the store for all streams of this replica: while there is one, the place after the newest event is read again and again,
//! and streams read the events themselves only when it has moved.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_usecases::Services;
use countersign_usecases::port::EventCursor;
use tokio::sync::watch;

/// However many commits there are, the store is looked at no more often.
const SHORTEST_GAP: Duration = Duration::from_millis(10);

/// The place after the newest event, as this replica has seen it; nothing before the first look.
pub(super) type Newest = watch::Receiver<Option<EventCursor>>;

/// Looks for news as long as there is a stream.
#[derive(Clone)]
pub(super) struct Pulse {
    services: Arc<Services>,
    /// Changes with each commit of this process.
    wake: watch::Receiver<u64>,
    /// How long a commit of another replica may stay unseen.
    poll_interval: Duration,
    /// Whoever looks now. Nobody, while there is no stream.
    looking: Arc<Mutex<Option<watch::Sender<Option<EventCursor>>>>>,
}

impl Pulse {
    pub(super) fn new(services: Arc<Services>, wake: watch::Receiver<u64>, poll_interval: Duration) -> Self {
        Self { services, wake, poll_interval, looking: Arc::default() }
    }

    /// What a stream waits on. The first one starts the looking.
    pub(super) fn newest(&self) -> Newest {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = looking.as_ref() {
            return sender.subscribe();
        }
        let (sender, newest) = watch::channel(None);
        *looking = Some(sender);
        tokio::spawn(self.clone().look());
        newest
    }

    async fn look(mut self) {
        loop {
            match self.services.queries().newest_event().await {
                Ok(newest) => {
                    if !self.tell(newest) {
                        return;
                    }
                }
                // Streams wait; readiness says what is wrong. Whoever has left meanwhile is noticed after the next good look.
                Err(error) => tracing::warn!(%error, "streams can't look for news"),
            }
            tokio::time::sleep(SHORTEST_GAP).await;
            tokio::select! {
                () = changed(&mut self.wake) => {}
                () = tokio::time::sleep(self.poll_interval) => {}
            }
        }
    }

    /// Tells the streams. Ends the looking when there is none; a stream that begins at this moment begins it anew.
    fn tell(&self, newest: EventCursor) -> bool {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = looking.as_ref().filter(|sender| sender.receiver_count() > 0) else {
            *looking = None;
            return false;
        };
        sender.send_if_modified(|seen| {
            let moved = seen.as_ref() != Some(&newest);
            *seen = Some(newest);
            moved
        });
        true
    }
}

/// Waits for a change; for ever when there is nobody left to make one.
pub(super) async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
