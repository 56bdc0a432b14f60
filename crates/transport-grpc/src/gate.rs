//! The gate every call passes: it names the call, proves who calls, and lets in whom the table of
//! [`countersign_usecases::access`] lets in.
//!
//! A call's span says method, call id and caller. Bodies, tokens and reasons never enter it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use countersign_kernel::{Fault, Kind, RunId};
use countersign_usecases::Services;
use countersign_usecases::access::{Access, Callers, bearer_token};
use countersign_usecases::look::get_live_run;
use countersign_usecases::port::Entropy;
use http::{HeaderMap, HeaderValue};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::{Instrument as _, field};

use crate::access::access_of;
use crate::identity::{Caller, Context};
use crate::status::{CallId, refuse, refuse_as};

const REQUEST_ID: &str = "x-request-id";

/// What the gate knows callers by.
pub(crate) struct Gate {
    pub(crate) services: Arc<Services>,
    pub(crate) callers: Callers,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Gate {
    /// The caller's own id for the call if it is presentable, else a new one.
    fn name(&self, headers: &HeaderMap) -> CallId {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        });
        CallId(match given {
            Some(id) => id.into(),
            None => {
                let mut bytes = [0; 16];
                self.entropy.fill(&mut bytes);
                format!("{:032x}", u128::from_be_bytes(bytes)).into()
            }
        })
    }

    async fn admit(&self, path: &str, headers: &HeaderMap, id: &CallId) -> Result<Option<Caller>, Status> {
        let Some(access) = access_of(path) else {
            return Err(Status::unimplemented(format!("there is no method `{path}`")));
        };
        match access {
            Access::Public => Ok(None),
            Access::Run { checked_by_use_case } => {
                let run = self.callers.run(token(headers)).map_err(|error| refuse(&error, id))?;
                if !checked_by_use_case {
                    self.check_live(&run, id).await?;
                }
                Ok(Some(Caller::Run(run)))
            }
            Access::AnyOf(needs) => {
                let bearer = self.callers.bearer(token(headers)).and_then(|bearer| bearer.with_role(needs));
                let bearer = bearer.map_err(|error| refuse(&error, id))?;
                Ok(Some(Caller::Bearer(Arc::new(bearer))))
            }
        }
    }

    async fn check_live(&self, run: &RunId, id: &CallId) -> Result<(), Status> {
        get_live_run(&self.services, run).await.map(|_| ()).map_err(|error| of_run(&error, id))
    }
}

/// A refusal towards an agent: that its run has ended means that its token is dead.
pub(crate) fn of_run(fault: &dyn Fault, id: &CallId) -> Status {
    let kind = if fault.code() == "run_ended" { Kind::Unauthenticated } else { fault.kind() };
    refuse_as(kind, fault, id)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    bearer_token(headers.get(http::header::AUTHORIZATION)?.to_str().ok()?)
}

/// Puts the gate before all services.
#[derive(Clone)]
pub struct GateLayer(pub(crate) Arc<Gate>);

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: Arc::clone(&self.0) }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    gate: Arc<Gate>,
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl<S> Service<http::Request<Body>> for Gated<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Answer {
        // The service that was polled ready is the one to call; its clone takes its place.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let gate = Arc::clone(&self.gate);
        let id = gate.name(request.headers());
        let path = request.uri().path().to_owned();
        let span = tracing::info_span!("grpc_call", method = path, request_id = %id, caller = field::Empty);
        let answer = async move {
            let mut response = match gate.admit(&path, request.headers(), &id).await {
                Err(status) => status.into_http(),
                Ok(caller) => {
                    note(caller.as_ref());
                    request.extensions_mut().insert(Context::new(id.clone(), caller));
                    inner.call(request).await?
                }
            };
            if let Ok(id) = HeaderValue::from_str(&id.0) {
                response.headers_mut().insert(REQUEST_ID, id);
            }
            Ok(response)
        };
        Box::pin(answer.instrument(span))
    }
}

fn note(caller: Option<&Caller>) {
    match caller {
        None => {}
        Some(Caller::Run(run)) => {
            tracing::Span::current().record("caller", field::display(run));
        }
        Some(Caller::Bearer(bearer)) => {
            tracing::Span::current().record("caller", field::display(&bearer.identity.principal));
        }
    }
}
