//! Running a server: listen, work, and stop gracefully.

mod operations;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_transport_grpc::{GrpcDeps, GrpcSettings};
use countersign_transport_http::Operations;
use countersign_usecases::port::Ids;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ambient::{self, OsEntropy};
use crate::config::Config;
use crate::wiring::{Wired, bootstrap_policy, wire};
use crate::workers;
use operations::{PrometheusText, StoreReadiness};

/// Serves until the process is told to stop (SIGTERM or SIGINT).
///
/// # Errors
/// The configuration is not usable, the store can't be opened, or an address can't be listened on.
pub async fn serve(config: Config) -> Result<()> {
    serve_until(config, told_to_stop()).await
}

/// Serves until `stop` is done.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(config: Config, stop: impl Future<Output = ()>) -> Result<()> {
    let wired = wire(&config).await?;
    bootstrap_policy(&wired, &config).await?;
    let grpc = listen(config.server.grpc_listen, "server.grpc_listen").await?;
    let http = listen(config.server.http_listen, "server.http_listen").await?;
    announce(&wired, &grpc, &http)?;

    let stopping = CancellationToken::new();
    let grpc_task = tokio::spawn(countersign_transport_grpc::serve(
        deps(&wired),
        grpc,
        stopping.clone().cancelled_owned(),
    ));
    let http_stop = stopping.clone().cancelled_owned();
    let http_task = tokio::spawn(countersign_transport_http::serve(operations(&wired)?, http, http_stop));
    let worker_id = Ids::new(&OsEntropy, ambient::host_now()).worker();
    let worker_task = tokio::spawn(workers::run(
        Arc::clone(&wired.services),
        worker_id,
        config.workers.clone(),
        wired.wake.subscribe(),
        stopping.clone(),
    ));

    stop.await;
    tracing::info!(grace_s = config.server.shutdown_grace_s, "stopping: finishing what is in hand");
    stopping.cancel();
    let all = async {
        let _ = worker_task.await;
        if let Ok(Err(error)) = http_task.await {
            tracing::error!(%error, "health and metrics were no longer served");
        }
        grpc_task.await
    };
    match tokio::time::timeout(Duration::from_secs(config.server.shutdown_grace_s), all).await {
        Ok(Ok(served)) => served.context("the gRPC server failed")?,
        Ok(Err(panicked)) => return Err(panicked).context("the gRPC server failed"),
        // What was in hand is leased work and open streams: another replica takes the one up, clients reconnect for the other.
        Err(_) => tracing::warn!("some calls did not end in time and were cut"),
    }
    wired.stores.close().await;
    tracing::info!("stopped");
    Ok(())
}

fn deps(wired: &Wired) -> GrpcDeps {
    GrpcDeps {
        services: Arc::clone(&wired.services),
        run_tokens: wired.tokens.clone(),
        bearers: wired.identities.clone(),
        wake: Arc::clone(&wired.wake),
        entropy: Arc::new(OsEntropy),
        settings: GrpcSettings::default(),
    }
}

fn operations(wired: &Wired) -> Result<Operations> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // In tests several servers share one process; the first one's recorder serves them all.
    let _ = metrics::set_global_recorder(recorder);
    tokio::spawn(keep_up(handle.clone()));
    Ok(Operations {
        readiness: Arc::new(StoreReadiness::new(
            Arc::clone(&wired.services),
            Arc::clone(&wired.stores.ledger),
        )),
        metrics: Arc::new(PrometheusText::new(handle)),
    })
}

/// Folds recorded samples together, whether or not anybody asks for the metrics.
async fn keep_up(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}

async fn listen(address: std::net::SocketAddr, option: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{option}: cannot listen on `{address}`"))
}

/// The addresses as they are, ports chosen by the system included, on standard output for whoever started the server.
fn announce(wired: &Wired, grpc: &TcpListener, http: &TcpListener) -> Result<()> {
    let (grpc, http) = (grpc.local_addr()?, http.local_addr()?);
    tracing::info!(%grpc, %http, warrants = wired.services.warrant_standing(), "serving");
    #[expect(clippy::print_stdout, reason = "programs that start a server read its addresses here")]
    {
        println!("countersign serving grpc=http://{grpc} http=http://{http}");
    }
    Ok(())
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot hear SIGTERM; waiting for SIGINT only");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
