//! The loop around the workers: lease, work, sleep until woken or until the next look.

use std::sync::Arc;
use std::time::Duration;

use countersign_kernel::WorkerId;
use countersign_usecases::{Services, worker};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;

/// Works until told to stop; then finishes what is in hand.
pub async fn run(
    services: Arc<Services>,
    worker_id: WorkerId,
    config: WorkerConfig,
    mut woken: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    if config.at_once == 0 {
        return;
    }
    let places = Arc::new(Semaphore::new(usize::try_from(config.at_once).unwrap_or(usize::MAX)));
    let mut hands = JoinSet::new();
    while !stop.is_cancelled() {
        let free = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        let leases = if free == 0 { Vec::new() } else { claim(&services, worker_id, free).await };
        for lease in leases {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let services = Arc::clone(&services);
            hands.spawn(async move {
                metrics::counter!("countersign_work_total", "kind" => lease.kind.as_str()).increment(1);
                if let Err(error) = worker::work(&services, &lease).await {
                    tracing::error!(kind = lease.kind.as_str(), %error, "a lease could not be given back");
                }
                drop(place);
            });
        }
        while hands.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => {}
            _ = woken.changed() => {}
            () = tokio::time::sleep(Duration::from_millis(config.poll_ms)) => {}
        }
    }
    while hands.join_next().await.is_some() {}
}

async fn claim(
    services: &Services,
    worker_id: WorkerId,
    at_most: u32,
) -> Vec<countersign_usecases::port::Lease> {
    match worker::claim(services, worker_id, at_most).await {
        Ok(leases) => leases,
        Err(error) => {
            tracing::error!(%error, "could not look for work");
            Vec::new()
        }
    }
}
