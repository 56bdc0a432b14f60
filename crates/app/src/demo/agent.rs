//! The platform that launches runs, and the agent of one run, as clients.

use anyhow::{Context, Result};
use countersign_transport_grpc::client::{Authorized, Bearer, to_struct};
use countersign_transport_grpc::v1::agent_service_client::AgentServiceClient;
use countersign_transport_grpc::v1::audit_service_client::AuditServiceClient;
use countersign_transport_grpc::v1::run_service_client::RunServiceClient;
use countersign_transport_grpc::v1::{
    AcknowledgeOutcomeRequest, AwaitOutcomeRequest, CallReply, CallToolRequest, Event, ListEventsRequest,
    RegisterRunRequest, RuntimeMode,
};
use serde_json::Value;
use tonic::transport::Channel;

use super::place::REPOSITORY;
use crate::client::grpc::explained;

/// The platform: registers runs.
pub(super) struct Platform(RunServiceClient<Authorized>);

impl Platform {
    pub(super) fn on(channel: Channel, bearer: Bearer) -> Self {
        Self(RunServiceClient::with_interceptor(channel, bearer))
    }

    /// Registers a run launched by bob, and returns its token.
    pub(super) async fn register(&mut self, run_id: &str) -> Result<String> {
        let request = RegisterRunRequest {
            run_id: run_id.to_owned(),
            agent_key: "sre".to_owned(),
            run_label: "run:ops".to_owned(),
            runtime_mode: RuntimeMode::FullEnv.into(),
            project: "shop".to_owned(),
            repository: Some(REPOSITORY.to_owned()),
            namespace: Some("shop-dev".to_owned()),
            issue: Some(17),
            launched_by: "user:github:bob".to_owned(),
            time_budget_s: 3600,
            ..Default::default()
        };
        Ok(self.0.register_run(request).await.map_err(explained)?.into_inner().run_token)
    }
}

/// The agent of one run.
pub(super) struct Agent(AgentServiceClient<Authorized>);

impl Agent {
    pub(super) fn on(channel: Channel, bearer: Bearer) -> Self {
        Self(AgentServiceClient::with_interceptor(channel, bearer))
    }

    pub(super) async fn call(&mut self, tool: &str, arguments: &Value) -> Result<CallReply> {
        let arguments = Some(to_struct(arguments));
        let request = CallToolRequest { tool: tool.to_owned(), arguments };
        let answer = self.0.call_tool(request).await.map_err(explained)?.into_inner();
        answer.reply.context("the server sent no reply")
    }

    /// Waits until the request is over.
    pub(super) async fn outcome(&mut self, request_id: &str) -> Result<CallReply> {
        let request = AwaitOutcomeRequest { request_id: request_id.to_owned() };
        let mut stream = self.0.await_outcome(request).await.map_err(explained)?.into_inner();
        let mut last = None;
        while let Some(message) = stream.message().await.map_err(explained)? {
            last = message.reply;
        }
        last.context("the stream ended without an outcome")
    }

    pub(super) async fn acknowledge(&mut self, request_id: &str) -> Result<()> {
        let request = AcknowledgeOutcomeRequest { request_id: request_id.to_owned() };
        self.0.acknowledge_outcome(request).await.map_err(explained)?;
        Ok(())
    }
}

/// All events there are.
pub(super) async fn events(channel: Channel, bearer: Bearer) -> Result<Vec<Event>> {
    let mut client = AuditServiceClient::with_interceptor(channel, bearer);
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListEventsRequest { page_size: 500, page_token, ..Default::default() };
        let page = client.list_events(request).await.map_err(explained)?.into_inner();
        let last = page.events.is_empty();
        all.extend(page.events);
        if last || page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}
