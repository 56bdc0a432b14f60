//! The server put together: services behind the gate, health, reflection, limits.

use std::future::Future;
use std::sync::Arc;

use countersign_usecases::Services;
use countersign_usecases::access::{Callers, Seats};
use countersign_usecases::port::Entropy;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

use crate::agent::Agent;
use crate::approvals::Approvals;
use crate::audit::Audit;
use crate::databases::Databases;
use crate::gate::{Gate, GateLayer};
use crate::pace::Shared;
use crate::policy::Policies;
use crate::runs::Runs;
use crate::settings::GrpcSettings;
use crate::v1;
use crate::v1::agent_service_server::AgentServiceServer;
use crate::v1::approval_service_server::ApprovalServiceServer;
use crate::v1::audit_service_server::AuditServiceServer;
use crate::v1::database_service_server::DatabaseServiceServer;
use crate::v1::policy_service_server::PolicyServiceServer;
use crate::v1::run_service_server::RunServiceServer;
use crate::wake::ProcessWake;

/// What the surface works with.
pub struct GrpcDeps {
    /// The use cases.
    pub services: Arc<Services>,
    /// Knows callers by their tokens.
    pub callers: Callers,
    /// The very waker the use cases have, so that streams hear of commits at once.
    pub wake: Arc<ProcessWake>,
    /// Names calls whose callers didn't.
    pub entropy: Arc<dyn Entropy>,
    /// Limits and times.
    pub settings: GrpcSettings,
}

/// All services behind the gate.
pub type GrpcRouter = Router<Stack<GateLayer, Identity>>;

/// The services of the contract by their full names.
const SERVICES: [&str; 6] = [
    "countersign.v1.AgentService",
    "countersign.v1.RunService",
    "countersign.v1.ApprovalService",
    "countersign.v1.PolicyService",
    "countersign.v1.DatabaseService",
    "countersign.v1.AuditService",
];

/// The surface, to be served as the embedding program likes. Streams then end with their connections only; [`serve`] ends them itself.
///
/// # Errors
/// The built-in description of the contract can't be read: a defect.
pub fn router(deps: GrpcDeps) -> Result<GrpcRouter, tonic_reflection::server::Error> {
    let (_, never) = watch::channel(false);
    let (health, _) = HealthPart::new();
    assemble(deps, never, health)
}

/// Serves on this listener until `stop` is done; then open streams end with `UNAVAILABLE`, calls in hand are finished, and health says
/// that nothing is served.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    deps: GrpcDeps,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (stopping, stopped) = watch::channel(false);
    let (health, reporter) = HealthPart::new();
    for service in SERVICES {
        reporter.set_service_status(service, ServingStatus::Serving).await;
    }
    let router = assemble(deps, stopped, health)?;
    let stop = async move {
        stop.await;
        for service in SERVICES.into_iter().chain([""]) {
            reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
        stopping.send_replace(true);
    };
    let incoming = TcpListenerStream::new(listener);
    Ok(router.serve_with_incoming_shutdown(incoming, stop).await?)
}

/// The surface can't be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The built-in description of the contract can't be read: a defect.
    #[error("the description of the contract can't be read")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listener fails.
    #[error("gRPC can't be served")]
    Transport(#[from] tonic::transport::Error),
}

struct HealthPart(HealthReporter);

impl HealthPart {
    fn new() -> (Self, HealthReporter) {
        let reporter = HealthReporter::new();
        (Self(reporter.clone()), reporter)
    }
}

fn assemble(
    deps: GrpcDeps,
    stopping: watch::Receiver<bool>,
    health: HealthPart,
) -> Result<GrpcRouter, tonic_reflection::server::Error> {
    let settings = Arc::new(deps.settings);
    let shared = Shared {
        services: Arc::clone(&deps.services),
        wake: deps.wake,
        settings: Arc::clone(&settings),
        stopping,
        seats: Seats::default(),
    };
    let gate =
        GateLayer(Arc::new(Gate { services: deps.services, callers: deps.callers, entropy: deps.entropy }));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let health = tonic_health::pb::health_server::HealthServer::new(
        tonic_health::server::HealthService::from_health_reporter(health.0),
    );
    let most = settings.max_message_bytes;
    Ok(Server::builder()
        .timeout(settings.call_timeout)
        .http2_keepalive_interval(Some(settings.keep_alive_interval))
        .http2_keepalive_timeout(Some(settings.keep_alive_timeout))
        .tcp_nodelay(true)
        .layer(gate)
        .add_service(health)
        .add_service(reflection)
        .add_service(AgentServiceServer::new(Agent(shared.clone())).max_decoding_message_size(most))
        .add_service(RunServiceServer::new(Runs(shared.clone())).max_decoding_message_size(most))
        .add_service(ApprovalServiceServer::new(Approvals(shared.clone())).max_decoding_message_size(most))
        .add_service(PolicyServiceServer::new(Policies(shared.clone())).max_decoding_message_size(most))
        .add_service(DatabaseServiceServer::new(Databases(shared.clone())).max_decoding_message_size(most))
        .add_service(AuditServiceServer::new(Audit(shared)).max_decoding_message_size(most)))
}
