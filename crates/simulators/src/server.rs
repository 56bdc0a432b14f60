//! The HTTP server under both simulators: accepts connections, applies the fault rules, keeps the request log and
//! answers `/_simulator`.
//!
//! It drives hyper itself instead of `axum::serve`, because failing on command needs a way to close a connection
//! without an answer.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, http};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt as _;

use crate::faults::{Behaviour, FaultRule, Faults};
use crate::journal::{Effect, Journal};

/// Larger than anything the real services accept, so that their own limits are what refuses.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The simulator could not begin to listen.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on 127.0.0.1:{port}")]
pub struct StartError {
    /// The port asked for; 0 lets the system choose.
    pub port: u16,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// A change by hand that makes no sense in the simulator's present state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{name}`")]
pub struct ChangeRefused {
    /// The kind of thing that is missing.
    pub what: &'static str,
    /// The name it was asked for by.
    pub name: String,
}

/// One request that reached the simulator's API, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenRequest {
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// The status answered; absent while it is being handled and when no reply was sent.
    pub status: Option<u16>,
}

/// Writes an error in the service's own shape: status, seconds for `Retry-After`, message.
pub(crate) type ErrorShape = fn(StatusCode, Option<u32>, Option<&str>) -> Response;

/// What a simulator hands over to be served.
pub(crate) struct Setup {
    pub(crate) port: u16,
    pub(crate) api: Router,
    /// Answers `POST /_simulator/set`.
    pub(crate) set: Router,
    pub(crate) journal: Journal,
    pub(crate) error_shape: ErrorShape,
}

/// A running server; dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(setup: Setup) -> Result<Self, StartError> {
        let port = setup.port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|source| StartError { port, source })?;
        let address = listener.local_addr().map_err(|source| StartError { port, source })?;
        let shared =
            Shared { journal: setup.journal, faults: Faults::default(), requests: Requests::default() };
        let handler = Arc::new(Handler {
            api: setup.api,
            control: control(shared.clone()).merge(setup.set),
            shared: shared.clone(),
            error_shape: setup.error_shape,
        });
        let task = tokio::spawn(accept(listener, handler));
        Ok(Self { address, shared, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.shared.requests.list()
    }

    /// Stops, and returns once the port is closed.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // The task was told to stop; how it ended says nothing.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until aborted; the connections live in the set and end with it.
async fn accept(listener: TcpListener, handler: Arc<Handler>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&handler)));
                }
                Err(error) => tracing::warn!(%error, "a simulator could not accept a connection"),
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn converse(stream: TcpStream, handler: Arc<Handler>) {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.handle(request).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to a simulator ended early");
    }
}

/// Returned by the handler, it makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on command")]
struct Cut;

struct Handler {
    api: Router,
    control: Router,
    shared: Shared,
    error_shape: ErrorShape,
}

impl Handler {
    async fn handle(&self, request: Request<Incoming>) -> Result<Response, Cut> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), MAX_BODY_BYTES).await.map_err(|_| Cut)?;
        let request = Request::from_parts(head, Body::from(body));
        let path = request.uri().path().to_owned();
        if path.starts_with("/_simulator/") {
            return call(&self.control, request).await;
        }
        let ticket = self.shared.requests.arrived(request.method().as_str(), &path);
        let answer = match self.shared.faults.take(request.method().as_str(), &path) {
            None => call(&self.api, request).await,
            Some(behaviour) => self.misbehave(behaviour, request).await,
        };
        if let Ok(response) = &answer {
            self.shared.requests.answered(ticket, response.status());
        }
        answer
    }

    async fn misbehave(&self, behaviour: Behaviour, request: Request<Body>) -> Result<Response, Cut> {
        match behaviour {
            Behaviour::Answer { status, retry_after_s, message } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = (self.error_shape)(status, retry_after_s, message.as_deref());
                if let Some(seconds) = retry_after_s {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                Ok(response)
            }
            Behaviour::DropBeforeHandling => Err(Cut),
            Behaviour::DropAfterHandling => {
                call(&self.api, request).await?;
                Err(Cut)
            }
            Behaviour::Hang { for_ms } => {
                tokio::time::sleep(Duration::from_millis(for_ms)).await;
                Err(Cut)
            }
            Behaviour::HangAfterHandling { for_ms } => {
                call(&self.api, request).await?;
                tokio::time::sleep(Duration::from_millis(for_ms)).await;
                Err(Cut)
            }
            Behaviour::Delay { for_ms } => {
                // On a task of its own: a real server goes on although the caller has given up.
                let api = self.api.clone();
                let handled = tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(for_ms)).await;
                    call(&api, request).await
                });
                handled.await.unwrap_or(Err(Cut))
            }
        }
    }
}

async fn call(router: &Router, request: Request<Body>) -> Result<Response, Cut> {
    router.clone().oneshot(request).await.map_err(|never: Infallible| match never {})
}

/// What the running server and its owner both see.
#[derive(Clone, Debug)]
struct Shared {
    journal: Journal,
    faults: Faults,
    requests: Requests,
}

#[derive(Clone, Debug, Default)]
struct Requests {
    seen: Arc<Mutex<Vec<SeenRequest>>>,
}

impl Requests {
    fn arrived(&self, method: &str, path: &str) -> usize {
        self.with(|seen| {
            seen.push(SeenRequest { method: method.to_owned(), path: path.to_owned(), status: None });
            seen.len() - 1
        })
    }

    fn answered(&self, ticket: usize, status: StatusCode) {
        self.with(|seen| seen[ticket].status = Some(status.as_u16()));
    }

    fn list(&self) -> Vec<SeenRequest> {
        self.with(|seen| seen.clone())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<SeenRequest>) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn control(shared: Shared) -> Router {
    Router::new()
        .route("/_simulator/journal", get(read_journal))
        .route("/_simulator/requests", get(read_requests))
        .route("/_simulator/fail", get(list_faults).post(add_fault).delete(clear_faults))
        .with_state(shared)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn read_journal(State(shared): State<Shared>, Query(query): Query<After>) -> Json<Vec<Effect>> {
    Json(shared.journal.after(query.after))
}

async fn read_requests(State(shared): State<Shared>) -> Json<Vec<SeenRequest>> {
    Json(shared.requests.list())
}

async fn list_faults(State(shared): State<Shared>) -> Json<Vec<FaultRule>> {
    Json(shared.faults.list())
}

async fn add_fault(State(shared): State<Shared>, Json(rule): Json<FaultRule>) -> StatusCode {
    shared.faults.add(rule);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(shared): State<Shared>) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

/// The answer to `POST /_simulator/set`.
pub(crate) fn set_answer(outcome: Result<(), ChangeRefused>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => (http::StatusCode::UNPROCESSABLE_ENTITY, refused.to_string()).into_response(),
    }
}
