//! HTTP/1.1: one connection to the target for each one that is accepted, one request after the other.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::{Passing, Tap, obey};

/// Nothing our clients send or read is near this.
const MAX_BODY_BYTES: usize = 8 << 20;

/// Returned by the service, it makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("cut on command")]
    Cut,
    #[error("the target: {0}")]
    Target(#[from] hyper::Error),
    #[error("a body: {0}")]
    Body(#[from] axum::Error),
}

pub(super) async fn relay(
    downstream: TcpStream,
    upstream: &str,
    tap: Arc<dyn Tap>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let target = TcpStream::connect(upstream).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(target)).await?;
    let sender = Mutex::new(sender);
    let service = service_fn(|request| pass(request, &sender, &*tap));
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(downstream), service);
    // The target's side has to be driven as long as ours is served, and no longer.
    tokio::select! {
        served = serving => served?,
        ended = connection => ended?,
    }
    Ok(())
}

async fn pass(
    request: Request<Incoming>,
    sender: &Mutex<SendRequest<Body>>,
    tap: &dyn Tap,
) -> Result<Response<Body>, Ended> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), MAX_BODY_BYTES).await?;
    let passing = Passing { method: head.method.to_string(), path: head.uri.path().to_owned() };
    if !obey(tap.request(&passing)).await {
        return Err(Ended::Cut);
    }
    let answer = sender.lock().await.send_request(Request::from_parts(head, Body::from(body))).await?;
    let (head, body) = answer.into_parts();
    let body = axum::body::to_bytes(Body::new(body), MAX_BODY_BYTES).await?;
    if !obey(tap.answer(&passing)).await {
        return Err(Ended::Cut);
    }
    Ok(Response::from_parts(head, Body::from(body)))
}
