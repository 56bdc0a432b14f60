//! A proxy that stands between a server and a target and misbehaves where it is told to: it cuts the connection before a request is
//! forwarded or after the target has handled it, delays, and resets. It speaks HTTP/1.1 and PostgreSQL's protocol, so that it knows where
//! a request ends and where its answer does.

mod http;
mod postgres;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// What passes: a request, or the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// `GET`, `PUT`, … of HTTP; `SQL` for a statement.
    pub method: String,
    /// The path without its query; the statement's text.
    pub path: String,
}

/// What to do with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it pass.
    Pass,
    /// Close both connections instead.
    Cut,
    /// Let it pass after so many milliseconds.
    Delay {
        /// How long.
        for_ms: u64,
    },
}

/// Asked about everything that passes.
pub trait Tap: Send + Sync + 'static {
    /// A request has arrived whole and is not forwarded yet.
    fn request(&self, passing: &Passing) -> Verdict;

    /// The target has answered whole, and nothing of the answer was given back yet.
    fn answer(&self, passing: &Passing) -> Verdict;
}

/// What is spoken through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 without TLS.
    Http,
    /// PostgreSQL's protocol without TLS.
    Postgres,
}

/// A running proxy; dropping it closes its port and every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts on 127.0.0.1, on a port the system chooses, in front of `upstream` (`host:port`). With `resetting`, connections end by a
    /// reset and not by an orderly close.
    ///
    /// # Errors
    /// No port is to be had.
    pub async fn start(
        protocol: Protocol,
        upstream: String,
        tap: Arc<dyn Tap>,
        resetting: bool,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, protocol, upstream.into(), tap, resetting));
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    protocol: Protocol,
    upstream: Arc<str>,
    tap: Arc<dyn Tap>,
    resetting: bool,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                if resetting && let Err(error) = stream.set_zero_linger() {
                    tracing::warn!(%error, "a connection will close in order instead of by a reset");
                }
                let (upstream, tap) = (Arc::clone(&upstream), Arc::clone(&tap));
                connections.spawn(async move {
                    let relayed = match protocol {
                        Protocol::Http => http::relay(stream, &upstream, tap).await,
                        Protocol::Postgres => postgres::relay(stream, &upstream, &*tap).await,
                    };
                    if let Err(error) = relayed {
                        tracing::debug!(%error, "a connection through the proxy ended early");
                    }
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Waits if asked to; whether to go on.
async fn obey(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass => true,
        Verdict::Cut => false,
        Verdict::Delay { for_ms } => {
            tokio::time::sleep(std::time::Duration::from_millis(for_ms)).await;
            true
        }
    }
}
