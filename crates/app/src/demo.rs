//! `countersign demo`: the whole story on a server of its own, with real calls over gRPC and REST and simulated targets over
//! HTTP.
//!
//! Compiled with the feature `demo` only; releases hold neither the story nor the simulators.

mod agent;
mod place;
mod story;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_transport_grpc::client::Bearer;
use tokio::sync::oneshot;

use crate::client::grpc::connect;
use crate::client::rest::Staff;
use crate::commands::say;
use crate::serve;
use agent::Platform;
use place::Place;

/// Plays the story; with `stay`, leaves the server running until it is told to stop.
pub(crate) async fn run(stay: bool) -> Result<ExitCode> {
    let place = Place::prepare().await.context("the demo's folder and simulators could not be prepared")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let config = place.config()?;
    crate::logging::start(&config.log)?;
    let server = tokio::spawn(serve::serve_until(config, async {
        let _ = stopped.await;
    }));
    let channel = reach(&place.grpc_url()).await?;
    let mut platform = Platform::on(channel.clone(), Bearer::new(&place.platform.token)?);
    let owner = Staff::at(place.http_url().parse()?, &place.owner.token)?;
    story::tell(&place, channel.clone(), &mut platform, owner).await?;
    if stay {
        story::leave_open(channel, platform).await?;
        place.tell_how_to_act();
        let _ = tokio::signal::ctrl_c().await;
    }
    let _ = stop.send(());
    server.await.context("the demo's server failed")??;
    say("\nThe demo is over; its folder is gone.");
    Ok(ExitCode::SUCCESS)
}

/// The server needs a moment before it listens.
async fn reach(url: &str) -> Result<tonic::transport::Channel> {
    for _ in 0..100 {
        if let Ok(channel) = connect(url).await {
            return Ok(channel);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    connect(url).await
}
