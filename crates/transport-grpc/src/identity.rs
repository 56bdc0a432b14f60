//! Who calls, as the services are told.

use std::sync::Arc;

use countersign_kernel::RunId;
use countersign_usecases::Identity;
use countersign_usecases::access::{BearerIdentity, Holder};
use tonic::Status;

use crate::status::CallId;

/// Who calls, as the gate proved it.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Run(RunId),
    Bearer(Arc<BearerIdentity>),
}

/// A call as its service sees it: its id and who calls.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) id: CallId,
    caller: Option<Caller>,
}

impl Context {
    pub(crate) fn new(id: CallId, caller: Option<Caller>) -> Self {
        Self { id, caller }
    }

    /// The context the gate put beside the message. A call that came around the gate has none and is refused.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(not_through_the_gate)
    }

    /// The run that calls.
    pub(crate) fn run(&self) -> Result<&RunId, Status> {
        match &self.caller {
            Some(Caller::Run(run)) => Ok(run),
            Some(Caller::Bearer(_)) | None => Err(not_through_the_gate()),
        }
    }

    /// The person or service that calls.
    pub(crate) fn bearer(&self) -> Result<&BearerIdentity, Status> {
        match &self.caller {
            Some(Caller::Bearer(bearer)) => Ok(bearer),
            Some(Caller::Run(_)) | None => Err(not_through_the_gate()),
        }
    }

    /// Whose streams this caller's count among.
    pub(crate) fn holder(&self) -> Result<Holder, Status> {
        match &self.caller {
            Some(Caller::Run(run)) => Ok(Holder::Run(run.clone())),
            Some(Caller::Bearer(bearer)) => Ok(Holder::Principal(bearer.identity.principal.clone())),
            None => Err(not_through_the_gate()),
        }
    }

    /// The identity that calls.
    pub(crate) fn identity(&self) -> Result<&Identity, Status> {
        self.bearer().map(|bearer| &bearer.identity)
    }
}

fn not_through_the_gate() -> Status {
    tracing::error!("a call reached its service without having been authenticated");
    Status::internal("the call was not authenticated; this is a defect of the server")
}
