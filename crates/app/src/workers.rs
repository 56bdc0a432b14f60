//! The loop around the workers: lease, work, sleep until woken or until the next look.
//!
//! A piece of work that panics is a defect, told in the log and counted; it takes nothing else down with it. Its lease runs out by itself, and
//! then the row is leased again.

use std::sync::Arc;
use std::time::Duration;

use countersign_kernel::WorkerId;
use countersign_usecases::port::{Lease, WorkKind, WorkSubject};
use countersign_usecases::{Services, worker};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;
use crate::named_tasks::{End, NamedTasks};

/// Works until told to stop; then finishes what is in hand.
pub async fn run(
    services: Arc<Services>,
    worker_id: WorkerId,
    config: WorkerConfig,
    woken: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    Loop { pieces: Arc::new(Leased { services, worker_id }), hands: NamedTasks::new() }
        .run(&config, woken, stop)
        .await;
}

/// Where pieces of work come from, and how one is done.
trait Pieces: Send + Sync + 'static {
    fn claim(&self, at_most: u32) -> impl Future<Output = Vec<Lease>> + Send;
    fn work(&self, lease: Lease) -> impl Future<Output = ()> + Send;
}

struct Leased {
    services: Arc<Services>,
    worker_id: WorkerId,
}

impl Pieces for Leased {
    async fn claim(&self, at_most: u32) -> Vec<Lease> {
        match worker::claim(&self.services, self.worker_id, at_most).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::error!(%error, "could not look for work");
                Vec::new()
            }
        }
    }

    async fn work(&self, lease: Lease) {
        if let Err(error) = worker::work(&self.services, &lease).await {
            tracing::error!(kind = lease.kind.as_str(), %error, "a lease could not be given back");
        }
    }
}

struct Loop<P> {
    pieces: Arc<P>,
    hands: NamedTasks<(WorkKind, WorkSubject), ()>,
}

impl<P: Pieces> Loop<P> {
    async fn run(mut self, config: &WorkerConfig, mut woken: watch::Receiver<u64>, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(usize::try_from(config.at_once).unwrap_or(usize::MAX)));
        while !stop.is_cancelled() && config.at_once > 0 {
            let free = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
            let leases = if free == 0 { Vec::new() } else { self.pieces.claim(free).await };
            for lease in leases {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                metrics::counter!("countersign_work_total", "kind" => lease.kind.as_str()).increment(1);
                let pieces = Arc::clone(&self.pieces);
                self.hands.start((lease.kind, lease.subject.clone()), async move {
                    // Given back when the work panics, too.
                    let _place = place;
                    pieces.work(lease).await;
                });
            }
            while let Some((piece, end)) = self.hands.ended_already() {
                told(&piece, end);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                _ = woken.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(config.poll_ms)) => {}
            }
        }
        while let Some((piece, end)) = self.hands.next_end().await {
            told(&piece, end);
        }
        // A replica that works on nothing is a server like any other: this part of it ends when it is told to.
        stop.cancelled().await;
    }
}

fn told((kind, subject): &(WorkKind, WorkSubject), end: End<()>) {
    match end {
        End::Done(()) => {}
        End::Panicked(words) => {
            metrics::counter!("countersign_work_panics_total", "kind" => kind.as_str()).increment(1);
            tracing::error!(kind = kind.as_str(), %subject, words, "work panicked: report this; it is leased again when its lease runs out");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use countersign_kernel::{Millis, Timestamp};
    use countersign_usecases::port::Ids;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::ambient::OsEntropy;

    /// Work that panics for one subject. Told to stop once the last piece is done.
    struct Scripted {
        open: Mutex<Vec<Lease>>,
        done: Mutex<Vec<String>>,
        stop: CancellationToken,
    }

    impl Pieces for Scripted {
        async fn claim(&self, at_most: u32) -> Vec<Lease> {
            let mut open = self.open.lock().unwrap();
            let taken = open.len().min(usize::try_from(at_most).unwrap());
            open.drain(..taken).collect()
        }

        async fn work(&self, lease: Lease) {
            assert_ne!(lease.subject.as_str(), "bad", "a defect of ours");
            self.done.lock().unwrap().push(lease.subject.to_string());
            if lease.subject.as_str() == "last" {
                self.stop.cancel();
            }
        }
    }

    fn lease(subject: &str) -> Lease {
        Lease {
            kind: WorkKind::Execute,
            subject: WorkSubject::from_storage(subject.to_owned()),
            worker: Ids::new(&OsEntropy, Timestamp::from_unix_micros(0)).worker(),
            fence: 1,
            attempts: 1,
            lasts: Millis::from_secs(30),
            until: Timestamp::from_unix_micros(0),
        }
    }

    async fn play(subjects: &[&str], at_once: u32) -> Vec<String> {
        let stop = CancellationToken::new();
        let pieces = Arc::new(Scripted {
            open: Mutex::new(subjects.iter().map(|subject| lease(subject)).collect()),
            done: Mutex::default(),
            stop: stop.clone(),
        });
        let (_wake, woken) = watch::channel(0);
        let config = WorkerConfig { at_once, poll_ms: 1 };
        let hands = NamedTasks::new();
        let working = Loop { pieces: Arc::clone(&pieces), hands }.run(&config, woken, stop);
        tokio::time::timeout(Duration::from_secs(20), working).await.expect("the loop ends when told to");
        pieces.done.lock().unwrap().clone()
    }

    #[test]
    fn a_piece_of_work_that_panics_is_counted_and_frees_its_place() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let done = metrics::with_local_recorder(&recorder, || {
            runtime.block_on(play(&["first", "bad", "second", "bad", "last"], 1))
        });
        assert_eq!(done, ["first", "second", "last"]);
        let text = recorder.handle().render();
        assert!(text.contains(r#"countersign_work_panics_total{kind="execute"} 2"#), "{text}");
        assert!(text.contains(r#"countersign_work_total{kind="execute"} 5"#), "{text}");
    }

    #[tokio::test]
    async fn a_panic_that_comes_last_is_no_end_of_the_loop() {
        assert_eq!(play(&["last", "bad"], 2).await, ["last"]);
    }

    #[tokio::test]
    async fn a_replica_that_works_on_nothing_waits_for_the_stop() {
        let stop = CancellationToken::new();
        let pieces = Arc::new(Scripted {
            open: Mutex::new(vec![lease("first")]),
            done: Mutex::default(),
            stop: stop.clone(),
        });
        let (_wake, woken) = watch::channel(0);
        let config = WorkerConfig { at_once: 0, poll_ms: 1 };
        let hands = NamedTasks::new();
        let mut working =
            std::pin::pin!(Loop { pieces: Arc::clone(&pieces), hands }.run(&config, woken, stop.clone()));
        let early = tokio::time::timeout(Duration::from_millis(50), working.as_mut()).await;
        assert!(early.is_err(), "the part ended by itself, which would stop the server");
        stop.cancel();
        working.await;
        assert!(pieces.done.lock().unwrap().is_empty());
    }
}
