//! A server on a local port, over the in-memory ledger, and clients with tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use countersign_kernel::{Millis, Proof, RunId, Timestamp};
use countersign_mcp_tools::{OwnerFeedback, ToolRegistry};
use countersign_testkit::build::principal;
use countersign_testkit::{MemoryStore, SeededEntropy, TestIds, TestTool};
use countersign_transport_grpc::v1::agent_service_client::AgentServiceClient;
use countersign_transport_grpc::v1::approval_service_client::ApprovalServiceClient;
use countersign_transport_grpc::v1::audit_service_client::AuditServiceClient;
use countersign_transport_grpc::v1::policy_service_client::PolicyServiceClient;
use countersign_transport_grpc::v1::run_service_client::RunServiceClient;
use countersign_transport_grpc::{GrpcDeps, GrpcSettings, ProcessWake, serve, v1};
use countersign_usecases::access::{
    BearerDirectory, BearerIdentity, Callers, Role, RunTokenVerifier, TokenRejection,
};
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::stopwatch::StoppedWatch;
use countersign_usecases::port::{IssuedToken, RunTokens, TokenError};
use countersign_usecases::seal::{MasterKey, Sealer};
use countersign_usecases::warrants::Unlogged;
use countersign_usecases::{Identity, Ports, Services, worker};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The run of most tests.
pub(crate) const RUN: &str = "run-1";

/// Run tokens anybody could make: `run-token.RUN`.
struct PlainTokens;

impl RunTokens for PlainTokens {
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken { token: token_of(run.as_str()), expires_at: now.plus(Millis::from_secs(3600)) })
    }
}

impl RunTokenVerifier for PlainTokens {
    fn verify(&self, token: &str) -> Result<RunId, TokenRejection> {
        let run = token.strip_prefix("run-token.").ok_or(TokenRejection)?;
        RunId::parse(run).map_err(|_| TokenRejection)
    }
}

pub(crate) fn token_of(run: &str) -> String {
    format!("run-token.{run}")
}

/// Bearer tokens are the names of their holders; each role also has a holder named like it.
struct Staff;

impl BearerDirectory for Staff {
    fn find(&self, token: &str) -> Option<BearerIdentity> {
        let (name, roles): (&str, &[Role]) = match token {
            "alice" => ("user:github:alice", &[Role::Viewer, Role::Approver]),
            "bob" => ("user:github:bob", &[Role::Approver]),
            "carol" => ("user:github:carol", &[Role::Approver]),
            "viewer" => ("user:github:vera", &[Role::Viewer]),
            "approver" => ("user:github:amy", &[Role::Approver]),
            "operator" => ("user:github:oscar", &[Role::Operator]),
            "auditor" => ("user:github:audrey", &[Role::Auditor]),
            "platform" => ("service:ci:platform", &[Role::Platform]),
            _ => return None,
        };
        let identity = Identity::new(principal(name), Proof::BearerToken);
        Some(BearerIdentity { identity, roles: BTreeSet::from_iter(roles.iter().copied()) })
    }
}

/// One store with its tools, on which servers run.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) tool: Arc<TestTool>,
    pub(crate) reader: Arc<TestTool>,
    tools: Arc<ToolRegistry>,
    ids: TestIds,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) services: Arc<Services>,
    pub(crate) channel: Channel,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl World {
    pub(crate) fn new(tool: TestTool) -> Self {
        let store = MemoryStore::default();
        let (tool, reader) = (Arc::new(tool), Arc::new(TestTool::reading()));
        let mut tools = ToolRegistry::new();
        tools.register(tool.clone()).unwrap();
        tools.register(reader.clone()).unwrap();
        tools.register(Arc::new(OwnerFeedback::new())).unwrap();
        let ids = TestIds::new(5, store.clock().clone());
        Self { store, tool, reader, tools: Arc::new(tools), ids }
    }

    /// A replica: its own services and waker, the same store.
    pub(crate) async fn serve(&self, seed: u64) -> Server {
        self.serve_with(seed, GrpcSettings::default()).await
    }

    /// The same with other settings.
    pub(crate) async fn serve_with(&self, seed: u64, settings: GrpcSettings) -> Server {
        let wake = Arc::new(ProcessWake::default());
        let ports = Ports {
            ledger: Arc::new(self.store.clone()),
            work: Arc::new(self.store.clone()),
            queries: Arc::new(self.store.clone()),
            warrants: Arc::new(Unlogged::new(Arc::new(self.store.clone()))),
            tokens: Arc::new(PlainTokens),
            entropy: Arc::new(SeededEntropy::new(seed)),
            wake: wake.clone(),
            stopwatch: Arc::new(StoppedWatch),
        };
        let keys = BTreeMap::from([("k1".to_owned(), MasterKey::new([7; 32]))]);
        let sealer = Sealer::new(keys, "k1".to_owned()).unwrap();
        let services = Arc::new(Services::new(ports, self.tools.clone(), sealer));
        let deps = GrpcDeps {
            services: services.clone(),
            callers: Callers { run_tokens: Arc::new(PlainTokens), bearers: Arc::new(Staff) },
            wake,
            entropy: Arc::new(SeededEntropy::new(seed + 1)),
            settings,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
            };
            serve(deps, listener, stopped).await.unwrap();
        });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Server { services, channel, stop: Some(stop), task }
    }

    /// Does all work that is due, until none is.
    pub(crate) async fn work_off(&self, server: &Server) {
        for _ in 0..100 {
            let leases = worker::claim(&server.services, self.ids.worker(), 100).await.unwrap();
            if leases.is_empty() {
                return;
            }
            for lease in &leases {
                worker::work(&server.services, lease).await.unwrap();
            }
        }
        panic!("work never ends");
    }
}

/// A world with a server, the testkit's policy and the registered run.
pub(crate) async fn started(tool: TestTool) -> (World, Server) {
    let world = World::new(tool);
    let server = world.serve(1).await;
    let root = Identity::new(principal("user:github:root"), Proof::BearerToken);
    activate_policy(&server.services, countersign_testkit::policy::TEXT, &root).await.unwrap();
    server.register(RUN).await;
    (world, server)
}

impl Server {
    /// Stops it and waits until it is down.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        drop(self.channel);
        soon(&mut self.task).await.unwrap();
    }

    /// Tells it to stop.
    pub(crate) fn tell_to_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) fn agent(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(self.channel.clone())
    }

    pub(crate) fn runs(&self) -> RunServiceClient<Channel> {
        RunServiceClient::new(self.channel.clone())
    }

    pub(crate) fn approvals(&self) -> ApprovalServiceClient<Channel> {
        ApprovalServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policy(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn register(&self, run: &str) {
        self.runs().register_run(with("platform", registration(run))).await.unwrap();
    }

    /// The agent of the run calls this tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<v1::CallReply, Status> {
        let message = v1::CallToolRequest { tool: tool.to_owned(), arguments: Some(structure(arguments)) };
        let answer = self.agent().call_tool(with(&token_of(RUN), message)).await?;
        Ok(answer.into_inner().reply.unwrap())
    }

    /// The agent asks for the thing of this name in `dev`.
    pub(crate) async fn ask(&self, name: &str) -> v1::CallReply {
        self.call("test.write", json!({"name": name, "environment": "dev"})).await.unwrap()
    }

    /// This person decides on what the reply shows.
    pub(crate) async fn decide(
        &self,
        who: &str,
        reply: &v1::CallReply,
        decision: v1::Decision,
    ) -> Result<v1::ResolveApprovalDecisionResponse, Status> {
        let message = decision_on(reply, decision);
        self.approvals().resolve_approval_decision(with(who, message)).await.map(Response::into_inner)
    }

    pub(crate) async fn approval(&self, who: &str, id: &str) -> v1::Approval {
        let message = v1::GetApprovalRequest { request_id: id.to_owned() };
        let answer = self.approvals().get_approval(with(who, message)).await.unwrap();
        answer.into_inner().approval.unwrap()
    }
}

pub(crate) fn decision_on(
    reply: &v1::CallReply,
    decision: v1::Decision,
) -> v1::ResolveApprovalDecisionRequest {
    v1::ResolveApprovalDecisionRequest {
        request_id: reply.request_id.clone().unwrap(),
        decision: decision.into(),
        reason: "the test decides so".to_owned(),
        seen_digest: reply.plan_digest.clone().unwrap(),
        input_mode: v1::InputMode::Text.into(),
    }
}

/// A run as the testkit's builders describe it.
pub(crate) fn registration(run: &str) -> v1::RegisterRunRequest {
    v1::RegisterRunRequest {
        run_id: run.to_owned(),
        agent_key: "sre".to_owned(),
        run_label: "run:ops".to_owned(),
        runtime_mode: v1::RuntimeMode::FullEnv.into(),
        project: "shop".to_owned(),
        repository: Some("acme/shop".to_owned()),
        namespace: Some("shop-dev".to_owned()),
        issue: Some(17),
        pull_request: None,
        launched_by: "user:github:dana".to_owned(),
        time_budget_s: 3600,
    }
}

/// A request with a bearer token.
pub(crate) fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// A JSON object as a message.
pub(crate) fn structure(value: Value) -> prost_types::Struct {
    let Value::Object(members) = value else { panic!("not an object: {value}") };
    prost_types::Struct { fields: members.into_iter().map(|(name, value)| (name, convert(value))).collect() }
}

fn convert(value: Value) -> prost_types::Value {
    use prost_types::value::Kind;
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => {
            Kind::ListValue(prost_types::ListValue { values: items.into_iter().map(convert).collect() })
        }
        object @ Value::Object(_) => Kind::StructValue(structure(object)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// The text at a member of a document.
pub(crate) fn text<'d>(document: &'d prost_types::Struct, member: &str) -> &'d str {
    match document.fields.get(member).and_then(|value| value.kind.as_ref()) {
        Some(prost_types::value::Kind::StringValue(text)) => text,
        other => panic!("`{member}` is {other:?} in {document:?}"),
    }
}

/// What comes of it, within five seconds.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(5), future).await.expect("it takes too long")
}

/// The details of a refusal, which has to have this status and code.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(
    result: Result<T, Status>,
    code: Code,
    reason: &str,
) -> ErrorDetails {
    let status = result.expect_err("it should have been refused");
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!((status.code(), info.reason.as_str()), (code, reason), "{}", status.message());
    assert_eq!(info.domain, "countersign");
    assert!(!details.request_info().expect("it names the call").request_id.is_empty());
    details
}

/// `field: description` of every violated field.
pub(crate) fn fields_of(details: &ErrorDetails) -> Vec<String> {
    let fields = &details.bad_request().expect("it lists fields").field_violations;
    fields.iter().map(|field| format!("{}: {}", field.field, field.description)).collect()
}
