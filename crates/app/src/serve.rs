//! Running a server: listen, work, and stop gracefully.

mod operations;
mod parts;
mod surface;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_transport_grpc::GrpcDeps;
use countersign_transport_http::{ApiDeps, Operations};
use countersign_usecases::port::Ids;
use countersign_usecases::watch;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ambient::{self, MonotonicWatch, OsEntropy};
use crate::config::Config;
use crate::wiring::{Wired, bootstrap_policy, wire};
use crate::{upkeep, workers};
use operations::{PrometheusText, StoreReadiness};
use parts::Parts;

/// Serves until the process is told to stop (SIGTERM or SIGINT).
///
/// # Errors
/// The configuration is not usable, the store can't be opened, an address can't be listened on, or a part of the server ended by itself.
pub async fn serve(config: Config) -> Result<()> {
    serve_until(config, told_to_stop()).await
}

/// Serves until `stop` is done, or until a part of the server ends by itself.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(config: Config, stop: impl Future<Output = ()>) -> Result<()> {
    let wired = wire(&config).await?;
    bootstrap_policy(&wired, &config).await?;
    watch::begin(&wired.services).await.context("cannot begin to watch the targets")?;
    let grpc = listen(config.server.grpc_listen, "server.grpc_listen").await?;
    let http = listen(config.server.http_listen, "server.http_listen").await?;
    announce(&wired, &grpc, &http)?;

    let parts = start(&wired, &config, grpc, http);
    let ended = parts.run_until(stop, Duration::from_secs(config.server.shutdown_grace_s)).await;
    wired.stores.close().await;
    tracing::info!("stopped");
    ended
}

fn start(wired: &Wired, config: &Config, grpc: TcpListener, http: TcpListener) -> Parts {
    let stopping = CancellationToken::new();
    let stop = || stopping.clone().cancelled_owned();
    let (operations, metrics) = operations(wired);
    let worker_id = Ids::new(&OsEntropy, ambient::host_now()).worker();
    let (services, woken) = (Arc::clone(&wired.services), wired.wake.subscribe());
    let (grpc_deps, grpc_stop) = (deps(wired, config), stop());
    let (api_deps, http_stop) = (api_deps(wired, config), stop());
    let (worker_config, worker_stop) = (config.workers.clone(), stopping.clone());

    let mut parts = Parts::new(stopping.clone());
    parts.start("the gRPC server", async move {
        Ok(countersign_transport_grpc::serve(grpc_deps, grpc, grpc_stop).await?)
    });
    parts.start("the HTTP server", async move {
        Ok(countersign_transport_http::serve(operations, api_deps, http, http_stop).await?)
    });
    parts.start("the workers", async move {
        workers::run(services, worker_id, worker_config, woken, worker_stop).await;
        Ok(())
    });
    let (store, sessions) = (Arc::clone(&wired.stores.upkeep), Arc::clone(&wired.stores.sessions));
    let store_stop = stopping.clone();
    parts.start("the upkeep of the store", async move {
        upkeep::run(store, sessions, store_stop).await;
        Ok(())
    });
    parts.start("the upkeep of metrics", keep_up(metrics, stopping));
    parts
}

fn deps(wired: &Wired, config: &Config) -> GrpcDeps {
    GrpcDeps {
        services: Arc::clone(&wired.services),
        callers: wired.callers(),
        wake: Arc::clone(&wired.wake),
        entropy: Arc::new(OsEntropy),
        settings: surface::settings(&config.grpc),
    }
}

fn api_deps(wired: &Wired, config: &Config) -> ApiDeps {
    ApiDeps {
        services: Arc::clone(&wired.services),
        callers: wired.callers(),
        wake: wired.wake.subscribe(),
        browsers: wired.browsers.clone(),
        entropy: Arc::new(OsEntropy),
        stopwatch: Arc::new(MonotonicWatch::start()),
        settings: surface::http_settings(&config.http, &config.grpc),
    }
}

fn operations(wired: &Wired) -> (Operations, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // In tests several servers share one process; the first one's recorder serves them all.
    let _ = metrics::set_global_recorder(recorder);
    let operations = Operations {
        readiness: Arc::new(StoreReadiness::new(
            Arc::clone(&wired.services),
            Arc::clone(&wired.stores.ledger),
            wired.sign_in.clone(),
        )),
        metrics: Arc::new(PrometheusText::new(handle.clone())),
    };
    (operations, handle)
}

/// Folds recorded samples together, whether or not anybody asks for the metrics.
async fn keep_up(metrics: PrometheusHandle, stopping: CancellationToken) -> Result<()> {
    while stopping.run_until_cancelled(tokio::time::sleep(Duration::from_secs(5))).await.is_some() {
        metrics.run_upkeep();
    }
    Ok(())
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
